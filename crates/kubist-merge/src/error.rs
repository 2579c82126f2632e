//! Why a patch does not apply.

/// Why a patch does not apply.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatchError {
    /// The document is not a list of JSON patch operations.
    #[error("not a json patch: {0}")]
    NotAPatch(#[source] serde_json::Error),
    /// An operation of a JSON patch failed.
    #[error("json patch operation {operation} at {path:?}: {source}")]
    Operation {
        /// The index of the operation.
        operation: usize,
        /// What it was to do: `add`, `remove`, …
        op: String,
        /// The JSON pointer inside the document.
        path: String,
        /// What failed.
        source: json_patch::PatchErrorKind,
    },
    /// The copies of a JSON patch come to more than what a request may have.
    #[error("json patch operation {operation}: the patch copies too much")]
    TooMuchCopied {
        /// The index of the operation.
        operation: usize,
    },
    /// The patch is not of the type that its format asks for.
    #[error("a patch must be {expected}")]
    WrongType {
        /// What it must be.
        expected: &'static str,
    },
    /// An item of a list that is merged by a key lacks that key.
    #[error("map: {item} does not contain declared merge key: {key}")]
    NoMergeKey {
        /// The item.
        item: String,
        /// The key.
        key: String,
    },
    /// A list of objects that has no merge key was to be merged.
    #[error("cannot merge lists without merge key for {field}")]
    NotMergeable {
        /// The field that holds the list.
        field: String,
    },
    /// A `$patch` directive says something unknown.
    #[error("unknown patch type: {directive} in map: {item}")]
    BadDirective {
        /// What it says.
        directive: String,
        /// Where.
        item: String,
    },
    /// A `$retainKeys`, `$setElementOrder` or `$deleteFromPrimitiveList` directive is malformed.
    #[error("invalid patch format of {directive}: {why}")]
    BadFormat {
        /// The directive.
        directive: String,
        /// What is wrong.
        why: &'static str,
    },
}

/// Where a value does not fit its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct TypeError {
    /// The path in the notation of structured merges, such as `.spec.ports[0]`.
    pub path: String,
    /// What is wrong.
    pub reason: String,
}
