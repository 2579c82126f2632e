//! URLs, headers and bodies as kube-apiserver expects them.

use k8s_openapi::{
    api::{
        admissionregistration::v1::ValidatingWebhookConfiguration,
        apps::v1::{DaemonSet, Deployment, ReplicaSet},
        authorization::v1::SelfSubjectRulesReview,
        autoscaling::v1::HorizontalPodAutoscaler,
        batch::v1::CronJob,
        core::v1::{Namespace, Node, Pod, Secret, ServiceAccount},
        networking::v1::Ingress,
        rbac::v1::Role,
        storage::v1::VolumeAttachment,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use serde_json::json;

use super::*;
use crate::{Resource, params::VersionMatch};

fn of<K: Resource<DynamicType = ()>>(namespace: Option<&str>) -> Request {
    Request::new(K::url_path(&(), namespace))
}

fn pods() -> Request {
    of::<Pod>(Some("ns"))
}

#[track_caller]
fn check(request: Result<http::Request<Vec<u8>>, Error>, line: &str) -> http::Request<Vec<u8>> {
    let request = request.expect("valid request");
    assert_eq!(format!("{} {}", request.method(), request.uri()), line);
    request
}

#[track_caller]
fn refused(request: Result<http::Request<Vec<u8>>, Error>, why: &str) {
    let error = request.expect_err("must be refused");
    assert!(matches!(error, Error::Validation(_)), "{error:?}");
    assert!(error.to_string().contains(why), "{error}");
}

fn header<'a>(request: &'a http::Request<Vec<u8>>, name: &str) -> Option<&'a str> {
    request
        .headers()
        .get(name)
        .map(|value| value.to_str().expect("ascii"))
}

