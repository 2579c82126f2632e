//! Webhooks as their configurations list them.

use serde_json::Value;

use crate::kinds::kind::table;
use crate::object::meta;
use crate::state::Api;

pub(super) const GROUP: &str = "admissionregistration.k8s.io";

/// One webhook of a configuration.
#[derive(Clone, Debug)]
pub(super) struct Hook {
    /// The name of the configuration and the place in it: what tells hooks apart.
    pub(super) id: (String, usize),
    pub(super) name: String,
    pub(super) spec: Value,
}

impl Hook {
    /// What a field says, or the default that a stored webhook has it at.
    pub(super) fn text(&self, field: &str) -> &str {
        self.spec.get(field).and_then(Value::as_str).unwrap_or("")
    }

    pub(super) fn list(&self, field: &str) -> &[Value] {
        let list = self.spec.get(field).and_then(Value::as_array);
        list.map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn ignores_failures(&self) -> bool {
        self.text("failurePolicy") == "Ignore"
    }

    pub(super) fn timeout(&self) -> std::time::Duration {
        let seconds = self.spec.get("timeoutSeconds").and_then(Value::as_u64);
        std::time::Duration::from_secs(seconds.unwrap_or(10).clamp(1, 30))
    }
}

/// All webhooks of one sort: configurations by name, then in their order.
pub(super) fn hooks(api: &Api, plural: &str) -> Vec<Hook> {
    let (configurations, _) = api.store.list(&table(GROUP, plural), None, None);
    let mut hooks = Vec::new();
    for (_, configuration) in configurations {
        let list = configuration.value.get("webhooks").and_then(Value::as_array);
        for (at, spec) in list.into_iter().flatten().enumerate() {
            hooks.push(Hook {
                id: (meta::name(&configuration.value).to_owned(), at),
                name: spec.get("name").and_then(Value::as_str).unwrap_or("").to_owned(),
                spec: spec.clone(),
            });
        }
    }
    hooks
}
