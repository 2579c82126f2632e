//! Controllers as clients: webhooks, ownership and the rules of deletion know them.

use std::sync::Arc;

use serde_json::Value;

use super::Node;
use crate::access::users::User;
use crate::admission::{self, Attributes, Operation, Origin};
use crate::endpoints::delete::{self, Deleted};
use crate::http::options::{DeleteOptions, WriteOptions};
use crate::http::status::Failure;
use crate::http::warnings::Warnings;
use crate::kinds::{deletion, ownership, strategy};
use crate::object::view;
use crate::state::Api;

/// Whom the controllers' writes belong to, as all of them are one process.
const MANAGER: &str = "kube-controller-manager";

/// A controller under the name of its service account.
pub(super) struct Actor {
    user: User,
    /// Nobody reads them.
    warnings: Warnings,
}

impl Actor {
    pub(super) fn new(name: &str) -> Actor {
        Actor {
            user: super::account(name),
            warnings: Warnings::default(),
        }
    }

    fn origin(&self) -> Origin<'_> {
        Origin {
            user: &self.user,
            warnings: &self.warnings,
        }
    }

    /// Deletes an object, or marks it; webhooks are told `name`, which is empty for one of a collection.
    pub(super) async fn delete(
        &self,
        api: &Arc<Api>,
        node: &Node,
        options: &DeleteOptions,
        name: &str,
    ) -> Result<Deleted, Failure> {
        delete::delete_asked(api, &node.kind, &node.key, options, self.origin(), name).await
    }

    /// Changes an object as it is now; the last finalizer's end is the object's.
    ///
    /// Whoever was faster made the store move: there will be another look.
    pub(super) async fn rewrite(
        &self,
        api: &Arc<Api>,
        node: &Node,
        subresource: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<(), Failure> {
        let Some(old) = api.store.get(&node.kind.table, &node.key) else {
            return Ok(());
        };
        let before = view::object(api, &node.kind, &old.value).await?;
        let mut new = before.clone();
        change(&mut new);
        if new == before {
            return Ok(());
        }
        ownership::manage(api, &node.kind, &before, &mut new, MANAGER, subresource);
        let (namespace, name) = (&node.key.namespace, &node.key.name);
        let attributes = Attributes::new(self.origin(), &node.kind, Operation::Update, namespace, name)
            .subresource(subresource)
            .options(WriteOptions::default().told("UpdateOptions"), false);
        admission::mutate(api, &attributes, Some(&mut new), Some(&before)).await?;
        admission::validate(api, &attributes, Some(&new), Some(&before)).await?;
        let new = view::stored(api, &node.kind, new).await?;
        let finished = deletion::is_finished(&node.kind, &new);
        let written = if finished {
            api.store
                .delete(&node.kind.table, node.key.clone(), old.revision, Some(new))
        } else {
            api.store
                .update(&node.kind.table, node.key.clone(), old.revision, new)
        };
        if let Ok(stored) = written {
            let left = (!finished).then_some(&stored.value);
            strategy::after_write(api, &node.kind, left, Some(&old.value));
        }
        Ok(())
    }
}
