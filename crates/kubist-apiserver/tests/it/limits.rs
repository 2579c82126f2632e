//! Limit ranges: what pods and claims get from them, and what they refuse.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{Http, why_forbidden};
use crate::hooks::{Hooks, patched};

const LIMITS: &str = "/api/v1/namespaces/default/limitranges";
const PODS: &str = "/api/v1/namespaces/default/pods";
const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";

async fn limited(limits: Value) -> (Server, Http) {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let range = json!({"metadata": {"name": "range"}, "spec": {"limits": limits}});
    let (status, answer) = http.post(LIMITS, range).await;
    assert_eq!(status, 201, "{answer}");
    (server, http)
}

fn container(name: &str, resources: Value) -> Value {
    json!({"name": name, "image": "i", "resources": resources})
}

fn pod(containers: Value) -> Value {
    json!({"metadata": {"name": "p"}, "spec": {"containers": containers}})
}

async fn refused(http: &Http, path: &str, object: Value) -> String {
    why_forbidden(http.post(path, object).await)
}

async fn invalid(http: &Http, limit: Value) -> Vec<String> {
    let range = json!({"metadata": {"name": "bad"}, "spec": {"limits": [limit]}});
    let (status, answer) = http.post(LIMITS, range).await;
    assert_eq!(status, 422, "{answer}");
    let causes = answer["details"]["causes"].as_array().expect("causes");
    let told = |cause: &Value| {
        format!(
            "{}: {}",
            cause["field"].as_str().unwrap_or_default(),
            cause["message"].as_str().unwrap_or_default()
        )
    };
    causes.iter().map(told).collect()
}

