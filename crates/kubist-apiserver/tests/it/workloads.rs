//! The rules of built-in kinds that upstream wrote by hand.

use kubist_apiserver::Server;
use kubist_merge::json_merge;
use serde_json::{Value, json};

use crate::client::{Http, MERGE, without_controllers};

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
const JOBS: &str = "/apis/batch/v1/namespaces/default/jobs";
const PODS: &str = "/api/v1/namespaces/default/pods";

/// What is merged into a pod's spec of one container.
fn pod_spec(changes: Value) -> Value {
    let mut spec = json!({"containers": [{"name": "c", "image": "i"}]});
    json_merge(&mut spec, &changes);
    spec
}

fn container(changes: Value) -> Value {
    let mut container = json!({"name": "c", "image": "i"});
    json_merge(&mut container, &changes);
    pod_spec(json!({"containers": [container]}))
}

async fn refused(http: &Http, path: &str, object: Value) -> Vec<String> {
    let (status, answer) = http.post(path, object).await;
    assert_eq!(status, 422, "{answer}");
    let causes = answer["details"]["causes"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let cause = |cause: &Value| {
        let text = |field: &str| cause[field].as_str().unwrap_or_default().to_owned();
        format!("{}: {}", text("field"), text("message"))
    };
    causes.iter().map(cause).collect()
}

#[tokio::test]
async fn what_pods_are_refused_for() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    for (spec, expected) in [
        (
            container(json!({"ports": [{"containerPort": 80, "name": "A"}]})),
            "spec.containers[0].ports[0].name: Invalid value: \"A\": must contain only alpha-numeric characters",
        ),
        (
            container(json!({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s"}}}]})),
            "spec.containers[0].env[0].valueFrom.secretKeyRef.key: Required value",
        ),
        (
            container(json!({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "nope"}}}]})),
            "error converting fieldPath: field label not supported: nope",
        ),
        (
            container(json!({"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}})),
            "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1",
        ),
        (
            container(json!({"resources": {"requests": {"example.com/gpu": "1"}}})),
            "Limit must be set for non overcommitable resources",
        ),
        (
            container(json!({"livenessProbe": {}})),
            "spec.containers[0].livenessProbe: Required value: must specify a handler type",
        ),
        (
            container(json!({"startupProbe": {"tcpSocket": {"port": 80}, "successThreshold": 2}})),
            "spec.containers[0].startupProbe.successThreshold: Invalid value: 2: must be 1",
        ),
        (
            container(json!({"volumeMounts": [{"name": "v", "mountPath": "/v"}]})),
            "spec.containers[0].volumeMounts[0].name: Not found: \"v\"",
        ),
        (
            pod_spec(json!({"volumes": [{"name": "v", "secret": {}, "emptyDir": {}}]})),
            "spec.volumes[0].secret: Forbidden: may not specify more than 1 volume type",
        ),
        (
            pod_spec(
                json!({"volumes": [{"name": "v", "configMap": {"name": "x", "items": [
                {"key": "a", "path": "../b"}]}}]}),
            ),
            "spec.volumes[0].configMap.items[0].path: Invalid value: \"../b\": must not contain '..'",
        ),
        (
            pod_spec(json!({"initContainers": [{"name": "c", "image": "i"}]})),
            "spec.initContainers[0].name: Duplicate value: \"c\"",
        ),
        (
            pod_spec(json!({"tolerations": [{"key": "a", "tolerationSeconds": 5}]})),
            "effect must be 'NoExecute' when `tolerationSeconds` is set",
        ),
        (
            pod_spec(
                json!({"affinity": {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 0, "podAffinityTerm": {"topologyKey": "x"}}]}}}),
            ),
            "weight: Invalid value: 0: must be in the range 1-100",
        ),
        (
            pod_spec(json!({"dnsPolicy": "None"})),
            "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None",
        ),
        (
            pod_spec(json!({"securityContext": {"runAsUser": -1}})),
            "spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive",
        ),
    ] {
        let causes = refused(&http, PODS, json!({"metadata": {"name": "p"}, "spec": spec})).await;
        assert!(
            causes.iter().any(|cause| cause.contains(expected)),
            "{expected}: {causes:?}"
        );
    }
}

