//! Types without a structural schema, as far as one type's source tells.

use std::collections::HashMap;

use syn::{Attribute, Data, DataEnum, DeriveInput, Field, Fields, Ident, PathArguments, Type, Variant};

use crate::metas::{metas, text};

/// Refuses what cannot be in a custom resource.
///
/// What only several types together are is found when the schema is built.
pub(super) fn refuse(input: &DeriveInput) -> syn::Result<()> {
    // Written as another type, or with a tag beside the fields.
    let others = ["from", "into", "try_from", "remote", "with", "schema_with"];
    let mut written = names(&input.attrs, "serde")?;
    written.extend(names(&input.attrs, "schemars")?);
    let says = |word: &str| written.iter().any(|name| name == word);
    if others.into_iter().any(says) || matches!(input.data, Data::Struct(_)) && says("tag") {
        return Ok(());
    }
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Unit => Err(syn::Error::new_spanned(
                &input.ident,
                format!(
                    "a unit struct is always null, which a server drops: give it braces (`struct {} {{}}`)",
                    input.ident
                ),
            )),
            fields => fields.iter().try_for_each(refuse_null),
        },
        Data::Enum(data) => refuse_variants(&input.attrs, data),
        Data::Union(_) => Err(syn::Error::new_spanned(
            &input.ident,
            "KubeSchema can be derived for a struct or an enum: a union has no schema",
        )),
    }
}

/// Whether the schema of a field or variant is not its type's, or it has none.
pub(super) fn has_other_schema(attributes: &[Attribute]) -> syn::Result<bool> {
    let is_skip = |name: &str| name == "skip";
    let of_serde = names(attributes, "serde")?;
    let of_schemars = names(attributes, "schemars")?;
    Ok(of_serde.iter().any(|name| is_skip(name))
        || of_schemars
            .iter()
            .any(|name| is_skip(name) || name == "schema_with" || name == "with"))
}

fn refuse_null(field: &Field) -> syn::Result<()> {
    let is_null = match &field.ty {
        Type::Tuple(tuple) => tuple.elems.is_empty(),
        type_ => last_segment(type_).is_some_and(|last| last == "PhantomData"),
    };
    if !is_null || has_other_schema(&field.attrs)? {
        return Ok(());
    }
    Err(syn::Error::new_spanned(
        &field.ty,
        "this is always null, which a server drops: leave the field out with `#[serde(skip)]`",
    ))
}

/// How serde tells variants apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Representation {
    External,
    Internal,
    Adjacent,
    Untagged,
}

impl Representation {
    fn of(attributes: &[Attribute]) -> syn::Result<Self> {
        let says = |names: &[String], word: &str| names.iter().any(|name| name == word);
        let mut names_of_both = names(attributes, "serde")?;
        names_of_both.extend(names(attributes, "schemars")?);
        Ok(if says(&names_of_both, "untagged") {
            Representation::Untagged
        } else if says(&names_of_both, "content") {
            Representation::Adjacent
        } else if says(&names_of_both, "tag") {
            Representation::Internal
        } else {
            Representation::External
        })
    }
}

fn refuse_variants(attributes: &[Attribute], data: &DataEnum) -> syn::Result<()> {
    let representation = Representation::of(attributes)?;
    let mut variants = Vec::new();
    for variant in &data.variants {
        let of_its_own = ["untagged", "rename_all", "with"];
        let is_other = names(&variant.attrs, "serde")?
            .iter()
            .any(|name| of_its_own.contains(&name.as_str()));
        if !is_other && !has_other_schema(&variant.attrs)? {
            variants.push(variant);
        }
    }
    for field in variants.iter().flat_map(|variant| &variant.fields) {
        refuse_null(field)?;
    }
    match representation {
        Representation::External => refuse_units_beside_others(&variants),
        // Each variant is below a name of its own.
        Representation::Internal | Representation::Untagged => {
            let fields = variants.iter().flat_map(|variant| {
                let named = variant.fields.iter().filter(|field| field.ident.is_some());
                named.map(move |field| (*variant, field))
            });
            refuse_one_name_of_two_types(fields, |field| field.ident.as_ref().map(ToString::to_string))
        }
        Representation::Adjacent => {
            let contents = variants.iter().filter_map(|variant| match &variant.fields {
                Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                    fields.unnamed.first().map(|field| (*variant, field))
                }
                _ => None,
            });
            refuse_one_name_of_two_types(contents, |_| Some("the content".to_owned()))
        }
    }
}

