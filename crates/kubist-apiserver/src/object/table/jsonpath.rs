//! The JSONPath that printer columns and scale paths use: fields, indices, and filters on equality.

use serde_json::Value;

/// What a path first leads to.
pub(crate) fn first(path: &str, value: &Value) -> Option<Value> {
    let mut found = vec![value];
    let mut rest = path
        .trim()
        .trim_start_matches('{')
        .trim_end_matches('}')
        .trim_start_matches('$');
    while !rest.is_empty() {
        let (step, after) = next(rest)?;
        rest = after;
        found = found.into_iter().flat_map(|value| step.apply(value)).collect();
    }
    found.first().map(|value| Value::clone(value))
}

enum Step<'a> {
    Field(&'a str),
    Index(i64),
    All,
    Filter {
        field: &'a str,
        equal: bool,
        value: &'a str,
    },
}

fn next(path: &str) -> Option<(Step<'_>, &str)> {
    if let Some(rest) = path.strip_prefix('[') {
        let end = closing(rest)?;
        let (inside, after) = (rest[..end].trim(), &rest[end + 1..]);
        if inside == "*" {
            return Some((Step::All, after));
        }
        if let Some(filter) = inside
            .strip_prefix("?(")
            .and_then(|filter| filter.strip_suffix(')'))
        {
            let (field, equal, value) = match filter.split_once("==") {
                Some((field, value)) => (field, true, value),
                None => filter
                    .split_once("!=")
                    .map(|(field, value)| (field, false, value))?,
            };
            let field = field.trim().trim_start_matches("@.").trim_start_matches('@');
            let value = value.trim().trim_matches(['\'', '"']);
            return Some((Step::Filter { field, equal, value }, after));
        }
        if let Some(name) = inside.strip_prefix(['\'', '"']) {
            return Some((Step::Field(name.trim_end_matches(['\'', '"'])), after));
        }
        return inside.parse().ok().map(|index| (Step::Index(index), after));
    }
    let rest = path.strip_prefix('.').unwrap_or(path);
    let mut end = 0;
    let bytes = rest.as_bytes();
    while end < bytes.len() && !matches!(bytes[end], b'.' | b'[') {
        // A dot in a name is escaped.
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    let end = end.min(rest.len());
    rest.is_char_boundary(end)
        .then(|| (Step::Field(&rest[..end]), &rest[end..]))
}

/// Where the bracket closes, not minding brackets in quotes.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, ']') => return Some(at),
            _ => {}
        }
    }
    None
}

impl Step<'_> {
    fn apply<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        match self {
            Step::Field("") => vec![value],
            Step::Field(name) => value.get(name.replace('\\', "").as_str()).into_iter().collect(),
            Step::Index(index) => {
                let Some(items) = value.as_array() else {
                    return Vec::new();
                };
                let at = if *index < 0 {
                    items
                        .len()
                        .checked_sub(usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX))
                } else {
                    usize::try_from(*index).ok()
                };
                at.and_then(|at| items.get(at)).into_iter().collect()
            }
            Step::All => match value {
                Value::Array(items) => items.iter().collect(),
                Value::Object(map) => map.values().collect(),
                _ => Vec::new(),
            },
            Step::Filter {
                field,
                equal,
                value: wanted,
            } => {
                let matches = |item: &&Value| {
                    let found = crate::object::meta::at(item, field);
                    let same = found.is_some_and(|found| match found {
                        Value::String(text) => text == wanted,
                        other => other.to_string().as_str() == *wanted,
                    });
                    same == *equal
                };
                value.as_array().into_iter().flatten().filter(matches).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_of_printer_columns() {
        let value = json!({
            "spec": {"size": 3, "list": [1, 2], "a.b": "dot"},
            "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "False"}]},
        });
        for (path, want) in [
            (".spec.size", json!(3)),
            (".status.conditions[?(@.type==\"Ready\")].status", json!("True")),
            (".status.conditions[?(@.type=='Other')].status", json!("False")),
            (".spec.list[1]", json!(2)),
            (".spec.list[-1]", json!(2)),
            (".spec.list[*]", json!(1)),
            (".spec.a\\.b", json!("dot")),
            ("{.spec.size}", json!(3)),
        ] {
            assert_eq!(first(path, &value), Some(want), "{path}");
        }
        assert_eq!(first(".spec.none", &value), None);
        assert_eq!(first(".spec[", &value), None);
    }
}
