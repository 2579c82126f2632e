//! The client against the embedded API server: what an application does.

use either::Either;
use futures::{TryStreamExt, future};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Namespace, Node, Pod, Secret},
};
use kubist_apiserver::Server;
use kubist_client::{
    Api, Client, Config, Discovery, Error, ResourceExt,
    api::{
        DeleteParams, DynamicObject, EvictParams, GroupVersionKind, ListParams, ObjectMeta,
        PartialObjectMeta, Patch, PatchParams, PostParams, Preconditions, WatchEvent, WatchParams,
        entry::{CommitError, CommitValidationError, Entry},
    },
    config::Kubeconfig,
    core::{ObjectList, Status},
    discovery::{self, Scope, verbs},
};
use serde_json::json;

fn client(server: &Server) -> Client {
    let kubeconfig = Kubeconfig::from_yaml(&server.kubeconfig()).expect("a kubeconfig");
    Client::try_from(kubeconfig).expect("a client")
}

fn config_map(name: &str, value: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some([("value".to_owned(), value.to_owned())].into()),
            ..ObjectMeta::default()
        },
        data: Some([("key".to_owned(), value.to_owned())].into()),
        ..ConfigMap::default()
    }
}

fn pod(name: &str) -> Pod {
    serde_json::from_value(json!({
        "metadata": { "name": name },
        "spec": { "containers": [{ "name": "c", "image": "i" }] },
    }))
    .expect("a pod")
}

#[track_caller]
fn status<T>(result: Result<T, Error>) -> Status {
    match result {
        Err(Error::Api(status)) => *status,
        Err(other) => panic!("no status: {other:?}"),
        Ok(_) => panic!("no error"),
    }
}

#[tokio::test]
async fn objects_are_created_read_changed_and_deleted() {
    let server = Server::start().await.expect("starts");
    let api: Api<ConfigMap> = Api::default_namespaced(client(&server));
    let (pp, dp) = (PostParams::default(), DeleteParams::default());

    assert!(api.get_opt("a").await.expect("answers").is_none());
    assert!(status(api.get("a").await).is_not_found());
    let created = api.create(&pp, &config_map("a", "one")).await.expect("creates");
    assert_eq!(created.namespace().as_deref(), Some("default"));
    assert!(status(api.create(&pp, &config_map("a", "one")).await).is_already_exists());

    let mut changed = api.get("a").await.expect("is there");
    assert_eq!(changed, created);
    changed.data = Some([("key".to_owned(), "two".to_owned())].into());
    let replaced = api.replace("a", &pp, &changed).await.expect("replaces");
    assert_ne!(replaced.resource_version(), created.resource_version());
    assert!(status(api.replace("a", &pp, &changed).await).is_conflict());

    let dry = PostParams {
        dry_run: true,
        field_manager: None,
    };
    api.create(&dry, &config_map("b", "one"))
        .await
        .expect("would create");
    assert!(api.get_opt("b").await.expect("answers").is_none());

    let wrong = DeleteParams::default().preconditions(Preconditions {
        uid: Some("wrong".into()),
        resource_version: None,
    });
    assert!(status(api.delete("a", &wrong).await).is_conflict());
    let deleted = api.delete("a", &dp).await.expect("deletes");
    assert!(matches!(deleted, Either::Right(status) if status.is_success()));
    assert!(status(api.delete("a", &dp).await).is_not_found());
}