fn refuse_units_beside_others(variants: &[&Variant]) -> syn::Result<()> {
    let is_unit = |variant: &&&Variant| matches!(variant.fields, Fields::Unit);
    let (Some(unit), Some(other)) = (
        variants.iter().find(is_unit),
        variants.iter().find(|variant| !is_unit(variant)),
    ) else {
        return Ok(());
    };
    let (unit, other) = (&unit.ident, &other.ident);
    Err(syn::Error::new_spanned(
        unit,
        format!(
            "`{unit}` is written as a string and `{other}` as an object, and a field of a CRD has one type: give \
             the unit variants braces (`{unit} {{}}`), or tag the enum with `#[serde(tag = \"type\")]`"
        ),
    ))
}

/// Refuses fields of one name whose types are of the language and not the same.
fn refuse_one_name_of_two_types<'a>(
    fields: impl Iterator<Item = (&'a Variant, &'a Field)>,
    name_of: impl Fn(&Field) -> Option<String>,
) -> syn::Result<()> {
    let mut seen: HashMap<String, (&Variant, Ident)> = HashMap::new();
    for (variant, field) in fields {
        let written = metas(&field.attrs, &["serde", "schemars"])?;
        let renamed = written
            .iter()
            .find(|meta| meta.path().is_ident("rename"))
            .map(|meta| text(meta).map(syn::LitStr::value));
        let is_other = written.iter().any(|meta| {
            let words = ["flatten", "with", "serialize_with"];
            words.iter().any(|word| meta.path().is_ident(word))
        });
        let (Some(type_), false, false) = (
            plain(&field.ty),
            is_other,
            has_other_schema(&field.attrs)? || matches!(renamed, Some(None)),
        ) else {
            continue;
        };
        let Some(name) = renamed.flatten().or_else(|| name_of(field)) else {
            continue;
        };
        match seen.get(&name) {
            Some((other, other_type)) if *other_type != type_ => {
                return Err(syn::Error::new_spanned(
                    &field.ty,
                    format!(
                        "{} is of type `{type_}` here and of type `{other_type}` in the variant `{}`, and a field \
                         of a CRD has one type: rename one of them, give both the same type, or tag the enum \
                         from outside",
                        if name.contains(' ') {
                            name.clone()
                        } else {
                            format!("`{name}`")
                        },
                        other.ident,
                    ),
                ));
            }
            Some(_) => {}
            None => {
                seen.insert(name, (variant, type_));
            }
        }
    }
    Ok(())
}

/// A type of the language.
fn plain(type_: &Type) -> Option<Ident> {
    const PLAIN: [&str; 15] = [
        "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "isize", "u8", "u16", "u32", "u64", "usize",
        "String",
    ];
    let last = last_segment(type_)?;
    PLAIN.iter().any(|plain| last == plain).then_some(last)
}

/// The name of a type that is one word.
fn last_segment(type_: &Type) -> Option<Ident> {
    match type_ {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .filter(|last| matches!(last.arguments, PathArguments::None) || last.ident == "PhantomData")
            .map(|last| last.ident.clone()),
        _ => None,
    }
}

/// The words that the attributes of a name begin with.
fn names(attributes: &[Attribute], of: &str) -> syn::Result<Vec<String>> {
    let metas = metas(attributes, &[of])?;
    Ok(metas
        .iter()
        .filter_map(|meta| meta.path().get_ident().map(ToString::to_string))
        .collect())
}
