//! The table form: what `kubectl get` prints.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::http::request::Query;
use crate::http::status::Failure;
use crate::kinds::kind::{Column, Kind};
use crate::object::meta;
use crate::object::view;

mod cells;
mod jsonpath;
mod scale;

pub(crate) use scale::of_scale;

/// What a row carries of its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Include {
    None,
    Metadata,
    Object,
}

/// Reads `includeObject`.
pub(crate) fn included(query: &Query) -> Result<Include, Failure> {
    match query.text("includeObject") {
        None | Some("Metadata") => Ok(Include::Metadata),
        Some("None") => Ok(Include::None),
        Some("Object") => Ok(Include::Object),
        Some(other) => Err(Failure::bad_request(format!(
            "unrecognized includeObject value: {other:?}"
        ))),
    }
}

/// A table of `objects`; `list` is the metadata of a list, else that of the one object.
pub(crate) fn of(
    kind: &Kind,
    objects: &[Value],
    list: Option<Value>,
    include: Include,
    columns: bool,
) -> Value {
    let metadata = match (list, objects) {
        (Some(mut metadata), _) => {
            // An empty token means nothing here.
            if let Some(map) = metadata.as_object_mut() {
                map.retain(|key, value| key != "continue" || *value != "");
            }
            metadata
        }
        (None, [object]) => json!({"resourceVersion": meta::text(object, "resourceVersion")}),
        (None, _) => json!({}),
    };
    let definitions = if columns {
        shown(kind)
            .map(|column| definition(&column))
            .collect::<Vec<_>>()
            .into()
    } else {
        Value::Null
    };
    let now = Timestamp::now();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| row(kind, object, include, now))
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    })
}

/// The columns of a kind; one that has none shows names and times of creation.
fn shown(kind: &Kind) -> impl Iterator<Item = Column> {
    let columns = if kind.columns.is_empty() {
        vec![plain("Name", "string", "name"), plain("Created At", "date", "")]
    } else {
        kind.columns.clone()
    };
    columns.into_iter()
}

fn plain(name: &str, ty: &str, format: &str) -> Column {
    Column {
        name: name.into(),
        ty: ty.into(),
        format: format.into(),
        description: String::new(),
        priority: 0,
        path: None,
    }
}

fn definition(column: &Column) -> Value {
    json!({
        "name": column.name,
        "type": column.ty,
        "format": column.format,
        "description": column.description,
        "priority": column.priority,
    })
}

fn row(kind: &Kind, object: &Value, include: Include, now: Timestamp) -> Value {
    let cells = if kind.columns.is_empty() {
        let created = meta::get(object, "creationTimestamp")
            .cloned()
            .unwrap_or(Value::Null);
        vec![meta::name(object).into(), created]
    } else {
        kind.columns
            .iter()
            .map(|column| cell(kind, column, object, now))
            .collect()
    };
    let mut row = row_of(cells, object, include);
    if let (true, Some(conditions)) = (kind.is("", "pods"), cells::conditions(object)) {
        row["conditions"] = conditions;
    }
    row
}

fn row_of(cells: Vec<Value>, object: &Value, include: Include) -> Value {
    let object = match include {
        Include::None => Value::Null,
        Include::Metadata => view::partial(object),
        Include::Object => object.clone(),
    };
    json!({"cells": cells, "object": object})
}

fn cell(kind: &Kind, column: &Column, object: &Value, now: Timestamp) -> Value {
    let Some(path) = &column.path else {
        return cells::builtin(kind, &column.name, object, now);
    };
    let found = jsonpath::first(path, object);
    match (column.ty.as_str(), found) {
        ("date", Some(Value::String(text))) => cells::age(&text, now).into(),
        ("string", Some(Value::String(text))) => text.into(),
        ("string", Some(value)) if !value.is_null() => value.to_string().into(),
        ("integer", Some(Value::Number(number))) => match number.as_i64() {
            Some(number) => number.into(),
            None => number
                .as_f64()
                .map_or(Value::Null, |number| Value::from(number as i64)),
        },
        ("number", Some(value @ Value::Number(_))) => value,
        ("boolean", Some(value @ Value::Bool(_))) => value,
        _ => Value::Null,
    }
}
