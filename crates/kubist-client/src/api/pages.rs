//! Lists of any length.

use std::{fmt::Debug, vec};

use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use kubist_core::params::ListParams;
use serde::de::DeserializeOwned;

use super::Api;
use crate::{Error, Result};

/// How many objects a page has if nobody says; as kubectl has it.
const PAGE: u32 = 500;

impl<K> Api<K>
where
    K: Clone + DeserializeOwned + Debug,
{
    /// Lists objects one by one, however many there are; one page of them is in memory.
    ///
    /// Pages have 500 objects unless the parameters have a limit. All are of one moment, as long as
    /// the server remembers it, which is for 5 minutes or so. A list that takes longer goes on
    /// behind the last object with what is there then: no object comes twice, and what was there
    /// all the time is not left out.
    ///
    /// ```no_run
    /// use futures::TryStreamExt;
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_client::{Api, Client, api::ListParams};
    ///
    /// # async fn run(client: Client) -> Result<(), kubist_client::Error> {
    /// let pods: Api<Pod> = Api::all(client);
    /// let mut all = pods.list_stream(&ListParams::default());
    /// while let Some(pod) = all.try_next().await? {
    ///     println!("{}", pod.metadata.name.unwrap_or_default());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Source: [retrieving large results sets in
    /// chunks](https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks).
    ///
    /// # Errors
    ///
    /// The stream ends with the first page that could not be read.
    pub fn list_stream(&self, lp: &ListParams) -> BoxStream<'static, Result<K>>
    where
        K: Send + 'static,
    {
        let api = self.clone();
        let mut params = lp.clone();
        params.limit = params.limit.or(Some(PAGE));
        let pages = stream::try_unfold(Some(params), move |params| {
            let api = api.clone();
            async move {
                let Some(params) = params else { return Ok(None) };
                let (objects, next) = api.page(params).await?;
                Ok::<_, Error>(Some((stream::iter(objects.map(Ok)), next)))
            }
        });
        pages.try_flatten().boxed()
    }

    /// A page, and what asks for the next.
    async fn page(&self, mut params: ListParams) -> Result<(vec::IntoIter<K>, Option<ListParams>)> {
        let page = match self.list(&params).await {
            // The moment is forgotten; the server says how to go on from the same place.
            Err(Error::Api(status)) if status.code == 410 && params.continue_token.is_some() => {
                let goes_on = status.metadata.as_ref().and_then(|list| list.continue_.clone());
                let Some(token) = goes_on.filter(|token| !token.is_empty()) else {
                    return Err(Error::Api(status));
                };
                params.continue_token = Some(token);
                self.list(&params).await?
            }
            page => page?,
        };
        let next = page.metadata.continue_.filter(|token| !token.is_empty());
        let next = next.map(|token| ListParams {
            continue_token: Some(token),
            // The token has the version.
            resource_version: None,
            version_match: None,
            ..params
        });
        Ok((page.items.into_iter(), next))
    }
}
