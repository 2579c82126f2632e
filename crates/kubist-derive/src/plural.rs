//! English plurals of kinds.

/// The plural that a CRD has by default: the lower-case kind in its regular English plural.
///
/// `kubist_core::discovery::ApiResource::from_gvk` guesses by the same rules, so that a dynamic client
/// finds a derived resource.
pub(crate) fn pluralize(kind: &str) -> String {
    let word = kind.to_lowercase();
    if word == "endpoints" || word == "endpointslices" {
        return word;
    }
    let ends_in_any = |endings: &[&str]| endings.iter().any(|ending| word.ends_with(ending));
    if ends_in_any(&["s", "x", "z", "ch", "sh"]) {
        return format!("{word}es");
    }
    if let Some(stem) = word.strip_suffix('y')
        && !stem.ends_with(['a', 'e', 'i', 'o', 'u'])
    {
        return format!("{stem}ies");
    }
    format!("{word}s")
}

#[cfg(test)]
mod tests {
    use super::pluralize;

    #[test]
    fn follows_english() {
        for (kind, plural) in [
            ("Document", "documents"),
            ("Ingress", "ingresses"),
            ("Policy", "policies"),
            ("Gateway", "gateways"),
            ("Box", "boxes"),
            ("Switch", "switches"),
            ("Mesh", "meshes"),
            ("Endpoints", "endpoints"),
        ] {
            assert_eq!(pluralize(kind), plural);
        }
    }
}