#[tokio::test]
async fn lists_are_selected_and_paged() {
    let server = Server::start().await.expect("starts");
    let api: Api<ConfigMap> = Api::default_namespaced(client(&server));
    for index in 0..5 {
        let value = if index % 2 == 0 { "even" } else { "odd" };
        api.create(&PostParams::default(), &config_map(&format!("c{index}"), value))
            .await
            .expect("creates");
    }
    let names = |list: &ObjectList<ConfigMap>| list.iter().map(ResourceExt::name_any).collect::<Vec<_>>();

    let even = ListParams::default().labels("value in (even)");
    assert_eq!(names(&api.list(&even).await.expect("lists")), ["c0", "c2", "c4"]);
    let one = ListParams::default().fields("metadata.name=c3");
    assert_eq!(names(&api.list(&one).await.expect("lists")), ["c3"]);
    api.list(&ListParams::default().match_any().limit(2).timeout(5))
        .await
        .expect("lists");

    let mut pages = Vec::new();
    let mut lp = ListParams::default().labels("value").limit(2);
    loop {
        let page = api.list(&lp).await.expect("lists");
        pages.push(names(&page));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => lp = lp.continue_token(&token),
            None => break,
        }
    }
    assert_eq!(pages, [vec!["c0", "c1"], vec!["c2", "c3"], vec!["c4"]]);

    let metadata = api.list_metadata(&even).await.expect("lists");
    assert_eq!(metadata.items.len(), 3);
    api.delete_collection(&DeleteParams::default(), &even)
        .await
        .expect("deletes");
    let left = api
        .list(&ListParams::default().labels("value"))
        .await
        .expect("lists");
    assert_eq!(names(&left), ["c1", "c3"]);
}

fn deployment() -> Deployment {
    serde_json::from_value(json!({
        "metadata": { "name": "web" },
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{ "name": "a", "image": "a" }] },
            },
        },
    }))
    .expect("a deployment")
}

fn replicas(deployment: &Deployment) -> Option<i32> {
    deployment.spec.as_ref().and_then(|spec| spec.replicas)
}

#[tokio::test]
async fn patches() {
    let server = Server::start().await.expect("starts");
    let api: Api<Deployment> = Api::default_namespaced(client(&server));
    api.create(&PostParams::default(), &deployment())
        .await
        .expect("creates");
    let pp = PatchParams::default();
    let merge = Patch::Merge(json!({ "spec": { "replicas": 2 } }));
    let patched = api.patch("web", &pp, &merge).await.expect("patches");
    assert_eq!(replicas(&patched), Some(2));

    let container = json!({ "name": "b", "image": "b" });
    let strategic =
        Patch::Strategic(json!({ "spec": { "template": { "spec": { "containers": [container] } } } }));
    let patched = api.patch("web", &pp, &strategic).await.expect("patches");
    let pod = patched.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    assert_eq!(pod.map(|pod| pod.containers.len()), Some(2));

    let unknown = Patch::Merge(json!({ "spec": { "unknown": 1 } }));
    let strict = PatchParams::default().validation_strict();
    assert!(status(api.patch("web", &strict, &unknown).await).is_invalid());

    #[cfg(feature = "jsonpatch")]
    {
        let replace = json!([{ "op": "replace", "path": "/spec/replicas", "value": 3 }]);
        let patch = Patch::Json::<()>(serde_json::from_value(replace).expect("a patch"));
        let patched = api.patch("web", &pp, &patch).await.expect("patches");
        assert_eq!(replicas(&patched), Some(3));
    }

    let metadata = api.patch_metadata("web", &pp, &merge).await.expect("patches");
    assert_eq!(metadata.name_any(), "web");
    assert!(status(api.patch("missing", &pp, &merge).await).is_not_found());
}

#[tokio::test]
async fn server_side_apply() {
    let server = Server::start().await.expect("starts");
    let api: Api<Deployment> = Api::default_namespaced(client(&server));
    let apply = PatchParams::apply("test");
    let created = match api.patch("web", &apply, &Patch::Apply(deployment())).await {
        Err(Error::Api(status)) if status.code == 501 => {
            println!("skipped: the embedded server does not apply yet");
            return;
        }
        created => created.expect("is created"),
    };
    assert_eq!(replicas(&created), Some(1));
    let merge = Patch::Merge(json!({ "spec": { "replicas": 2 } }));
    api.patch("web", &PatchParams::default(), &merge)
        .await
        .expect("patches");
    // Another manager has the replicas now.
    assert!(status(api.patch("web", &apply, &Patch::Apply(deployment())).await).is_conflict());
    let forced = api
        .patch("web", &apply.force(), &Patch::Apply(deployment()))
        .await
        .expect("applies");
    assert_eq!(replicas(&forced), Some(1));
}

