//! Items of a listing, under names that do not depend on where a crate keeps them.

/// A public item.
pub(crate) struct Item {
    /// What it is and its name. Methods go by their type, whatever module that is in, as a listing
    /// has them where they are written; all else goes by its path.
    pub(crate) key: String,
    /// Its whole line, with names in place of paths.
    pub(crate) signature: String,
}

impl Item {
    /// How prose names it: a type, or a type and its member.
    pub(crate) fn short(&self) -> &str {
        let name = self
            .key
            .split_once(' ')
            .map_or(self.key.as_str(), |(_, name)| name);
        name.rsplit_once("crate::").map_or(name, |(_, name)| name)
    }
}

/// The items of a listing. Inherent impls are left out: what is in them has lines of its own.
pub(crate) fn items(listing: &str) -> impl Iterator<Item = Item> {
    listing.lines().filter_map(item)
}

fn item(line: &str) -> Option<Item> {
    let line = crates_as_one(line);
    let key = if line.starts_with("impl") {
        of_impl(&line)?
    } else {
        of_declaration(&line)?
    };
    Some(Item {
        key,
        signature: names(&line),
    })
}

/// The names of all our crates, and of all of kube's, are one.
fn crates_as_one(line: &str) -> String {
    let mut line = line.replace("serde_core::", "serde::");
    for name in ["core", "client", "runtime"] {
        for family in ["kubist", "kube"] {
            let path = format!("{family}_{name}");
            line = line.replace(&format!("{path}::"), "crate::");
            if let Some(head) = line.strip_suffix(&format!(" {path}")) {
                line = format!("{head} crate");
            }
        }
    }
    line
}

/// `impl Trait for Type`, without parameters.
fn of_impl(line: &str) -> Option<String> {
    let line = without_generics(line);
    let line = line.split(" where ").next()?.trim_start_matches("impl").trim();
    let (name, of) = line.split_once(" for ")?;
    Some(format!("impl {} for {}", last(name), last(of)))
}

fn of_declaration(line: &str) -> Option<String> {
    let mut rest = line;
    // Attributes: `#[non_exhaustive] pub struct ...`.
    while let Some((_, after)) = rest.strip_prefix("#[").and_then(|rest| rest.split_once("] ")) {
        rest = after;
    }
    let mut rest = rest.strip_prefix("pub ")?;
    while let Some(after) = ["async ", "unsafe ", "const fn "]
        .iter()
        .find_map(|word| rest.strip_prefix(word))
    {
        if rest.starts_with("const fn ") {
            rest = rest.strip_prefix("const ")?;
            break;
        }
        rest = after;
    }
    let kinds = [
        "fn", "mod", "use", "struct", "enum", "union", "trait", "type", "const", "macro",
    ];
    let kind = kinds.into_iter().find_map(|kind| {
        let after = rest.strip_prefix(kind)?.strip_prefix(' ')?;
        Some((kind, after))
    });
    let (kind, rest) = kind.unwrap_or(("", rest));
    let path = without_generics(rest);
    let path = path.split(['(', ' ', '=']).next()?;
    // `field: Type`, but not `a::b`.
    let path = path.strip_suffix(':').unwrap_or(path).trim_end_matches('!');
    let mut segments = path.rsplit("::");
    let (name, owner) = (segments.next()?, segments.next());
    Some(match owner {
        Some(owner) if owner.starts_with(|first: char| first.is_uppercase()) => match kind {
            // A field or a variant.
            "" => format!("part {path}"),
            "type" => format!("type {owner}::{name}"),
            _ => format!("method {owner}::{name}"),
        },
        // What is used from elsewhere is as good as what is declared there.
        _ => format!("item {path}"),
    })
}

/// A text without what stands in angle brackets.
fn without_generics(text: &str) -> String {
    let mut depth = 0;
    let mut before = ' ';
    let mut kept = String::new();
    for c in text.chars() {
        match c {
            '<' => depth += 1,
            // Not that of an arrow.
            '>' if before != '-' => depth -= 1,
            _ if depth == 0 => kept.push(c),
            _ => {}
        }
        before = c;
    }
    kept
}

fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path).trim()
}

/// A line with names in place of paths.
fn names(line: &str) -> String {
    let mut out = String::new();
    let mut path = String::new();
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c == ':' && chars.peek() == Some(&':') && !path.is_empty() {
            chars.next();
            path.clear();
        } else if c.is_alphanumeric() || c == '_' {
            path.push(c);
        } else {
            out.push_str(&path);
            path.clear();
            out.push(c);
        }
    }
    out + &path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(line: &str) -> Option<String> {
        item(line).map(|item| item.key)
    }

    #[test]
    fn items_have_names() {
        for (line, expected) in [
            ("pub mod kube_client", "item crate"),
            ("pub use kubist_client::Resource", "item crate::Resource"),
            (
                "#[non_exhaustive] pub struct kube_client::Config",
                "item crate::Config",
            ),
            ("pub struct kube_client::Api<K>", "item crate::Api"),
            (
                "pub kube_client::Config::headers: alloc::vec::Vec<(A, B)>",
                "part crate::Config::headers",
            ),
            (
                "pub kube_client::AuthError::OAuth(kube_client::E)",
                "part crate::AuthError::OAuth",
            ),
            (
                "pub async fn kube_client::a::Client::get<K>(&self) -> A<B>",
                "method Client::get",
            ),
            (
                "pub const fn kube_client::Body::empty() -> Self",
                "method Body::empty",
            ),
            ("pub const kube_core::a::X: &'static str", "item crate::a::X"),
            (
                "pub type kube_client::m::BaseUri<S>::Error = <S as T<F>>::Error",
                "type BaseUri::Error",
            ),
            (
                "impl<S> tower::Layer<S> for kube_client::m::AuthLayer where S: A",
                "impl Layer for AuthLayer",
            ),
            (
                "pub fn kube_core::labels::parse(&str) -> A",
                "item crate::labels::parse",
            ),
        ] {
            assert_eq!(key(line).as_deref(), Some(expected), "{line}");
        }
        assert_eq!(key("impl kube_client::client::Client"), None);
    }

    #[test]
    fn signatures_do_not_depend_on_modules() {
        let signature = |line| item(line).map(|item| item.signature);
        assert_eq!(
            signature("pub fn kube_client::a::C::f(&self, kube_core::x::P) -> a::B<c::D>"),
            signature("pub fn kubist_client::b::c::C::f(&self, kubist_core::P) -> a::B<D>"),
        );
    }
}