#[tokio::test]
async fn what_deployments_are_refused_for() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let deployment = |changes: Value| {
        let mut spec = json!({
            "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": pod_spec(json!({}))},
        });
        json_merge(&mut spec, &changes);
        json!({"metadata": {"name": "d"}, "spec": spec})
    };
    for (changes, expected) in [
        (json!({"selector": null}), "spec.selector: Required value"),
        (
            json!({"template": {"metadata": {"labels": {"a": "c"}}}}),
            "`selector` does not match template `labels`",
        ),
        (
            json!({"selector": {"matchExpressions": [{"key": "a", "operator": "Nope"}]}}),
            "spec.selector.matchExpressions[0].operator: Invalid value: \"Nope\": not a valid selector operator",
        ),
        (
            json!({"strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}}),
            "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
        ),
        (
            json!({"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}}),
            "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
        ),
        (
            json!({"strategy": {"rollingUpdate": {"maxSurge": "x%"}}}),
            "a valid percent string must be a numeric string followed by an ending '%'",
        ),
        (
            json!({"minReadySeconds": 600}),
            "spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds",
        ),
    ] {
        let causes = refused(&http, DEPLOYMENTS, deployment(changes)).await;
        assert!(
            causes.iter().any(|cause| cause.contains(expected)),
            "{expected}: {causes:?}"
        );
    }
    assert_eq!(http.post(DEPLOYMENTS, deployment(json!({}))).await.0, 201);
    let status = json!({"status": {"replicas": 1, "readyReplicas": 2}});
    let (code, answer) = http
        .patch(&format!("{DEPLOYMENTS}/d/status"), MERGE, status)
        .await;
    assert_eq!(code, 422, "{answer}");
}

#[tokio::test]
async fn jobs_are_known_by_labels_of_their_own() {
    let (_server, http) = without_controllers().await;
    let job = json!({"metadata": {"name": "j"}, "spec": {
        "suspend": true, "template": {"spec": pod_spec(json!({"restartPolicy": "Never"}))}}});
    let (status, created) = http.post(JOBS, job.clone()).await;
    assert_eq!(status, 201, "{created}");
    let uid = &created["metadata"]["uid"];
    let labels = &created["metadata"]["labels"];
    assert_eq!(&labels["batch.kubernetes.io/controller-uid"], uid);
    assert_eq!(labels, &created["spec"]["template"]["metadata"]["labels"]);
    assert_eq!(
        created["spec"]["selector"],
        json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}})
    );

    let path = format!("{JOBS}/j");
    let patch = json!({"spec": {"completions": 3}});
    let (status, answer) = http.patch(&path, MERGE, patch).await;
    assert_eq!(status, 422, "{answer}");
    let ended = json!({"status": {"conditions": [{"type": "Complete", "status": "True"}]}});
    let (status, answer) = http.patch(&format!("{path}/status"), MERGE, ended).await;
    assert_eq!(status, 422, "{answer}");

    // Nobody says what becomes of its pods: they stay.
    let (status, deleted) = http.delete(&path).await;
    assert_eq!(status, 200);
    assert_eq!(deleted["metadata"]["finalizers"], json!(["orphan"]));
    let mut always = job;
    always["metadata"]["name"] = "k".into();
    always["spec"]["template"]["spec"]["restartPolicy"] = "Always".into();
    let causes = refused(&http, JOBS, always).await;
    assert!(
        causes[0].contains("valid values: \"OnFailure\", \"Never\""),
        "{causes:?}"
    );
}

#[tokio::test]
async fn priorities_come_from_their_class() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let pod = |name: &str, changes: Value| json!({"metadata": {"name": name}, "spec": pod_spec(changes)});
    let (_, plain) = http.post(PODS, pod("a", json!({}))).await;
    assert_eq!(plain["spec"]["priority"], 0);
    let critical = json!({"priorityClassName": "system-node-critical"});
    let (_, critical) = http.post(PODS, pod("b", critical)).await;
    assert_eq!(critical["spec"]["priority"], 2_000_001_000);
    let (status, answer) = http
        .post(PODS, pod("c", json!({"priorityClassName": "none"})))
        .await;
    assert_eq!(status, 403, "{answer}");
    let (status, answer) = http.post(PODS, pod("d", json!({"priority": 7}))).await;
    assert_eq!(status, 403, "{answer}");

    let classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
    let default = json!({"metadata": {"name": "usual"}, "value": 5, "globalDefault": true});
    assert_eq!(http.post(classes, default).await.0, 201);
    let (_, usual) = http.post(PODS, pod("e", json!({}))).await;
    assert_eq!(
        (&usual["spec"]["priority"], &usual["spec"]["priorityClassName"]),
        (&json!(5), &json!("usual"))
    );
}

