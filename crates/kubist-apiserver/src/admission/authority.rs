//! What the server's own RBAC says to expressions.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::access::users::User;
use crate::access::{Question, allowed_by};
use crate::cel::{Account, Authority};
use crate::state::Api;

/// Answers for the one who made a request.
pub(super) struct Rbac {
    api: Arc<Api>,
    user: User,
}

impl Rbac {
    pub(super) fn new(api: &Arc<Api>, user: &User) -> Rbac {
        Rbac {
            api: Arc::clone(api),
            user: user.clone(),
        }
    }
}

impl fmt::Debug for Rbac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rbac")
            .field("user", &self.user.name)
            .finish_non_exhaustive()
    }
}

impl Authority for Rbac {
    fn decide(&self, account: Option<&Account>, spec: &Value) -> Option<String> {
        let account = account.map(|account| User {
            name: format!("system:serviceaccount:{}:{}", account.namespace, account.name),
            groups: vec![
                "system:serviceaccounts".into(),
                format!("system:serviceaccounts:{}", account.namespace),
            ],
            ..User::default()
        });
        let user = account.as_ref().unwrap_or(&self.user);
        allowed_by(&self.api, user, &Question::of(spec)).ok()
    }
}
