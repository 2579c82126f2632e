//! Create, read, update: the rules for metadata and concurrency.

use http::Method;
use http_body_util::BodyExt as _;
use kubist_apiserver::Server;
use serde_json::json;

use crate::client::{CONFIG_MAPS, Http, JSON, MERGE, config_map, without_controllers};

#[tokio::test]
async fn an_object_gets_what_the_server_gives() {
    let server = Server::builder().seed(7).start().await.unwrap();
    let http = Http::new(&server);
    let (status, created) = http.post(CONFIG_MAPS, config_map("a")).await;
    assert_eq!(status, 201);
    let metadata = &created["metadata"];
    assert_eq!(metadata["namespace"], "default");
    assert!(metadata["uid"].as_str().is_some_and(|uid| uid.len() == 36));
    assert!(metadata["creationTimestamp"].is_string());
    assert!(
        metadata.get("generation").is_none(),
        "a ConfigMap counts no generations"
    );
    let (_, read) = http.get(&format!("{CONFIG_MAPS}/a")).await;
    assert_eq!(read, created);
    let (status, failure) = http.post(CONFIG_MAPS, config_map("a")).await;
    assert_eq!((status, failure["reason"].as_str()), (409, Some("AlreadyExists")));
}

#[tokio::test]
async fn names_are_generated_and_seeded() {
    let mut names = Vec::new();
    for _ in 0..2 {
        let server = Server::builder().seed(7).start().await.unwrap();
        let object = json!({"metadata": {"generateName": "gen-"}});
        let (status, created) = Http::new(&server).post(CONFIG_MAPS, object).await;
        assert_eq!(status, 201);
        names.push(created["metadata"]["name"].as_str().unwrap().to_owned());
    }
    assert!(names[0].starts_with("gen-") && names[0].len() == 9, "{names:?}");
    assert_eq!(names[0], names[1]);
}

#[tokio::test]
async fn a_stale_update_conflicts_and_an_equal_one_changes_nothing() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let (_, first) = http.post(CONFIG_MAPS, config_map("a")).await;
    let path = format!("{CONFIG_MAPS}/a");
    let (_, same) = http.put(&path, first.clone()).await;
    assert_eq!(
        same["metadata"]["resourceVersion"],
        first["metadata"]["resourceVersion"]
    );
    let mut second = first.clone();
    second["data"]["k"] = "2".into();
    assert_eq!(http.put(&path, second.clone()).await.0, 200);
    let (status, failure) = http.put(&path, second).await;
    assert_eq!((status, failure["reason"].as_str()), (409, Some("Conflict")));
}

