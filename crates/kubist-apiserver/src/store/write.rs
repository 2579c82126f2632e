//! Writes: each sees the present, or does not happen.

use std::sync::Arc;

use serde_json::Value;

use super::{Event, Key, Miss, State, Store, Stored, TableName, current};

impl Store {
    pub(crate) fn create(&self, table: &TableName, key: Key, value: Value) -> Result<Stored, Miss> {
        self.write(table, key, None, Some(value))
    }

    /// Replaces the version that the writer saw.
    pub(crate) fn update(
        &self,
        table: &TableName,
        key: Key,
        seen: u64,
        value: Value,
    ) -> Result<Stored, Miss> {
        self.write(table, key, Some(seen), Some(value))
    }

    /// Deletes the version that the writer saw; gives what was deleted, with the revision
    /// of its deletion. `last` replaces the content that watchers see last.
    pub(crate) fn delete(
        &self,
        table: &TableName,
        key: Key,
        seen: u64,
        last: Option<Value>,
    ) -> Result<Stored, Miss> {
        let mut state = self.state.write();
        let before = current(&state, table, &key).ok_or(Miss::Changed)?;
        if before.revision != seen {
            return Err(Miss::Changed);
        }
        let value = last.unwrap_or_else(|| Value::clone(&before.value));
        Ok(self.commit(&mut state, table, key, Some(before), value, true))
    }

    fn write(
        &self,
        table: &TableName,
        key: Key,
        seen: Option<u64>,
        value: Option<Value>,
    ) -> Result<Stored, Miss> {
        let mut state = self.state.write();
        let before = current(&state, table, &key);
        match (&before, seen) {
            (Some(_), None) => return Err(Miss::Exists),
            (None, Some(_)) => return Err(Miss::Changed),
            (Some(before), Some(seen)) if before.revision != seen => return Err(Miss::Changed),
            _ => {}
        }
        Ok(self.commit(&mut state, table, key, before, value.unwrap_or_default(), false))
    }

    fn commit(
        &self,
        state: &mut State,
        name: &TableName,
        key: Key,
        before: Option<Stored>,
        mut value: Value,
        deleted: bool,
    ) -> Stored {
        state.revision += 1;
        let revision = state.revision;
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("resourceVersion".into(), revision.to_string().into());
        }
        let object = Stored {
            revision,
            value: Arc::new(value),
        };
        let table = Arc::make_mut(state.tables.entry(Arc::clone(name)).or_default());
        if deleted {
            table.objects.remove(&key);
        } else {
            table.objects.insert(key.clone(), object.clone());
        }
        table.log.push_back(Arc::new(Event {
            revision,
            key,
            before,
            object: object.clone(),
            deleted,
        }));
        while table.log.len() > self.history {
            if let Some(event) = table.log.pop_front() {
                table.forgotten = event.revision;
            }
        }
        if let Some(signal) = self.signals.read().get(name) {
            signal.send_replace(revision);
        }
        self.any.send_replace(revision);
        object
    }
}
