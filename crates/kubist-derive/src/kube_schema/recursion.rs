//! Types within themselves, as far as one type's source tells.

use syn::{Field, GenericArgument, Ident, PathArguments, Type};

use super::shape::has_other_schema;

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
