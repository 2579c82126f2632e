//! The paths that generated code is written against.

use darling::FromMeta;
use proc_macro_crate::{FoundCrate, crate_name};
use quote::ToTokens;
use syn::{Path, parse_quote};

/// `crates(...)`: overrides for the paths of the crates that generated code uses.
#[derive(Debug, Default, FromMeta)]
pub(crate) struct CratesAttribute {
    #[darling(default)]
    kube: Option<Path>,
    #[darling(default)]
    kube_core: Option<Path>,
    #[darling(default)]
    k8s_openapi: Option<Path>,
    #[darling(default)]
    schemars: Option<Path>,
    #[darling(default)]
    serde: Option<Path>,
    #[darling(default)]
    serde_json: Option<Path>,
    #[darling(default)]
    std: Option<Path>,
}

/// Resolved paths, ready to be interpolated.
pub(crate) struct Crates {
    /// The vocabulary crate, by itself or as the facade's `core` module.
    pub(crate) core: Path,
    pub(crate) k8s_openapi: Path,
    pub(crate) schemars: Path,
    pub(crate) serde: Path,
    pub(crate) serde_json: Path,
    pub(crate) std: Path,
}

impl CratesAttribute {
    /// Fills what was not overridden: the facade under the name that the caller gave it, and everything
    /// else through the facade's own re-exports, so that the caller needs no further dependency.
    pub(crate) fn resolve(self) -> Crates {
        let core = self
            .kube_core
            .or_else(|| self.kube.map(|kube| parse_quote!(#kube::core)))
            .unwrap_or_else(core_path);
        Crates {
            k8s_openapi: self
                .k8s_openapi
                .unwrap_or_else(|| parse_quote!(#core::__derive::k8s_openapi)),
            schemars: self
                .schemars
                .unwrap_or_else(|| parse_quote!(#core::__derive::schemars)),
            serde: self.serde.unwrap_or_else(|| parse_quote!(#core::__derive::serde)),
            serde_json: self
                .serde_json
                .unwrap_or_else(|| parse_quote!(#core::__derive::serde_json)),
            std: self.std.unwrap_or_else(|| parse_quote!(::std)),
            core,
        }
    }
}

/// Where the vocabulary crate is reached from the crate that is being compiled.
pub(crate) fn core_path() -> Path {
    if let Some(facade) = dependency("kubist") {
        return parse_quote!(#facade::core);
    }
    if let Some(core) = dependency("kubist-core") {
        return core;
    }
    // A build without a Cargo.toml in sight, or a re-export that only the caller knows of: the name that
    // every migrator has.
    parse_quote!(::kube::core)
}

/// The path of the dependency whose package is called `package`, whatever the caller renamed it to.
fn dependency(package: &str) -> Option<Path> {
    let name = match crate_name(package).ok()? {
        // Both crates say `extern crate self as ...`, so one path serves the library, its tests and docs.
        FoundCrate::Itself => package.replace('-', "_"),
        FoundCrate::Name(name) => name,
    };
    syn::parse_str(&format!("::{name}")).ok()
}

/// A path as serde's and schemars' `crate = "..."` want it.
pub(crate) fn path_string(path: &Path) -> String {
    path.to_token_stream().to_string().replace(' ', "")
}