#[tokio::test]
async fn containers_get_what_they_do_not_ask_for() {
    let limit = json!([{
        "type": "Container", "default": {"cpu": "500m", "memory": "128Mi"}, "defaultRequest": {"cpu": "100m"},
    }]);
    let (_server, http) = limited(limit).await;
    let mut object = pod(json!([
        container("none", json!({})),
        container("some", json!({"requests": {"cpu": "1"}, "limits": {"cpu": "2"}})),
    ]));
    object["spec"]["initContainers"] = json!([container("first", json!({"limits": {"memory": "1Gi"}}))]);
    let (status, pod) = http.post(PODS, object).await;
    assert_eq!(status, 201, "{pod}");
    assert_eq!(
        pod["spec"]["containers"][0]["resources"],
        json!({"limits": {"cpu": "500m", "memory": "128Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}})
    );
    assert_eq!(
        pod["spec"]["containers"][1]["resources"],
        json!({"limits": {"cpu": "2", "memory": "128Mi"}, "requests": {"cpu": "1", "memory": "128Mi"}})
    );
    assert_eq!(
        pod["metadata"]["annotations"]["kubernetes.io/limit-ranger"],
        "LimitRanger plugin set: cpu, memory request for container none; cpu, memory limit for container none; \
         memory request for container some; memory limit for container some; cpu request for init container first; \
         cpu limit for init container first"
    );
    assert_eq!(pod["status"]["qosClass"], "Burstable");
}

#[tokio::test]
async fn what_a_webhook_adds_gets_limits_too() {
    let (_server, http) = limited(json!([{"type": "Container", "default": {"cpu": "1"}}])).await;
    let hooks = Hooks::start(|_, _| {
        patched(json!([{"op": "add", "path": "/spec/containers/-", "value": {"name": "side", "image": "i"}}]))
    })
    .await;
    let configuration = json!({"metadata": {"name": "inject"}, "webhooks": [{
        "name": "inject.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
        "clientConfig": hooks.at("/"), "timeoutSeconds": 5,
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}],
    }]});
    let configurations = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
    assert_eq!(http.post(configurations, configuration).await.0, 201);
    let (status, pod) = http.post(PODS, pod(json!([container("c", json!({}))]))).await;
    assert_eq!(status, 201, "{pod}");
    let side = &pod["spec"]["containers"][1];
    assert_eq!(
        (&side["name"], &side["resources"]["limits"]["cpu"]),
        (&json!("side"), &json!("1"))
    );
}

#[tokio::test]
async fn containers_stay_within_bounds() {
    let (_server, http) = limited(json!([{
        "type": "Container", "min": {"cpu": "100m"}, "max": {"cpu": "2"}, "maxLimitRequestRatio": {"cpu": "2"},
    }]))
    .await;
    let asking = |request: &str, limit: &str| {
        pod(json!([container(
            "c",
            json!({"requests": {"cpu": request}, "limits": {"cpu": limit}})
        )]))
    };
    for (request, limit, why) in [
        (
            "50m",
            "100m",
            "minimum cpu usage per Container is 100m, but request is 50m",
        ),
        ("2", "3", "maximum cpu usage per Container is 2, but limit is 3"),
        (
            "300m",
            "1",
            "cpu max limit to request ratio per Container is 2, but provided ratio is 3.333333",
        ),
        (
            "50m",
            "3",
            "[minimum cpu usage per Container is 100m, but request is 50m, maximum cpu usage per Container is 2, but \
             limit is 3, cpu max limit to request ratio per Container is 2, but provided ratio is 60.000000]",
        ),
    ] {
        assert_eq!(refused(&http, PODS, asking(request, limit)).await, why);
    }
    assert_eq!(http.post(PODS, asking("1", "2")).await.0, 201);
}

#[tokio::test]
async fn pods_stay_within_bounds_altogether() {
    let (_server, http) =
        limited(json!([{"type": "Pod", "max": {"cpu": "2"}, "min": {"memory": "1Mi"}}])).await;
    assert_eq!(
        refused(&http, PODS, pod(json!([container("c", json!({}))]))).await,
        "[minimum memory usage per Pod is 1Mi.  No request is specified, maximum cpu usage per Pod is 2.  No limit is \
         specified]"
    );
    let one = json!({"limits": {"cpu": "1", "memory": "1Mi"}});
    let mut object = pod(json!([container("a", one.clone()), container("b", one.clone())]));
    let mut sidecar = container("side", one);
    sidecar["restartPolicy"] = json!("Always");
    object["spec"]["initContainers"] = json!([sidecar]);
    assert_eq!(
        refused(&http, PODS, object.clone()).await,
        "maximum cpu usage per Pod is 2, but limit is 3"
    );
    // One that ends before the others begin does not count beside them.
    object["spec"]["initContainers"][0]["restartPolicy"] = Value::Null;
    let (status, answer) = http.post(PODS, object).await;
    assert_eq!(status, 201, "{answer}");
}

#[tokio::test]
async fn claims_stay_within_bounds() {
    let (_server, http) = limited(
        json!([{"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}}]),
    )
    .await;
    let claim = |size: &str| {
        json!({"metadata": {"name": "c"}, "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}},
        }})
    };
    assert_eq!(
        refused(&http, CLAIMS, claim("3Gi")).await,
        "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"
    );
    assert_eq!(
        refused(&http, CLAIMS, claim("500Mi")).await,
        "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi"
    );
    assert_eq!(http.post(CLAIMS, claim("2Gi")).await.0, 201);
}

#[tokio::test]
async fn a_resize_stays_within_bounds() {
    let (_server, http) = limited(json!([{"type": "Container", "max": {"cpu": "2"}}])).await;
    assert_eq!(
        http.post(PODS, pod(json!([container("c", json!({}))]))).await.0,
        201
    );
    let resize = |cpu: &str| {
        let amounts = json!({"cpu": cpu});
        json!({"spec": {"containers": [{"name": "c", "resources": {"requests": amounts, "limits": amounts}}]}})
    };
    let path = format!("{PODS}/p/resize");
    let strategic = "application/strategic-merge-patch+json";
    let (status, answer) = http.patch(&path, strategic, resize("3")).await;
    assert_eq!(
        (status, &answer["message"]),
        (
            403,
            &json!("pods \"p\" is forbidden: maximum cpu usage per Container is 2, but limit is 3")
        )
    );
    assert_eq!(http.patch(&path, strategic, resize("1")).await.0, 200);
    // Whatever else changes is not looked at.
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    assert_eq!(http.patch(&format!("{PODS}/p"), strategic, label).await.0, 200);
}

#[tokio::test]
async fn limit_ranges_are_completed_and_checked() {
    let (_server, http) =
        limited(json!([{"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "0.0001"}}])).await;
    let (_, range) = http.get(&format!("{LIMITS}/range")).await;
    assert_eq!(
        range["spec"]["limits"][0],
        json!({
            "type": "Container", "max": {"cpu": "2"}, "min": {"memory": "1m"}, "default": {"cpu": "2"},
            "defaultRequest": {"cpu": "2", "memory": "1m"},
        })
    );
    for (limit, why) in [
        (
            json!({"type": "Nope"}),
            "spec.limits[0].type: Invalid value: \"Nope\": must be a standard limit type or fully qualified",
        ),
        (
            json!({"type": "Pod", "default": {"cpu": "1"}}),
            "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
        ),
        (
            json!({"type": "PersistentVolumeClaim"}),
            "spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was \
             provided",
        ),
        (
            json!({"type": "Pod", "min": {"cpu": "2"}, "max": {"cpu": "1"}}),
            "spec.limits[0].min[cpu]: Invalid value: \"2\": min value 2 is greater than max value 1",
        ),
        (
            json!({"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "2"}}),
            "spec.limits[0].defaultRequest[cpu]: Invalid value: \"2\": default request value 2 is greater than default \
             limit value 1",
        ),
        (
            json!({"type": "Pod", "min": {"cpu": "1"}, "max": {"cpu": "2"}, "maxLimitRequestRatio": {"cpu": "3"}}),
            "spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: \"3\": ratio 3 is greater than max/min = 2.000000",
        ),
        (
            json!({"type": "Pod", "max": {"requests.example.com/x": "1"}}),
            "spec.limits[0].max[requests.example.com/x]: Invalid value: \"requests.example.com/x\": doesn't follow \
             extended resource name standard",
        ),
    ] {
        assert_eq!(invalid(&http, limit).await, [why]);
    }
}