#[tokio::test]
async fn status_scale_restart_and_the_like() {
    let server = Server::start().await.expect("starts");
    let client = client(&server);
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    pods.create(&PostParams::default(), &pod("a"))
        .await
        .expect("creates");
    let running =
        Patch::Merge(json!({ "status": { "phase": "Running" }, "spec": { "nodeName": "ignored" } }));
    let patched = pods
        .patch_status("a", &PatchParams::default(), &running)
        .await
        .expect("patches");
    assert_eq!(
        patched.status.as_ref().and_then(|status| status.phase.as_deref()),
        Some("Running")
    );
    assert_eq!(
        patched.spec.as_ref().and_then(|spec| spec.node_name.as_deref()),
        None
    );
    let mut read = pods.get_status("a").await.expect("reads");
    read.status.get_or_insert_default().message = Some("hello".into());
    let replaced = pods
        .replace_status("a", &PostParams::default(), &read)
        .await
        .expect("replaces");
    assert_eq!(
        replaced.status.and_then(|status| status.message).as_deref(),
        Some("hello")
    );
    pods.evict("a", &EvictParams::default()).await.expect("evicts");

    let deployments: Api<Deployment> = Api::default_namespaced(client.clone());
    deployments
        .create(&PostParams::default(), &deployment())
        .await
        .expect("creates");
    let scale = Patch::Merge(json!({ "spec": { "replicas": 4 } }));
    deployments
        .patch_scale("web", &PatchParams::default(), &scale)
        .await
        .expect("scales");
    let scale = deployments.get_scale("web").await.expect("reads");
    assert_eq!(scale.spec.and_then(|spec| spec.replicas), Some(4));
    let restarted = deployments.restart("web").await.expect("restarts");
    let template = restarted
        .spec
        .and_then(|spec| spec.template.metadata)
        .and_then(|meta| meta.annotations);
    assert!(
        template
            .expect("has annotations")
            .contains_key("kube.kubernetes.io/restartedAt")
    );

    let nodes: Api<Node> = Api::all(client);
    let mut node = Node::default();
    node.metadata.name = Some("n".into());
    nodes
        .create(&PostParams::default(), &node)
        .await
        .expect("creates");
    let unschedulable = |node: Node| node.spec.and_then(|spec| spec.unschedulable);
    assert_eq!(
        unschedulable(nodes.cordon("n").await.expect("cordons")),
        Some(true)
    );
    assert_ne!(
        unschedulable(nodes.uncordon("n").await.expect("uncordons")),
        Some(true)
    );
}

#[tokio::test]
async fn watches_see_changes() {
    let server = Server::start().await.expect("starts");
    let client = client(&server);
    let api: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let metadata: Api<PartialObjectMeta<ConfigMap>> = Api::default_namespaced(client);
    let start = api
        .list(&ListParams::default())
        .await
        .expect("lists")
        .metadata
        .resource_version;
    let start = start.expect("has a version");
    api.create(&PostParams::default(), &config_map("a", "one"))
        .await
        .expect("creates");
    let patch = Patch::Merge(json!({ "data": { "key": "two" } }));
    api.patch("a", &PatchParams::default(), &patch)
        .await
        .expect("patches");
    api.delete("a", &DeleteParams::default()).await.expect("deletes");

    let wp = WatchParams::default().labels("value").timeout(1);
    let events = |events: Vec<WatchEvent<PartialObjectMeta<ConfigMap>>>| -> Vec<String> {
        let summary = |event: &WatchEvent<PartialObjectMeta<ConfigMap>>| match event {
            WatchEvent::Added(object) => format!("added {}", object.name_any()),
            WatchEvent::Modified(object) => format!("modified {}", object.name_any()),
            WatchEvent::Deleted(object) => format!("deleted {}", object.name_any()),
            other => format!("{other:?}"),
        };
        events
            .iter()
            .filter(|event| !matches!(event, WatchEvent::Bookmark(_)))
            .map(summary)
            .collect()
    };
    let expected = ["added a", "modified a", "deleted a"];
    let watch = metadata.watch(&wp, &start).await.expect("starts");
    assert_eq!(events(watch.try_collect().await.expect("ends")), expected);
    let watch = api.watch_metadata(&wp, &start).await.expect("starts");
    assert_eq!(events(watch.try_collect().await.expect("ends")), expected);

    server.compact();
    let outcome = match api.watch(&wp, &start).await {
        Ok(watch) => match watch.try_collect::<Vec<_>>().await.expect("ends").remove(0) {
            WatchEvent::Error(status) => *status,
            other => panic!("no error: {other:?}"),
        },
        Err(error) => status(Err::<(), _>(error)),
    };
    assert_eq!(outcome.code, 410);
}

