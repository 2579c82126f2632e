//! Who is asked once more because somebody changed the object after them.

use serde_json::Value;

/// The rounds of those who change objects, each known by a key: those who want to know are asked again in the
/// second round if the object changed after they saw it.
#[derive(Debug)]
pub(super) struct Rounds<Key> {
    /// Those that want to know, and saw the object after its last change.
    seen: Vec<Key>,
    due: Vec<Key>,
    /// What the first round left, once it is over.
    left: Option<Option<Value>>,
}

impl<Key> Default for Rounds<Key> {
    fn default() -> Self {
        Rounds {
            seen: Vec::new(),
            due: Vec::new(),
            left: None,
        }
    }
}

impl<Key: PartialEq> Rounds<Key> {
    /// Begins a round; what others changed since the last one counts.
    pub(super) fn begin(&mut self, object: Option<&Value>) {
        if self.left.as_ref().is_some_and(|left| left.as_ref() != object) {
            self.changed();
        }
    }

    /// Whether it is this one's turn.
    pub(super) fn asks(&self, key: &Key) -> bool {
        self.left.is_none() || self.due.contains(key)
    }

    /// Somebody who wants to know has seen the object.
    pub(super) fn saw(&mut self, key: Key) {
        self.seen.push(key);
    }

    /// Somebody changed the object.
    pub(super) fn changed(&mut self) {
        self.due.append(&mut self.seen);
    }

    pub(super) fn end(&mut self, object: Option<&Value>) {
        self.left = Some(object.cloned());
    }
}