#[tokio::test]
async fn events_are_where_they_belong_and_say_who_saw_them() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let path = "/apis/events.k8s.io/v1/namespaces/default/events";
    let event = |changes: Value| {
        let mut event = json!({
            "metadata": {"name": "e"}, "eventTime": "2026-01-01T00:00:00.000000Z", "type": "Normal",
            "reason": "Tested", "action": "Test", "reportingController": "example.com/tester",
            "reportingInstance": "tester-0", "regarding": {"kind": "Pod", "namespace": "default", "name": "p"},
        });
        json_merge(&mut event, &changes);
        event
    };
    for (changes, expected) in [
        (
            json!({"regarding": {"namespace": "other"}}),
            "involvedObject.namespace",
        ),
        (json!({"eventTime": null}), "eventTime: Required value"),
        (json!({"type": "Odd"}), "has invalid value: Odd"),
        (json!({"action": null}), "action: Required value"),
        (json!({"reportingController": ""}), "reportingController: "),
    ] {
        let causes = refused(&http, path, event(changes)).await;
        assert!(
            causes.iter().any(|cause| cause.contains(expected)),
            "{expected}: {causes:?}"
        );
    }
    // Seconds are not enough.
    let coarse = event(json!({"eventTime": "2026-01-01T00:00:00Z"}));
    let (status, answer) = http.post(path, coarse).await;
    assert_eq!(status, 400, "{answer}");
    assert_eq!(http.post(path, event(json!({}))).await.0, 201);
    let (status, _) = http
        .patch(&format!("{path}/e"), MERGE, json!({"note": "more"}))
        .await;
    assert_eq!(status, 422, "what was told stays");
    let series = json!({"series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}});
    assert_eq!(http.patch(&format!("{path}/e"), MERGE, series).await.0, 200);
}

/// What is refused of a job with these members of its spec.
async fn refused_job(http: &Http, more: Value) -> Vec<String> {
    let mut job = json!({"metadata": {"name": "j"}, "spec": {"template": {"spec": {
        "restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}],
    }}}});
    for (key, value) in more.as_object().expect("an object") {
        job["spec"][key] = value.clone();
    }
    let (status, answer) = http.post("/apis/batch/v1/namespaces/default/jobs", job).await;
    assert_eq!(status, 422, "{answer}");
    let causes = answer["details"]["causes"].as_array().expect("causes");
    let told = |cause: &Value| {
        let text = |member: &str| cause[member].as_str().unwrap_or_default().to_owned();
        format!("{}: {}", text("field"), text("message"))
    };
    causes.iter().map(told).collect()
}

#[tokio::test]
async fn policies_of_jobs_make_sense() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let failure = |rule: Value| json!({"podFailurePolicy": {"rules": [rule]}});
    let codes =
        |values: Value| json!({"action": "FailJob", "onExitCodes": {"operator": "In", "values": values}});
    let path = "spec.podFailurePolicy.rules[0]";
    for (rule, why) in [
        (
            json!({"action": "Ignore"}),
            "Invalid value: specifying one of OnExitCodes and OnPodConditions is required",
        ),
        (
            codes(json!([0])),
            ".onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator",
        ),
        (
            codes(json!([2, 1])),
            ".onExitCodes.values: Invalid value: [2,1]: must be ordered",
        ),
        (codes(json!([1, 1])), ".onExitCodes.values[1]: Duplicate value: 1"),
    ] {
        let told = match why.strip_prefix('.') {
            Some(inside) => format!("{path}.{inside}"),
            None => format!("{path}: {why}"),
        };
        assert_eq!(refused_job(&http, failure(rule)).await, [told]);
    }
    let success = |rule: Value| json!({"completionMode": "Indexed", "completions": 5, "successPolicy": {"rules": [rule]}});
    let path = "spec.successPolicy.rules[0]";
    for (rule, why) in [
        (
            json!({"succeededCount": 9}),
            ".succeededCount: Invalid value: 9: must be less than or equal to 5 (the number of specified completions)",
        ),
        (
            json!({"succeededIndexes": "0-2", "succeededCount": 4}),
            ".succeededCount: Invalid value: 4: must be less than or equal to 3 (the number of indexes in the specified \
             succeededIndexes field)",
        ),
        (
            json!({"succeededIndexes": "7"}),
            ".succeededIndexes: Invalid value: \"7\": error parsing succeededIndexes: too large index: \"7\"",
        ),
    ] {
        assert_eq!(refused_job(&http, success(rule)).await, [format!("{path}{why}")]);
    }
}

#[tokio::test]
async fn a_pod_changes_in_few_ways() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let pod = json!({"metadata": {"name": "p"}, "spec": {
        "activeDeadlineSeconds": 10, "schedulingGates": [{"name": "one"}], "containers": [{"name": "c", "image": "i"}],
    }});
    assert_eq!(http.post(PODS, pod).await.0, 201);
    let path = format!("{PODS}/p");
    for (change, why) in [
        (
            json!({"activeDeadlineSeconds": null}),
            "spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value",
        ),
        (
            json!({"activeDeadlineSeconds": 20}),
            "spec.activeDeadlineSeconds: Invalid value: 20: must be less than or equal to previous value",
        ),
        (
            json!({"schedulingGates": [{"name": "one"}, {"name": "two"}]}),
            "spec.schedulingGates[1].name: Forbidden: only deletion is allowed, but found new scheduling gate 'two'",
        ),
        (
            json!({"containers": [{"name": "c", "image": "i"}, {"name": "d", "image": "i"}]}),
            "spec.containers: Forbidden: pod updates may not add or remove containers",
        ),
    ] {
        let (status, answer) = http.patch(&path, MERGE, json!({"spec": change})).await;
        let told = format!("Pod \"p\" is invalid: {why}");
        assert_eq!((status, &answer["message"]), (422, &json!(told)));
    }
    let allowed = json!({"spec": {"activeDeadlineSeconds": 5, "schedulingGates": null}});
    assert_eq!(http.patch(&path, MERGE, allowed).await.0, 200);
}