#[tokio::test]
async fn entries_are_created_changed_and_checked() {
    let server = Server::start().await.expect("starts");
    let api: Api<ConfigMap> = Api::default_namespaced(client(&server));
    let pp = PostParams::default();
    let mut entry = api.entry("a").await.expect("reads").or_insert(ConfigMap::default);
    entry.commit(&pp).await.expect("creates");
    let created = entry.get().resource_version();
    entry.commit(&pp).await.expect("has nothing to do");
    assert_eq!(entry.get().resource_version(), created);
    entry.get_mut().data = Some([("k".to_owned(), "v".to_owned())].into());
    entry.commit(&pp).await.expect("replaces");
    assert_ne!(entry.get().resource_version(), created);
    let Entry::Occupied(_) = api.entry("a").await.expect("reads") else {
        panic!("is there")
    };

    let vacant = api.entry("b").await.expect("reads");
    assert!(vacant.get().is_none());
    let refused = vacant
        .or_insert(|| config_map("c", "one"))
        .commit(&pp)
        .await
        .expect_err("another name");
    assert!(matches!(
        refused,
        CommitError::Validate(CommitValidationError::NameMismatch { object_name, .. }) if object_name == "c"
    ));
    let mut elsewhere = config_map("b", "one");
    elsewhere.metadata.namespace = Some("elsewhere".into());
    let entry = api.entry("b").await.expect("reads");
    let refused = entry
        .or_insert(|| elsewhere)
        .commit(&pp)
        .await
        .expect_err("another namespace");
    assert!(matches!(
        refused,
        CommitError::Validate(CommitValidationError::NamespaceMismatch { .. })
    ));
}

#[tokio::test]
async fn both_kinds_of_discovery_say_the_same() {
    let server = Server::start().await.expect("starts");
    let client = client(&server);
    let legacy = Discovery::new(client.clone()).run().await.expect("runs");
    let aggregated = Discovery::new(client.clone())
        .run_aggregated()
        .await
        .expect("runs");
    let names = |discovery: &Discovery| -> Vec<String> {
        let groups = discovery.groups_alphabetical();
        groups
            .iter()
            .map(|group| format!("{} {:?}", group.name(), group.versions().collect::<Vec<_>>()))
            .collect()
    };
    assert_eq!(names(&legacy), names(&aggregated));
    for gvk in [
        GroupVersionKind::gvk("", "v1", "Pod"),
        GroupVersionKind::gvk("apps", "v1", "Deployment"),
    ] {
        let resolved = [legacy.resolve_gvk(&gvk), aggregated.resolve_gvk(&gvk)];
        let pinned = discovery::pinned_kind(&client, &gvk).await.expect("is known");
        for (resource, capabilities) in resolved.into_iter().flatten() {
            assert_eq!(resource, pinned.0);
            assert!(capabilities.scope == Scope::Namespaced && capabilities.supports_operation(verbs::WATCH));
            assert!(!capabilities.subresources.is_empty());
        }
    }
    let filtered = Discovery::new(client.clone())
        .filter(&["apps"])
        .run()
        .await
        .expect("runs");
    assert!(filtered.has_group("apps") && filtered.groups().count() == 1);
    let excluded = Discovery::new(client.clone())
        .exclude(&["apps", ""])
        .run_aggregated()
        .await
        .expect("runs");
    assert!(!excluded.has_group("apps") && !excluded.has_group(""));
    let missing = discovery::group(&client, "no.such.group").await;
    assert!(matches!(missing, Err(Error::Discovery(_))));
    let missing = discovery::pinned_kind(&client, &GroupVersionKind::gvk("apps", "v1", "Nothing")).await;
    assert!(matches!(missing, Err(Error::Discovery(_))));
    assert!(
        !client
            .apiserver_version()
            .await
            .expect("answers")
            .git_version
            .is_empty()
    );
}