#[test]
fn collections_of_all_groups() {
    let pp = PostParams::default();
    for (request, path) in [
        (of::<Secret>(Some("ns")), "/api/v1/namespaces/ns/secrets"),
        (
            of::<ReplicaSet>(Some("ns")),
            "/apis/apps/v1/namespaces/ns/replicasets",
        ),
        (
            of::<Role>(Some("ns")),
            "/apis/rbac.authorization.k8s.io/v1/namespaces/ns/roles",
        ),
        (of::<CronJob>(Some("ns")), "/apis/batch/v1/namespaces/ns/cronjobs"),
        (
            of::<HorizontalPodAutoscaler>(Some("ns")),
            "/apis/autoscaling/v1/namespaces/ns/horizontalpodautoscalers",
        ),
        (
            of::<Ingress>(Some("ns")),
            "/apis/networking.k8s.io/v1/namespaces/ns/ingresses",
        ),
        (
            of::<VolumeAttachment>(None),
            "/apis/storage.k8s.io/v1/volumeattachments",
        ),
        (
            of::<ValidatingWebhookConfiguration>(None),
            "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        ),
        (
            of::<SelfSubjectRulesReview>(None),
            "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
        ),
        (
            of::<CustomResourceDefinition>(None),
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        ),
    ] {
        let request = check(request.create(&pp, b"{}".to_vec()), &format!("POST {path}?"));
        assert_eq!(header(&request, "content-type"), Some(JSON_MIME));
        assert_eq!(request.body(), b"{}");
    }
}

#[test]
fn get_with_and_without_version() {
    let deployments = of::<Deployment>(Some("ns"));
    let path = "/apis/apps/v1/namespaces/ns/deployments/a";
    check(
        deployments.get("a", &GetParams::default()),
        &format!("GET {path}"),
    );
    check(
        deployments.get("a", &GetParams::any()),
        &format!("GET {path}?&resourceVersion=0"),
    );
    let request = check(
        deployments.get_metadata("a", &GetParams::at("665")),
        &format!("GET {path}?&resourceVersion=665"),
    );
    assert_eq!(header(&request, "accept"), Some(JSON_METADATA_MIME));
    assert_eq!(header(&request, "content-type"), Some(JSON_MIME));
}

#[test]
fn names_stay_in_their_segment() {
    let roles = of::<Role>(Some("ns"));
    let path = "/apis/rbac.authorization.k8s.io/v1/namespaces/ns/roles";
    let get = |name: &str| roles.get(name, &GetParams::default());
    check(
        get("system:node-proxier"),
        &format!("GET {path}/system:node-proxier"),
    );
    check(get("a b?x=1#y%2f"), &format!("GET {path}/a%20b%3Fx=1%23y%252f"));
    check(get("ä"), &format!("GET {path}/%C3%A4"));
    refused(get(""), "non-empty name");
    for name in [".", "..", "a/b", "../secrets/x"] {
        refused(get(name), "must not be '.' or '..'");
        refused(roles.delete(name, &DeleteParams::default()), "must not be");
        refused(roles.get_subresource("status", name), "must not be");
        refused(
            roles.patch(name, &PatchParams::default(), &Patch::Merge(())),
            "must not be",
        );
    }
    refused(roles.get_subresource("../x", "a"), "a subresource must not be");
}

#[test]
fn paths_have_no_holes() {
    refused(of::<Pod>(Some("")).list(&ListParams::default()), "empty");
    refused(of::<Pod>(Some("..")).list(&ListParams::default()), "'..'");
    refused(Request::new("").list(&ListParams::default()), "empty");
}

#[test]
fn list_options() {
    let list = |lp: ListParams| pods().list(&lp);
    let any = ListParams::default;
    let path = "GET /api/v1/namespaces/ns/pods?";
    check(list(any()), path);
    check(
        list(any().fields("metadata.name=a").labels("app in (a,b)").timeout(9)),
        &format!("{path}&fieldSelector=metadata.name%3Da&labelSelector=app+in+%28a%2Cb%29&timeoutSeconds=9"),
    );
    let from_cache = "&resourceVersion=0&resourceVersionMatch=NotOlderThan";
    check(list(any().match_any()), &format!("{path}{from_cache}"));
    check(
        list(any().match_any().limit(50)),
        &format!("{path}&limit=50{from_cache}"),
    );
    check(
        list(any().match_any().limit(50).continue_token("1234")),
        &format!("{path}&limit=50&continue=1234"),
    );
    check(
        list(any().at("500").matching(VersionMatch::Exact)),
        &format!("{path}&resourceVersion=500&resourceVersionMatch=Exact"),
    );
    check(list(any().at("500")), &format!("{path}&resourceVersion=500"));
    refused(
        list(any().at("0").matching(VersionMatch::Exact)),
        "non-zero resource_version",
    );
    refused(
        list(any().matching(VersionMatch::NotOlderThan)),
        "resource_version is required",
    );
    check(of::<Namespace>(None).list(&any()), "GET /api/v1/namespaces?");

    let request = check(
        pods().list_metadata(&any().matching(VersionMatch::NotOlderThan).at("5")),
        &format!("{path}&resourceVersion=5&resourceVersionMatch=NotOlderThan"),
    );
    assert_eq!(header(&request, "accept"), Some(JSON_METADATA_LIST_MIME));
}

#[test]
fn watch_options() {
    let watch = |wp: WatchParams| pods().watch(&wp, "0");
    let path = "GET /api/v1/namespaces/ns/pods?&watch=true";
    check(
        watch(WatchParams::default()),
        &format!("{path}&timeoutSeconds=290&allowWatchBookmarks=true&resourceVersion=0"),
    );
    check(
        watch(WatchParams::streaming_lists().timeout(60)),
        &format!(
            "{path}&timeoutSeconds=60&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=0"
        ),
    );
    check(
        watch(
            WatchParams::default()
                .disable_bookmarks()
                .fields("metadata.name=pod=1")
                .labels("app=web"),
        ),
        &format!(
            "{path}&timeoutSeconds=290&fieldSelector=metadata.name%3Dpod%3D1&labelSelector=app%3Dweb&resourceVersion=0"
        ),
    );
    refused(
        watch(WatchParams::default().timeout(295)),
        "timeout must be < 295s",
    );
    refused(
        watch(WatchParams::streaming_lists().disable_bookmarks()),
        "bookmarks must be set",
    );

    let request = pods().watch_metadata(&WatchParams::default(), "").expect("valid");
    assert_eq!(header(&request, "accept"), Some(JSON_METADATA_MIME));
}

#[test]
fn writes() {
    let daemon_sets = of::<DaemonSet>(None);
    let pp = PostParams {
        dry_run: true,
        field_manager: Some("me".into()),
    };
    let request = check(
        daemon_sets.replace("a", &pp, b"{}".to_vec()),
        "PUT /apis/apps/v1/daemonsets/a?&dryRun=All&fieldManager=me",
    );
    assert_eq!(header(&request, "content-type"), Some(JSON_MIME));

    let pp = PatchParams::apply("me").force().dry_run().validation_strict();
    let request = check(
        daemon_sets.patch("a", &pp, &Patch::Apply(json!({"a": 1}))),
        "PATCH /apis/apps/v1/daemonsets/a?&dryRun=All&force=true&fieldManager=me&fieldValidation=Strict",
    );
    assert_eq!(
        header(&request, "content-type"),
        Some("application/apply-patch+yaml")
    );
    assert_eq!(header(&request, "accept"), Some(JSON_MIME));
    assert_eq!(request.body(), br#"{"a":1}"#);

    refused(daemon_sets.patch("a", &pp, &Patch::Merge(())), "force only works");
    let pp = PatchParams::apply(&"m".repeat(129));
    refused(
        daemon_sets.patch("a", &pp, &Patch::Apply(())),
        "field_manager has 129 bytes",
    );

    let request = pods()
        .patch_metadata("a", &PatchParams::default(), &Patch::Strategic(()))
        .expect("valid");
    assert_eq!(header(&request, "accept"), Some(JSON_METADATA_MIME));
    assert_eq!(
        header(&request, "content-type"),
        Some("application/strategic-merge-patch+json")
    );
}

#[cfg(feature = "jsonpatch")]
#[test]
fn json_patches() {
    let patch: json_patch::Patch =
        serde_json::from_value(json!([{"op": "remove", "path": "/a"}])).expect("valid");
    let request = pods()
        .patch("a", &PatchParams::default(), &Patch::<()>::Json(patch))
        .expect("valid");
    assert_eq!(
        header(&request, "content-type"),
        Some("application/json-patch+json")
    );
    assert_eq!(request.body(), br#"[{"op":"remove","path":"/a"}]"#);
}

#[test]
fn deletes() {
    let request = check(
        pods().delete("a", &DeleteParams::foreground()),
        "DELETE /api/v1/namespaces/ns/pods/a?",
    );
    assert_eq!(request.body(), br#"{"propagationPolicy":"Foreground"}"#);
    assert_eq!(header(&request, "content-type"), Some(JSON_MIME));
    check(
        pods().delete_collection(&DeleteParams::default(), &ListParams::default().labels("app=a")),
        "DELETE /api/v1/namespaces/ns/pods?&labelSelector=app%3Da",
    );
}

#[test]
fn subresources() {
    let nodes = of::<Node>(None);
    let pp = PostParams::default();
    check(nodes.get_subresource("scale", "a"), "GET /api/v1/nodes/a/scale");
    check(
        nodes.replace_subresource("status", "a", &pp, vec![]),
        "PUT /api/v1/nodes/a/status?",
    );
    check(
        nodes.patch_subresource("status", "a", &PatchParams::default(), &Patch::Merge(())),
        "PATCH /api/v1/nodes/a/status?",
    );
    check(
        of::<ServiceAccount>(Some("ns")).create_subresource("token", "sa", &pp, vec![]),
        "POST /api/v1/namespaces/ns/serviceaccounts/sa/token?",
    );
    check(
        nodes.get_subresource("proxy/metrics", "a"),
        "GET /api/v1/nodes/a/proxy/metrics",
    );
}
