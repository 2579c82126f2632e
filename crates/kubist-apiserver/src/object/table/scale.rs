//! The table of a scale, whose columns are not those of the object that it scales.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Include, cells, definition, plain, row_of};
use crate::object::meta;

/// A table of one scale, of a custom object or of a built-in one.
pub(crate) fn of_scale(scale: &Value, custom: bool, include: Include) -> Value {
    let (name, age) = if custom { ("name", "date") } else { ("", "string") };
    let columns = [
        plain("Name", "string", name),
        plain("Desired", "integer", ""),
        plain("Available", "integer", ""),
        plain("Age", age, ""),
    ];
    let number = |path: &str| meta::at(scale, path).and_then(Value::as_i64).unwrap_or(0);
    let created = meta::text(scale, "creationTimestamp");
    let cells = vec![
        meta::name(scale).into(),
        number("spec.replicas").into(),
        number("status.replicas").into(),
        cells::age(created, Timestamp::now()).into(),
    ];
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": meta::text(scale, "resourceVersion")},
        "columnDefinitions": columns.iter().map(definition).collect::<Vec<_>>(),
        "rows": [row_of(cells, scale, include)],
    })
}
