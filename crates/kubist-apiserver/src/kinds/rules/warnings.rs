//! What writes of built-in kinds are warned about.

use serde_json::Value;

use super::pods;
use crate::kinds::kind::Kind;
use crate::object::member::given;
use crate::object::meta;

/// What a write of this object is warned about; `old` is there for an update.
pub(crate) fn warnings(kind: &Kind, object: &Value, old: Option<&Value>) -> Vec<String> {
    if let Some(path) = kind.template_path() {
        return pods::warnings(meta::at(object, path).unwrap_or(&Value::Null), path);
    }
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") => pods::warnings(object, ""),
        ("", "persistentvolumeclaims") => claim(object),
        ("networking.k8s.io", "ingresses") if old.is_none() => ingress(object),
        _ => Vec::new(),
    }
}

fn claim(claim: &Value) -> Vec<String> {
    let mut warnings = Vec::new();
    for part in ["requests", "limits"] {
        let path = format!("spec.resources.{part}");
        pods::fraction(&claim["spec"]["resources"][part], "storage", &path, &mut warnings);
    }
    warnings
}

fn ingress(ingress: &Value) -> Vec<String> {
    const CLASS: &str = "kubernetes.io/ingress.class";
    let annotated =
        meta::get(ingress, "annotations").is_some_and(|annotations| annotations.get(CLASS).is_some());
    if annotated && given(&ingress["spec"], "ingressClassName").is_none() {
        let warning =
            format!("annotation {CLASS:?} is deprecated, please use 'spec.ingressClassName' instead");
        return vec![warning];
    }
    Vec::new()
}
