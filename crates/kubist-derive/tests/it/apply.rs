use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kubist_client::Api;
use kubist_client::api::{Patch, PatchParams};
use kubist_core::apply::{Error, HasApply};
use kubist_core::{CustomResourceExt, ResourceExt};
use kubist_derive::{ApplyConfiguration, CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::{cluster, install};

#[derive(CustomResource, KubeSchema, Clone, Debug, Serialize, Deserialize)]
#[kube(group = "apply.example.com", version = "v1", kind = "Site", namespaced)]
#[kube(apply, status = "SiteStatus")]
#[serde(rename_all = "camelCase")]
pub(crate) struct SiteSpec {
    /// The headline.
    #[serde(skip_serializing_if = "Option::is_none")]
    home_page: Option<String>,
    #[serde(default)]
    replicas: u32,
    #[serde(default)]
    #[kube(nested)]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    routes: Vec<Route>,
    #[kube(nested)]
    limits: Option<Limits>,
    #[serde(default)]
    settings: BTreeMap<String, String>,
    #[serde(default)]
    backend: Backend,
    #[serde(default, rename = "pauseSeconds", with = "seconds")]
    #[x_kube(validation = "self >= 0")]
    #[schemars(with = "u64")]
    pause: Duration,
    #[serde(skip)]
    #[allow(dead_code)]
    cached: usize,
    #[serde(flatten)]
    #[kube(nested)]
    access: Access,
}

#[derive(ApplyConfiguration, JsonSchema, Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Route {
    name: String,
    #[serde(default)]
    r#type: String,
    weight: Option<i32>,
}

#[derive(ApplyConfiguration, JsonSchema, Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Limits {
    // Both are required, and may be of two managers.
    cpu: Option<i32>,
    memory: i32,
}

#[derive(ApplyConfiguration, JsonSchema, Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Access {
    #[serde(default)]
    public: bool,
}

#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Backend {
    #[default]
    Memory,
    Disk,
}

#[derive(ApplyConfiguration, JsonSchema, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SiteStatus {
    observed_generation: Option<i64>,
    #[serde(default)]
    conditions: Vec<Condition>,
}

mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(duration.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}

fn route(name: &str) -> RouteApply {
    RouteApply::default().name(name)
}

