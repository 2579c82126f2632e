//! What a watch tells.

/// One step of a watch.
///
/// `Init`, any number of `InitApply` and `InitDone` carry the whole state; what was known before and is
/// not among them is gone. `Apply` and `Delete` are changes to it.
#[derive(Clone, Debug)]
pub enum Event<K> {
    /// An object was added or changed.
    Apply(K),
    /// An object was deleted; this was its last state.
    Delete(K),
    /// The whole state follows, from the start. Whatever came since an earlier `Init` without an
    /// `InitDone` is void.
    Init,
    /// An object of the whole state.
    InitApply(K),
    /// The whole state has been told.
    InitDone,
}

impl<K> Event<K> {
    /// Changes the object that the event carries, if it carries one.
    ///
    /// The usual use is to drop fields that nobody reads before they are kept.
    ///
    /// # Example
    ///
    /// ```
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_runtime::watcher::Event;
    ///
    /// let event = Event::Apply(Pod::default()).modify(|pod| pod.metadata.managed_fields = None);
    /// ```
    #[must_use]
    pub fn modify(mut self, mut f: impl FnMut(&mut K)) -> Self {
        match &mut self {
            Event::Apply(object) | Event::Delete(object) | Event::InitApply(object) => f(object),
            Event::Init | Event::InitDone => {}
        }
        self
    }

    /// The same event with its object turned into something else.
    pub(crate) fn map<T>(self, f: impl FnOnce(K) -> T) -> Event<T> {
        match self {
            Event::Apply(object) => Event::Apply(f(object)),
            Event::Delete(object) => Event::Delete(f(object)),
            Event::InitApply(object) => Event::InitApply(f(object)),
            Event::Init => Event::Init,
            Event::InitDone => Event::InitDone,
        }
    }

    /// The object that was added or changed, if that is what the event tells.
    pub(crate) fn into_applied(self) -> Option<K> {
        match self {
            Event::Apply(object) | Event::InitApply(object) => Some(object),
            Event::Delete(_) | Event::Init | Event::InitDone => None,
        }
    }

    /// The object that was added, changed or deleted, if the event carries one.
    pub(crate) fn into_touched(self) -> Option<K> {
        match self {
            Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) => Some(object),
            Event::Init | Event::InitDone => None,
        }
    }
}
