//! What a definition says of its conversion.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceConversion, WebhookClientConfig, WebhookConversion,
};

/// A conversion by a webhook, as `spec.conversion` of a definition has it.
///
/// ```
/// use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
///     CustomResourceDefinition, ServiceReference, WebhookClientConfig,
/// };
/// use kubist_core::conversion::by_webhook;
///
/// let mut crd = CustomResourceDefinition::default();
/// crd.spec.conversion = Some(by_webhook(WebhookClientConfig {
///     service: Some(ServiceReference {
///         namespace: "operators".into(),
///         name: "documents".into(),
///         path: Some("/convert".into()),
///         port: None,
///     }),
///     ..WebhookClientConfig::default()
/// }));
/// assert_eq!(crd.spec.conversion.unwrap_or_default().strategy, "Webhook");
/// ```
#[must_use]
pub fn by_webhook(client_config: WebhookClientConfig) -> CustomResourceConversion {
    CustomResourceConversion {
        strategy: "Webhook".to_owned(),
        webhook: Some(WebhookConversion {
            client_config: Some(client_config),
            conversion_review_versions: vec!["v1".to_owned()],
        }),
    }
}
