//! Kinds: which message a group, version and kind stand for.

use std::sync::OnceLock;

use crate::message::{self, Message};

static KINDS: &str = include_str!("../data/kinds.tsv");

/// A group, version and kind that clients know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The API group, empty for the core group.
    pub group: &'static str,
    /// The API version.
    pub version: &'static str,
    /// The kind.
    pub kind: &'static str,
    message: &'static str,
}

impl Kind {
    /// The message that objects of this kind are.
    pub fn message(&self) -> Option<&'static Message> {
        message::message(self.message)
    }
}

/// The message that objects of this kind are.
pub fn kind(group: &str, version: &str, kind: &str) -> Option<&'static Message> {
    let kinds = kinds();
    let found = kinds.binary_search_by(|known| {
        known
            .group
            .cmp(group)
            .then_with(|| known.version.cmp(version))
            .then_with(|| known.kind.cmp(kind))
    });
    found.ok().and_then(|at| kinds[at].message())
}

/// All kinds, sorted by group, version and kind.
pub fn kinds() -> &'static [Kind] {
    static PARSED: OnceLock<Vec<Kind>> = OnceLock::new();
    PARSED.get_or_init(|| {
        KINDS
            .lines()
            .map(|line| {
                let mut parts = line.split('\t');
                let mut next = || parts.next().unwrap_or("");
                Kind {
                    group: next(),
                    version: next(),
                    kind: next(),
                    message: next(),
                }
            })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_message() {
        let kinds = kinds();
        assert!(kinds.len() > 500);
        assert!(kinds.is_sorted_by_key(|kind| (kind.group, kind.version, kind.kind)));
        for kind in kinds {
            assert!(kind.message().is_some(), "{kind:?}");
        }
    }
}
