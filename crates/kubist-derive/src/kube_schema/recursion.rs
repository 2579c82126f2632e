//! Types within themselves, as far as one type's source tells.

use syn::punctuated::Punctuated;
use syn::{Attribute, Field, GenericArgument, Ident, Meta, PathArguments, Token, Type};

/// Refuses a field that names the type which it is a field of.
///
/// What only several types together do is found when the schema is built.
pub(super) fn refuse(field: &Field, ident: &Ident) -> syn::Result<()> {
    if !mentions(&field.ty, ident) || has_other_schema(&field.attrs)? {
        return Ok(());
    }
    let name = field
        .ident
        .as_ref()
        .map_or_else(|| "a field".to_owned(), |name| format!("`{name}`"));
    Err(syn::Error::new_spanned(
        &field.ty,
        format!(
            "{name} is of a type within itself, and the schema of a CRD cannot be recursive: bound the depth with a type per level, or keep the field unchecked with `#[schemars(schema_with = \"kubist::core::schema::unchecked\")]` (`unchecked_list` for a list)"
        ),
    ))
}

fn mentions(type_: &Type, ident: &Ident) -> bool {
    match type_ {
        Type::Path(path) => {
            let path = &path.path;
            path.is_ident(ident)
                || path.is_ident("Self")
                || path.segments.iter().any(|segment| {
                    match &segment.arguments {
                    PathArguments::AngleBracketed(arguments) => arguments.args.iter().any(|argument| {
                        matches!(argument, GenericArgument::Type(argument) if mentions(argument, ident))
                    }),
                    _ => false,
                }
                })
        }
        Type::Array(array) => mentions(&array.elem, ident),
        Type::Slice(slice) => mentions(&slice.elem, ident),
        Type::Reference(reference) => mentions(&reference.elem, ident),
        Type::Tuple(tuple) => tuple.elems.iter().any(|element| mentions(element, ident)),
        _ => false,
    }
}

/// Whether the field's schema is not its type's.
fn has_other_schema(attributes: &[Attribute]) -> syn::Result<bool> {
    for attribute in attributes {
        let (of_serde, of_schemars) = (
            attribute.path().is_ident("serde"),
            attribute.path().is_ident("schemars"),
        );
        if !of_serde && !of_schemars {
            continue;
        }
        for meta in attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)? {
            let path = meta.path();
            if path.is_ident("skip") || of_schemars && (path.is_ident("schema_with") || path.is_ident("with"))
            {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