#[tokio::test]
async fn concurrent_writers_lose_no_write() {
    let server = Server::start().await.unwrap();
    let http = std::sync::Arc::new(Http::new(&server));
    http.post(CONFIG_MAPS, config_map("a")).await;
    let writers = (0..16).map(|at| {
        let http = std::sync::Arc::clone(&http);
        tokio::spawn(async move {
            let patch = json!({"data": {format!("w{at}"): "x"}});
            http.patch(&format!("{CONFIG_MAPS}/a"), MERGE, patch).await.0
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        assert_eq!(writer.await.unwrap(), 200);
    }
    let (_, read) = http.get(&format!("{CONFIG_MAPS}/a")).await;
    assert_eq!(read["data"].as_object().unwrap().len(), 17);
}

#[tokio::test]
async fn a_dry_run_leaves_no_trace() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let before = server.snapshot().revision();
    assert_eq!(
        http.post(&format!("{CONFIG_MAPS}?dryRun=All"), config_map("a"))
            .await
            .0,
        201
    );
    assert_eq!(http.get(&format!("{CONFIG_MAPS}/a")).await.0, 404);
    assert_eq!(server.snapshot().revision(), before);
}

#[tokio::test]
async fn a_status_is_written_under_its_own_path_and_counts_no_generation() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let deployment = json!({"metadata": {"name": "d"}, "status": {"replicas": 9}, "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
    }});
    let (status, created) = http.post(deployments, deployment).await;
    assert_eq!(status, 201, "{created}");
    assert_eq!(
        (&created["metadata"]["generation"], &created["status"]),
        (&json!(1), &json!({}))
    );
    let path = format!("{deployments}/d");
    let patch = json!({"spec": {"replicas": 4}, "status": {"replicas": 2}});
    let (_, after) = http.patch(&format!("{path}/status"), MERGE, patch.clone()).await;
    assert_eq!(
        (&after["spec"]["replicas"], &after["status"]["replicas"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(after["metadata"]["generation"], 1);
    let (_, after) = http.patch(&path, MERGE, patch).await;
    assert_eq!(
        (&after["spec"]["replicas"], &after["metadata"]["generation"]),
        (&json!(4), &json!(2))
    );
}

#[tokio::test]
async fn bodies_are_bounded_and_nonsense_is_answered() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let large = vec![b' '; 4 << 20];
    let response = http
        .send(Method::POST, CONFIG_MAPS, &[("content-type", JSON)], large)
        .await;
    assert_eq!(response.status(), 413);
    let bodies: [&[u8]; 9] = [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\"x\"",
        b"{\"metadata\":[]}",
        b"{\"metadata\":{\"name\":{}}}",
        b"\xff\xfe",
        b"{\"data\":null}",
    ];
    for body in bodies {
        for (method, path) in [
            (Method::POST, CONFIG_MAPS.to_owned()),
            (Method::PUT, format!("{CONFIG_MAPS}/a")),
            (Method::PATCH, format!("{CONFIG_MAPS}/a")),
            (Method::DELETE, format!("{CONFIG_MAPS}/a")),
            (
                Method::POST,
                "/apis/apiextensions.k8s.io/v1/customresourcedefinitions".to_owned(),
            ),
            (
                Method::POST,
                "/apis/apps/v1/namespaces/default/deployments".to_owned(),
            ),
            (
                Method::POST,
                "/api/v1/namespaces/default/pods/x/binding".to_owned(),
            ),
        ] {
            let content_type = if method == Method::PATCH { MERGE } else { JSON };
            let response = http
                .send(method, &path, &[("content-type", content_type)], body.to_vec())
                .await;
            let status = response.status().as_u16();
            // A real server has no better code for a binding without a target.
            let fits = (400..500).contains(&status) || path.ends_with("/binding") && status == 500;
            assert!(fits, "{path} {body:?}: {status}");
            response
                .into_body()
                .collect()
                .await
                .expect("the connection lives");
        }
    }
}

#[tokio::test]
async fn odd_paths_are_answered() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    for (path, want) in [
        ("/", 200),
        ("/nope", 404),
        ("/api/v1/namespaces/default/nopes", 404),
        ("/apis/nope.example.com/v1/things", 404),
        ("/api/v1/pods/x", 404),
        ("/api/v1/namespaces/default/namespaces", 404),
        ("/api/v1/namespaces/default/pods/%2e%2e/log", 404),
        ("/api/v1/namespaces/default/configmaps?limit=x", 400),
        ("/api/v1/namespaces/default/configmaps?labelSelector=%21%21", 400),
        ("/api/v1/namespaces/default/configmaps?resourceVersion=-1", 400),
    ] {
        assert_eq!(http.get(path).await.0, want, "{path}");
    }
}

#[tokio::test]
async fn an_update_creates_what_its_kind_allows_it_to() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    let lease = json!({"metadata": {"name": "l", "resourceVersion": "7"}, "spec": {"holderIdentity": "me"}});
    let (code, made) = http.put(&format!("{leases}/l"), lease).await;
    assert_eq!((code, &made["spec"]["holderIdentity"]), (201, &json!("me")));
    let (code, _) = http.put(&format!("{CONFIG_MAPS}/none"), config_map("none")).await;
    assert_eq!(code, 404);
}

#[tokio::test]
async fn a_job_leaves_its_pods_unless_it_is_told_otherwise() {
    let (_server, http) = without_controllers().await;
    let jobs = "/apis/batch/v1/namespaces/default/jobs";
    let job = json!({"metadata": {"name": "j"}, "spec": {"template": {"spec": {
        "restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}],
    }}}});
    for (query, orphaned) in [("", true), ("?propagationPolicy=Background", false)] {
        assert_eq!(http.post(jobs, job.clone()).await.0, 201);
        let (_, answer) = http.delete(&format!("{jobs}/j{query}")).await;
        assert_eq!(
            answer["metadata"]["finalizers"] == json!(["orphan"]),
            orphaned,
            "{answer}"
        );
        let free = json!({"metadata": {"finalizers": null}});
        http.patch(&format!("{jobs}/j"), MERGE, free).await;
    }
}

/// Names are counted in characters, the values of labels in bytes.
#[tokio::test]
async fn what_is_too_long_is_told_where_it_is() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let long = "x".repeat(254);
    for (path, metadata, field, text) in [
        (
            CONFIG_MAPS,
            json!({"generateName": long}),
            "generateName",
            "253 characters",
        ),
        (
            "/api/v1/namespaces",
            json!({"generateName": "x".repeat(64)}),
            "generateName",
            "63 characters",
        ),
        (CONFIG_MAPS, json!({"name": long}), "name", "253 characters"),
        (
            CONFIG_MAPS,
            json!({"name": "a", "labels": {"a": "x".repeat(64)}}),
            "labels",
            "63 bytes",
        ),
    ] {
        let (code, failure) = http.post(path, json!({"metadata": metadata})).await;
        let cause = &failure["details"]["causes"][0];
        assert_eq!(
            (code, &cause["field"]),
            (422, &json!(format!("metadata.{field}"))),
            "{failure}"
        );
        let message = cause["message"].as_str().unwrap_or("");
        assert!(
            message.ends_with(&format!("must be no more than {text}")),
            "{message}"
        );
    }
}