#[tokio::test]
async fn kinds_known_at_run_time() {
    let server = Server::start().await.expect("starts");
    let client = client(&server);
    let gvk = GroupVersionKind::gvk("", "v1", "ConfigMap");
    let (resource, _) = discovery::pinned_kind(&client, &gvk).await.expect("is known");
    let api: Api<DynamicObject> = Api::default_namespaced_with(client, &resource);
    let object = DynamicObject::new("a", &resource).data(json!({ "data": { "k": "v" } }));
    let created = api
        .create(&PostParams::default(), &object)
        .await
        .expect("creates");
    assert_eq!(created.data["data"]["k"], "v");
    let typed: ConfigMap = api
        .get("a")
        .await
        .expect("reads")
        .try_parse()
        .expect("is a config map");
    assert_eq!(typed.data, Some([("k".to_owned(), "v".to_owned())].into()));
    let deleted = api.delete("a", &DeleteParams::default()).await.expect("deletes");
    assert!(deleted.is_right());
}

#[tokio::test]
async fn users_over_tls() {
    let server = Server::builder()
        .tls(true)
        .user("admin-token", "admin", "1", ["system:masters"])
        .user("other-token", "other", "2", ["nobodies"])
        .start()
        .await
        .expect("starts");
    let namespaces: Api<Namespace> = Api::all(client(&server));
    namespaces.list(&ListParams::default()).await.expect("is let in");

    let config = |token: Option<&str>| {
        let kubeconfig = Kubeconfig::from_yaml(&server.kubeconfig()).expect("a kubeconfig");
        let mut config = Config::try_from(kubeconfig).expect("a config");
        config.auth_info.token = token.map(|token| token.to_owned().into());
        config
    };
    let secrets = |config: Config| {
        let api: Api<Secret> = Api::default_namespaced(Client::try_from(config).expect("a client"));
        async move {
            api.list(&ListParams::default())
                .await
                .map(|list| list.items.len())
        }
    };
    let (wrong, none, other) = future::join3(
        secrets(config(Some("wrong-token"))),
        secrets(config(None)),
        secrets(config(Some("other-token"))),
    )
    .await;
    assert_eq!(status(wrong).code, 401);
    assert!(status(none).is_forbidden());
    let forbidden = status(other);
    assert!(
        forbidden.is_forbidden() && forbidden.message.contains("other"),
        "{forbidden}"
    );

    let mut untrusting = config(Some("admin-token"));
    untrusting.root_cert = Some(vec![crate::server::Authority::new().der()]);
    let message = secrets(untrusting).await.expect_err("is not trusted").to_string();
    assert!(
        message.contains(&server.addr().to_string()) && message.contains("certificate"),
        "{message}"
    );
}

#[tokio::test]
async fn a_token_file_that_is_renewed() {
    let server = Server::builder()
        .user("new", "admin", "1", ["system:masters"])
        .start()
        .await
        .expect("starts");
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("token");
    std::fs::write(&path, "old").expect("writes");
    let mut config = Config::new(server.url().parse().expect("a URL"));
    config.auth_info.token_file = Some(path.display().to_string());
    let pods: Api<Pod> = Api::default_namespaced(Client::try_from(config).expect("a client"));
    assert_eq!(status(pods.list(&ListParams::default()).await).code, 401);
    std::fs::write(&path, "new").expect("writes");
    pods.list(&ListParams::default()).await.expect("is let in");
}

#[tokio::test]
async fn a_server_that_went_is_named() {
    let server = Server::start().await.expect("starts");
    let (client, address) = (client(&server), server.addr().to_string());
    client.apiserver_version().await.expect("answers");
    server.kill().await;
    let message = client.apiserver_version().await.expect_err("is gone").to_string();
    assert!(message.contains(&address), "{message}");
}

#[tokio::test]
async fn without_a_socket() {
    let server = Server::start().await.expect("starts");
    let pods: Api<Pod> = Api::default_namespaced(Client::new(server.service(), "default"));
    pods.create(&PostParams::default(), &pod("a"))
        .await
        .expect("creates");
    assert_eq!(pods.get_metadata("a").await.expect("reads").name_any(), "a");
}
