//! Definitions as `kubectl apply -f` takes them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kubist_core::ResourceExt;

use super::Error;

/// Definitions as YAML, one document each.
///
/// # Errors
///
/// A definition that cannot be written, which is a defect.
///
/// # Example
///
/// ```
/// use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
///
/// let text = kubist_operator::crd::to_yaml(&[CustomResourceDefinition::default()])?;
/// assert!(text.starts_with("---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"));
/// # Ok::<(), kubist_operator::crd::Error>(())
/// ```
pub fn to_yaml(crds: &[CustomResourceDefinition]) -> Result<String, Error> {
    let mut text = String::new();
    for crd in crds {
        let document = serde_saphyr::to_string(crd).map_err(|source| Error::Yaml {
            name: crd.name_any(),
            source: Box::new(source),
        })?;
        text.push_str("---\n");
        text.push_str(&document);
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    Ok(text)
}
