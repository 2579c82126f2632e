//! Names, checked where they are written.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use darling::{Error, FromMeta};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{DeriveInput, Ident, Lit};

/// What a name has to be.
pub(super) trait Rule {
    /// Whether nothing can be made of a name that breaks the rule.
    const IS_NEEDED: bool = false;

    /// Says what is wrong.
    fn check(name: &str) -> Result<(), String>;
}

/// Something that compiles and that servers refuse, such as a CRD with a plural in capitals.
///
/// It is no error: types that are never installed, as in tests, have such names, and kube takes them.
#[derive(Debug)]
pub(crate) struct Doubt {
    message: String,
    span: Span,
}

impl Doubt {
    /// What is wrong with what stands at `span`, if anything is.
    pub(super) fn of<R: Rule>(name: &str, span: Span) -> Option<Self> {
        let message = R::check(name).err()?;
        Some(Self { message, span })
    }

    /// A warning at the place, unless the type allows it; a deprecation is the only one that a macro can give.
    pub(super) fn warning(&self, input: &DeriveInput) -> TokenStream {
        let message = &self.message;
        let allowed = input
            .attrs
            .iter()
            .filter(|attribute| attribute.path().is_ident("allow"));
        quote_spanned! {self.span=>
            #(#allowed)*
            const _: () = {
                #[allow(non_upper_case_globals)]
                #[deprecated(note = #message)]
                const refused_by_servers: () = ();
                refused_by_servers
            };
        }
    }
}

/// A name that keeps a rule.
pub(crate) struct Name<R> {
    name: String,
    span: Span,
    rule: PhantomData<R>,
}

impl<R: Rule> Name<R> {
    /// What servers refuse of it.
    pub(super) fn doubt(&self) -> Option<Doubt> {
        Doubt::of::<R>(&self.name, self.span)
    }
}

impl<R> Name<R> {
    /// Where it is written.
    pub(super) fn span(&self) -> Span {
        self.span
    }

    pub(super) fn new(name: String, span: Span) -> Self {
        Name {
            name,
            span,
            rule: PhantomData,
        }
    }
}

impl<R: Rule> FromMeta for Name<R> {
    fn from_value(literal: &Lit) -> darling::Result<Self> {
        let Lit::Str(text) = literal else {
            return Err(Error::custom("expected a string").with_span(literal));
        };
        let name = text.value();
        if R::IS_NEEDED {
            R::check(&name).map_err(|message| Error::custom(message).with_span(text))?;
        }
        Ok(Name::new(name, text.span()))
    }
}

impl<R> Deref for Name<R> {
    type Target = String;

    fn deref(&self) -> &String {
        &self.name
    }
}

impl<R> fmt::Display for Name<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl<R> ToTokens for Name<R> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.name.to_tokens(tokens);
    }
}

/// An API group that a CRD can have.
pub(crate) struct Group;

impl Rule for Group {
    fn check(name: &str) -> Result<(), String> {
        if name.is_empty() {
            return Err("`group` is empty: a CRD cannot define a kind of the core group".to_owned());
        }
        let is_part = |part: &str| is_label(part, |first| first.is_ascii_digit());
        if name.len() > 253 || !name.contains('.') || !name.split('.').all(is_part) {
            return Err(format!(
                "`{name}` is no API group: a group is a domain name of yours in lower case, such as `docs.example.com`"
            ));
        }
        Ok(())
    }
}

/// A DNS label that begins with a letter, as most names in a CRD are.
pub(crate) struct Label;

impl Rule for Label {
    fn check(name: &str) -> Result<(), String> {
        if is_label(name, |_| false) {
            return Ok(());
        }
        Err(format!(
            "`{name}` is no name that a CRD can have: it is of lower-case letters, digits and `-`, and begins with a letter"
        ))
    }
}

/// A kind.
pub(crate) struct KindName;

impl Rule for KindName {
    fn check(name: &str) -> Result<(), String> {
        if is_label(&name.to_ascii_lowercase(), |_| false) {
            return Ok(());
        }
        Err(format!(
            "`{name}` is no kind: a kind is a word in PascalCase, such as `{}`",
            pascal_case(name)
        ))
    }
}

/// A kind as most are written, so that it can be the name of a struct, too.
pub(super) struct PascalCase;

impl Rule for PascalCase {
    fn check(kind: &str) -> Result<(), String> {
        let is_word = kind.chars().all(|c| c.is_ascii_alphanumeric());
        if is_word && kind.starts_with(|first: char| first.is_ascii_uppercase()) {
            return Ok(());
        }
        Err(format!(
            "`{kind}` is not in PascalCase: call the kind `{}`, or, if it is called so already, name the struct \
             with `root = \"...\"`",
            pascal_case(kind)
        ))
    }
}

/// The name of the generated struct.
pub(crate) struct Struct;

impl Rule for Struct {
    const IS_NEEDED: bool = true;

    fn check(name: &str) -> Result<(), String> {
        match syn::parse_str::<Ident>(name) {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("`{name}` cannot be the name of a struct")),
        }
    }
}

/// A JSON path to a field.
pub(crate) struct FieldPath;

impl Rule for FieldPath {
    fn check(path: &str) -> Result<(), String> {
        if path.starts_with('.') && path.len() > 1 {
            return Ok(());
        }
        Err(format!(
            "`{path}` is no path of a field: it begins at the object, with a dot, such as `.spec.title`"
        ))
    }
}

/// A DNS label; `may_begin` says with what else than a letter.
fn is_label(name: &str, may_begin: impl Fn(char) -> bool) -> bool {
    name.len() <= 63
        && name.starts_with(|first: char| first.is_ascii_lowercase() || may_begin(first))
        && name.ends_with(|last: char| last.is_ascii_lowercase() || last.is_ascii_digit())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// What the name may have been meant to be.
fn pascal_case(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let pascal: String = words
        .map(|word| match word.chars().next() {
            Some(first) => format!(
                "{}{}",
                first.to_ascii_uppercase(),
                word.get(1..).unwrap_or_default()
            ),
            None => String::new(),
        })
        .collect();
    if pascal.starts_with(|first: char| first.is_ascii_uppercase()) {
        pascal
    } else {
        "Document".to_owned()
    }
}
