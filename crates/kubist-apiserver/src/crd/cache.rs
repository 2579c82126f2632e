//! What webhooks made of objects, remembered for those who list and watch.
//!
//! As upstream's watch cache does for each version that is served, this one converts every
//! event once, when it happens, and lists and watches ask no webhook. What it has forgotten,
//! or could not convert, is converted when somebody wants it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::Notify;

use super::Custom;
use crate::kinds::kind::Kind;
use crate::state::Api;
use crate::store::TableName;

/// How many converted objects are remembered, and how many bytes of JSON they may be.
const KEPT: usize = 4_096;
const KEPT_BYTES: usize = 64 * 1024 * 1024;
/// How long a reader waits for conversions that were begun.
const PATIENCE: Duration = Duration::from_secs(3);

/// A table, a version, and a revision.
type Id = (TableName, String, u64);

#[derive(Debug, Default)]
pub(crate) struct Conversions {
    objects: Mutex<Remembered>,
    progress: Mutex<HashMap<TableName, Progress>>,
    moved: Notify,
}

#[derive(Debug, Default)]
struct Remembered {
    by_id: HashMap<Id, Arc<Value>>,
    order: VecDeque<(Id, usize)>,
    bytes: usize,
    /// Counts how often something was forgotten.
    generation: u64,
}

/// Up to where the events of a table were converted.
#[derive(Clone, Copy, Debug)]
struct Progress {
    position: u64,
    running: bool,
}

impl Conversions {
    /// The object of a revision in a version, if it was converted already.
    pub(crate) fn get(&self, kind: &Kind, revision: u64) -> Option<Arc<Value>> {
        let id = (Arc::clone(&kind.table), kind.version.clone(), revision);
        self.objects.lock().by_id.get(&id).cloned()
    }

    /// Waits for conversions of a table that are under way, but not for long.
    pub(crate) async fn settled(&self, table: &TableName) {
        let settle = async {
            loop {
                let moved = self.moved.notified();
                let running = self
                    .progress
                    .lock()
                    .get(table)
                    .is_some_and(|progress| progress.running);
                if !running {
                    return;
                }
                moved.await;
            }
        };
        // A webhook that hangs is met again by whoever asks it.
        let _ = tokio::time::timeout(PATIENCE, settle).await;
    }

    pub(crate) fn generation(&self) -> u64 {
        self.objects.lock().generation
    }

    /// Remembers an object, unless something was forgotten while it was made.
    pub(crate) fn put(&self, kind: &Kind, revision: u64, value: Value, generation: u64) {
        let id = (Arc::clone(&kind.table), kind.version.clone(), revision);
        let size = serde_json::to_string(&value).map_or(0, |text| text.len());
        let mut objects = self.objects.lock();
        if objects.generation != generation {
            return;
        }
        if objects.by_id.insert(id.clone(), Arc::new(value)).is_none() {
            objects.order.push_back((id, size));
            objects.bytes += size;
        }
        while objects.order.len() > KEPT || objects.bytes > KEPT_BYTES {
            let Some((oldest, size)) = objects.order.pop_front() else {
                break;
            };
            objects.by_id.remove(&oldest);
            objects.bytes = objects.bytes.saturating_sub(size);
        }
    }

    /// Forgets what the old webhook of a definition made.
    pub(crate) fn forget(&self, table: &TableName) {
        let mut objects = self.objects.lock();
        objects.generation += 1;
        objects.by_id.retain(|(of, _, _), _| of != table);
        objects.order.retain(|((of, _, _), _)| of != table);
        objects.bytes = objects.order.iter().map(|(_, size)| size).sum();
    }
}

/// Converts what happened in a table, in the background.
pub(crate) fn follow(api: &Arc<Api>, kind: &Kind, custom: &Custom) {
    if custom.conversion.is_none() {
        return;
    }
    let table = Arc::clone(&kind.table);
    {
        let mut progress = api.conversions.progress.lock();
        let entry = progress.entry(Arc::clone(&table)).or_insert_with(|| Progress {
            position: api.store.last(&table).saturating_sub(1),
            running: false,
        });
        if entry.running {
            return;
        }
        entry.running = true;
    }
    let group = kind.group.clone();
    let task = Arc::clone(api);
    let closing = api.closing.clone();
    api.tasks.spawn(async move {
        tokio::select! {
            () = closing.cancelled() => {}
            () = run(&task, &table, &group) => {}
        }
    });
}

async fn run(api: &Arc<Api>, table: &TableName, group: &str) {
    loop {
        let position = match api.conversions.progress.lock().get(table) {
            Some(progress) => progress.position,
            None => return,
        };
        let (events, upto) = match api.store.events_after(table, position) {
            Ok(chunk) => (chunk.events, chunk.upto),
            Err(compacted) => (Vec::new(), compacted.oldest),
        };
        let generation = api.conversions.generation();
        let registry = api.registry();
        let versions = registry
            .kinds()
            .iter()
            .filter(|kind| kind.group == group && kind.table == *table);
        let versions: Vec<&Arc<Kind>> = versions.collect();
        for event in &events {
            for kind in &versions {
                let stored = &event.object.value;
                if kind.api_version() == stored["apiVersion"] {
                    continue;
                }
                match crate::object::view::object(api, kind, stored).await {
                    Ok(value) => api.conversions.put(kind, event.revision, value, generation),
                    Err(failure) => tracing::debug!(error = failure.message, "a conversion failed"),
                }
            }
        }
        let mut progress = api.conversions.progress.lock();
        let Some(entry) = progress.get_mut(table) else {
            return;
        };
        entry.position = entry.position.max(upto);
        if api.store.last(table) <= entry.position {
            entry.running = false;
            drop(progress);
            api.conversions.moved.notify_waiters();
            return;
        }
    }
}
