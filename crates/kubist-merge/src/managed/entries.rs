//! `metadata.managedFields` as JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Manager, Managers, Owned};
use crate::FieldSet;

impl Managers {
    /// Reads `metadata.managedFields`; nothing if it is malformed.
    pub fn read(entries: Option<&Value>) -> Option<Managers> {
        let mut managers = BTreeMap::new();
        let Some(entries) = entries.filter(|entries| !entries.is_null()) else {
            return Some(Managers(managers));
        };
        for entry in entries.as_array()? {
            let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or("");
            let applies = match text("operation") {
                "Apply" => true,
                "Update" => false,
                _ => return None,
            };
            let api_version = text("apiVersion").to_owned();
            if api_version.is_empty() || !matches!(text("fieldsType"), "" | "FieldsV1") {
                return None;
            }
            let manager = Manager {
                applies,
                name: text("manager").to_owned(),
                subresource: text("subresource").to_owned(),
                api_version: if applies {
                    String::new()
                } else {
                    api_version.clone()
                },
            };
            let fields = match entry.get("fieldsV1") {
                Some(fields) => FieldSet::from_json(fields)?,
                None => FieldSet::default(),
            };
            let time = entry.get("time").and_then(Value::as_str).map(str::to_owned);
            managers.insert(
                manager,
                Owned {
                    fields,
                    api_version,
                    time,
                },
            );
        }
        Some(Managers(managers))
    }

    /// Writes `metadata.managedFields`, nothing if it is empty.
    pub fn write(&self) -> Option<Value> {
        let mut entries: Vec<(&Manager, &Owned)> = self.0.iter().collect();
        entries.sort_by(|(a, x), (b, y)| {
            b.applies
                .cmp(&a.applies)
                .then_with(|| x.time.cmp(&y.time))
                .then_with(|| a.name.cmp(&b.name))
                .then_with(|| x.api_version.cmp(&y.api_version))
                .then_with(|| a.subresource.cmp(&b.subresource))
        });
        let entries: Vec<Value> = entries
            .into_iter()
            .map(|(manager, owned)| {
                let mut entry = json!({
                    "manager": manager.name,
                    "operation": if manager.applies { "Apply" } else { "Update" },
                    "apiVersion": owned.api_version,
                    "fieldsType": "FieldsV1",
                    "fieldsV1": owned.fields.to_json(),
                });
                if let Some(time) = &owned.time {
                    entry["time"] = time.as_str().into();
                }
                if !manager.subresource.is_empty() {
                    entry["subresource"] = manager.subresource.as_str().into();
                }
                entry
            })
            .collect();
        (!entries.is_empty()).then_some(Value::Array(entries))
    }
}