fn mine() -> SiteApply {
    SiteApply::new("one").label("tier", "web").spec(
        SiteSpecApply::default()
            .home_page("/index")
            .routes([route("b").r#type("exact"), route("a").weight(3)])
            .limits(LimitsApply::default().memory(64))
            .settings([("mine".to_owned(), "1".to_owned())])
            .pause(Duration::from_secs(5))
            .access(AccessApply::default().public(true)),
    )
}

fn theirs() -> Value {
    json!({
        "apiVersion": "apply.example.com/v1", "kind": "Site",
        "metadata": {"name": "one", "labels": {"theirs": "yes"}},
        "spec": {
            "replicas": 4, "routes": [{"name": "c"}, {"name": "a", "type": "prefix"}],
            "limits": {"cpu": 2}, "settings": {"theirs": "2"}, "backend": "Disk",
        },
    })
}

#[test]
fn only_what_was_set_is_sent() {
    assert_eq!(
        serde_json::to_value(SiteApply::new("one").namespace("web")).unwrap(),
        json!({
            "apiVersion": "apply.example.com/v1", "kind": "Site",
            "metadata": {"name": "one", "namespace": "web"},
        })
    );
    assert_eq!(
        serde_json::to_value(mine()).unwrap(),
        json!({
            "apiVersion": "apply.example.com/v1", "kind": "Site",
            "metadata": {"name": "one", "labels": {"tier": "web"}},
            "spec": {
                "homePage": "/index", "routes": [{"name": "b", "type": "exact"}, {"name": "a", "weight": 3}],
                "limits": {"memory": 64}, "settings": {"mine": "1"}, "pauseSeconds": 5, "public": true,
            },
        })
    );
}

#[test]
fn wrapped_types_have_an_apply_configuration() {
    fn same<T: HasApply<Apply = U>, U>() {}
    same::<Option<Route>, RouteApply>();
    same::<Box<Vec<Route>>, Box<Vec<RouteApply>>>();
    same::<BTreeMap<String, Route>, BTreeMap<String, RouteApply>>();
    same::<Site, SiteApply>();
}

#[tokio::test]
async fn a_manager_reads_changes_and_applies_without_losing_or_stealing() {
    let (_server, client) = cluster().await;
    install(&client, &Site::crd()).await;
    let sites: Api<Site> = Api::namespaced(client, "default");
    let (me, other) = (PatchParams::apply("me"), PatchParams::apply("other"));
    sites.apply("one", &me, &mine()).await.unwrap();
    let site = sites.apply("one", &other, &theirs()).await.unwrap();
    assert_eq!(site.spec.routes.len(), 3);

    // What was applied comes back, and applied again it changes nothing.
    let extracted = SiteApply::extract(&site, "me").unwrap();
    let mut expected = serde_json::to_value(mine().namespace("default")).unwrap();
    assert_eq!(serde_json::to_value(&extracted).unwrap(), expected);
    let again = sites.apply("one", &me, &extracted).await.unwrap();
    assert_eq!(again.resource_version(), site.resource_version());

    // One change is one change.
    let mut changed = extracted;
    let spec = changed.spec.take().unwrap_or_default();
    changed.spec = Some(spec.home_page("/start"));
    let site = sites.apply("one", &me, &changed).await.unwrap();
    assert_eq!(site.spec.home_page.as_deref(), Some("/start"));
    assert_eq!(site.spec.replicas, 4);
    assert_eq!(site.spec.backend, Backend::Disk);
    assert_eq!(site.spec.settings["theirs"], "2");
    assert_eq!(site.spec.limits.as_ref().and_then(|limits| limits.cpu), Some(2));
    assert_eq!(site.labels().len(), 2);
    expected["spec"]["homePage"] = json!("/start");
    let extracted = SiteApply::extract(&site, "me").unwrap();
    assert_eq!(serde_json::to_value(&extracted).unwrap(), expected);

    // The other's are as they were: a conflict would have been an error, a theft a loss here.
    let others = SiteApply::extract(&site, "other").unwrap();
    let mut expected = theirs();
    expected["metadata"]["namespace"] = json!("default");
    let mut others = serde_json::to_value(&others).unwrap();
    let by_name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    for value in [&mut expected, &mut others] {
        value["spec"]["routes"]
            .as_array_mut()
            .unwrap()
            .sort_by_key(by_name);
    }
    assert_eq!(others, expected);

    // What is no longer set is let go of.
    let mut changed = extracted;
    changed.spec = changed.spec.map(|spec| SiteSpecApply {
        home_page: None,
        ..spec
    });
    let site = sites.apply("one", &me, &changed).await.unwrap();
    assert_eq!(site.spec.home_page, None);
    assert_eq!(site.spec.replicas, 4);
}

#[tokio::test]
async fn a_status_is_owned_through_its_subresource() {
    let (_server, client) = cluster().await;
    install(&client, &Site::crd()).await;
    let sites: Api<Site> = Api::namespaced(client, "default");
    let me = PatchParams::apply("me");
    sites.apply("one", &me, &mine()).await.unwrap();
    let status = SiteApply::new("one").status(SiteStatusApply::default().observed_generation(1));
    let site = sites.apply_status("one", &me, &status).await.unwrap();

    let extracted = SiteApply::extract_subresource(&site, "me", "status").unwrap();
    assert!(extracted.spec.is_none());
    assert_eq!(extracted.status.unwrap().observed_generation, Some(1));
    let extracted = SiteApply::extract(&site, "me").unwrap();
    assert!(extracted.status.is_none());
    assert!(extracted.spec.is_some());
}

#[tokio::test]
async fn what_was_updated_is_not_applied_and_a_cached_object_tells_nothing() {
    let (_server, client) = cluster().await;
    install(&client, &Site::crd()).await;
    let sites: Api<Site> = Api::namespaced(client, "default");
    sites
        .apply("one", &PatchParams::apply("other"), &mine())
        .await
        .unwrap();
    let update = Patch::Merge(json!({"spec": {"homePage": "/patched"}}));
    let patched = PatchParams {
        field_manager: Some("me".to_owned()),
        ..PatchParams::default()
    };
    let mut site = sites.patch("one", &patched, &update).await.unwrap();
    assert!(SiteApply::extract(&site, "me").unwrap().spec.is_none());

    site.managed_fields_mut().clear();
    let error = SiteApply::extract(&site, "other").unwrap_err();
    assert!(matches!(error, Error::NoManagedFields { .. }), "{error}");
}
