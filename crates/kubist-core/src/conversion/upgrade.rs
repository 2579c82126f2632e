//! What a version says about its neighbour.

use std::{convert::Infallible, error::Error, fmt, marker::PhantomData};

use serde::{Serialize, de::DeserializeOwned};

use crate::Resource;

/// Why two versions cannot be converted into each other.
///
/// ```
/// use kubist_core::conversion::BoxError;
///
/// fn minutes(seconds: i64) -> Result<u32, BoxError> {
///     Ok(u32::try_from(seconds / 60)?)
/// }
/// assert!(minutes(-120).is_err());
/// ```
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A version of a kind that has a newer neighbour.
///
/// `#[derive(Upgrade)]` writes it, on the spec of the newer version; by hand it is for versions that have
/// little in common. Spec, status and whatever else is beside the metadata are converted; the
/// [`Chain`](super::Chain) carries the metadata over as it is. What only one of the two versions knows needs
/// no care either: the chain keeps it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no newer version",
    note = "put `#[derive(Upgrade)]` and `#[upgrade(from = {Self})]` on the spec of the newer version"
)]
pub trait Upgrade: Resource<DynamicType = ()> + Serialize + DeserializeOwned {
    /// The next version.
    type Newer: Resource<DynamicType = ()> + Serialize + DeserializeOwned;

    /// The object as the next version has it.
    ///
    /// # Errors
    ///
    /// An object that has no meaning in the next version. Users see this whenever they read it.
    fn upgrade(self) -> Result<Self::Newer, BoxError>;

    /// The object of the next version as this version has it.
    ///
    /// # Errors
    ///
    /// An object that has no meaning in this version.
    fn downgrade(newer: Self::Newer) -> Result<Self, BoxError>;
}

/// A type inside a kind, such as its spec, that takes the place of an older type.
///
/// `#[derive(Upgrade)]` writes it; by hand it is for types that have little in common. Every type takes its
/// own place, so that only what has changed needs an implementation.
///
/// ```
/// use kubist_core::conversion::{BoxError, UpgradeFrom};
///
/// struct Minutes(u32);
/// struct Seconds(u32);
///
/// impl UpgradeFrom<Minutes> for Seconds {
///     fn upgrade_from(older: Minutes) -> Result<Self, BoxError> {
///         older.0.checked_mul(60).map(Seconds).ok_or_else(|| "too many minutes".into())
///     }
///     fn downgrade_into(self) -> Result<Minutes, BoxError> {
///         Ok(Minutes(self.0 / 60))
///     }
/// }
///
/// assert_eq!(Seconds::upgrade_from(Minutes(2))?.0, 120);
/// assert_eq!(String::upgrade_from("itself".to_owned())?, "itself");
/// # Ok::<(), BoxError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how it takes the place of `{Older}`",
    label = "there is no conversion from `{Older}`",
    note = "if `{Self}` is a newer version of `{Older}`, put `#[derive(Upgrade)]` and `#[upgrade(from = ...)]` on it",
    note = "otherwise give the field the functions that convert it: `#[upgrade(with = module)]`"
)]
pub trait UpgradeFrom<Older>: Sized {
    /// What the older value becomes.
    ///
    /// # Errors
    ///
    /// A value that has no meaning here. Users see this whenever they read the object.
    fn upgrade_from(older: Older) -> Result<Self, BoxError>;

    /// What this value is in the older type.
    ///
    /// # Errors
    ///
    /// A value that has no meaning there.
    fn downgrade_into(self) -> Result<Older, BoxError>;
}

impl<T> UpgradeFrom<T> for T {
    fn upgrade_from(older: T) -> Result<Self, BoxError> {
        Ok(older)
    }

    fn downgrade_into(self) -> Result<T, BoxError> {
        Ok(self)
    }
}

/// What is wrong with a field, with the way to it.
#[derive(Debug)]
struct FieldError {
    path: String,
    source: BoxError,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.source)
    }
}

impl Error for FieldError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

/// What no value is of.
///
/// With one implementation only, the compiler takes for granted that it is meant, and complains of the
/// types instead of the implementation that is missing.
enum Nothing<T> {
    #[allow(dead_code)]
    Never(Infallible, PhantomData<T>),
}

impl<T> UpgradeFrom<Nothing<T>> for T {
    fn upgrade_from(older: Nothing<T>) -> Result<Self, BoxError> {
        match older {
            Nothing::Never(never, _) => match never {},
        }
    }

    fn downgrade_into(self) -> Result<Nothing<T>, BoxError> {
        Err("nothing can be had of it".into())
    }
}

/// [`UpgradeFrom::upgrade_from`], whose types are told before it is asked for: so the compiler names both.
#[doc(hidden)]
pub fn upgraded<Older, Newer: UpgradeFrom<Older>>(older: Older) -> Result<Newer, BoxError> {
    Newer::upgrade_from(older)
}

/// [`UpgradeFrom::downgrade_into`], likewise.
#[doc(hidden)]
pub fn downgraded<Older, Newer: UpgradeFrom<Older>>(newer: Newer) -> Result<Older, BoxError> {
    newer.downgrade_into()
}

/// Says in which field something went wrong; what the derive writes calls it.
#[doc(hidden)]
pub fn in_field(field: &str, error: impl Into<BoxError>) -> BoxError {
    let nested = match error.into().downcast::<FieldError>() {
        Ok(mut nested) => {
            nested.path = format!("{field}.{}", nested.path);
            return nested;
        }
        Err(error) => error,
    };
    Box::new(FieldError {
        path: field.to_owned(),
        source: nested,
    })
}
