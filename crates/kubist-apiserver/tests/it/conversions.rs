//! Conversion webhooks: what they are asked, and what their answers may be.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{CRDS, Http, MERGE, crd};
use crate::hooks::Hooks;

const OLD: &str = "/apis/example.com/v1/namespaces/default/widgets";
const NEW: &str = "/apis/example.com/v2/namespaces/default/widgets";

/// v1 has `spec.name`, v2 has `spec.title`.
fn convert(path: &str, request: &Value) -> Value {
    let wanted = request["desiredAPIVersion"].as_str().unwrap_or("");
    let (from, to) = if wanted.ends_with("v2") {
        ("name", "title")
    } else {
        ("title", "name")
    };
    let mut objects = request["objects"].as_array().cloned().unwrap_or_default();
    for object in &mut objects {
        object["apiVersion"] = wanted.into();
        if let Some(value) = object["spec"].as_object_mut().and_then(|spec| spec.remove(from)) {
            object["spec"][to] = value;
        }
        match path {
            "/labels" => object["metadata"]["labels"] = json!({"converted": "yes"}),
            "/annotations" => object["metadata"]["annotations"] = json!({"a": 1}),
            "/uid" => object["metadata"]["uid"] = "other".into(),
            "/kind" => object["kind"] = "Gadget".into(),
            "/version" => object["apiVersion"] = "example.com/v3".into(),
            "/generation" => object["metadata"]["generation"] = 77.into(),
            _ => {}
        }
    }
    if path == "/few" {
        objects.clear();
    }
    json!({"convertedObjects": objects, "result": {"status": "Success"}})
}

fn definition(client: Value) -> Value {
    let mut definition = crd(
        "Widget",
        json!({"type": "object", "properties": {"name": {"type": "string"}}}),
    );
    let mut second = definition["spec"]["versions"][0].clone();
    second["name"] = "v2".into();
    second["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"] =
        json!({"title": {"type": "string"}});
    definition["spec"]["versions"][0]["storage"] = false.into();
    definition["spec"]["versions"]
        .as_array_mut()
        .expect("there")
        .push(second);
    definition["spec"]["conversion"] = json!({
        "strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": client},
    });
    definition
}

fn widget(version: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": format!("example.com/{version}"), "kind": "Widget", "metadata": {"name": name}, "spec": spec,
    })
}

async fn with_widgets() -> (Server, Http, Hooks) {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let hooks = Hooks::start(convert).await;
    let (status, created) = http.post(CRDS, definition(hooks.at("/"))).await;
    assert_eq!(status, 201, "{created}");
    (server, http, hooks)
}

async fn point(http: &Http, client: Value) {
    let conversion = json!({"webhook": {"conversionReviewVersions": ["v1"], "clientConfig": client}});
    let patch = json!({"spec": {"conversion": conversion}});
    let (status, answer) = http
        .patch(&format!("{CRDS}/widgets.example.com"), MERGE, patch)
        .await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn every_verb_speaks_the_version_of_its_path() {
    let (_server, http, hooks) = with_widgets().await;
    let (status, created) = http.post(OLD, widget("v1", "a", json!({"name": "one"}))).await;
    assert_eq!((status, &created["spec"]), (201, &json!({"name": "one"})));
    let (_, found) = http.get(&format!("{NEW}/a")).await;
    assert_eq!(found["spec"], json!({"title": "one"}));
    let (status, patched) = http
        .patch(&format!("{OLD}/a"), MERGE, json!({"spec": {"name": "two"}}))
        .await;
    assert_eq!((status, &patched["spec"]), (200, &json!({"name": "two"})));
    let apply = "application/apply-patch+yaml";
    let path = format!("{OLD}/a?fieldManager=m&force=true");
    let (status, applied) = http
        .patch(&path, apply, widget("v1", "a", json!({"name": "three"})))
        .await;
    assert_eq!((status, &applied["spec"]), (200, &json!({"name": "three"})));
    http.post(NEW, widget("v2", "b", json!({"title": "four"}))).await;
    let mut events = http.watch(&format!("{OLD}?watch=1")).await;
    for (name, value) in [("a", "three"), ("b", "four")] {
        let event = events.next().await.expect("there");
        assert_eq!(event["object"]["metadata"]["name"], name);
        assert_eq!(event["object"]["spec"], json!({"name": value}));
    }
    hooks.take();
    let (_, list) = http.get(OLD).await;
    let names: Vec<&Value> = list["items"]
        .as_array()
        .expect("there")
        .iter()
        .map(|item| &item["spec"]["name"])
        .collect();
    assert_eq!(names, ["three", "four"]);
    assert!(hooks.take().is_empty(), "what was converted is remembered");
    let (status, _) = http.delete(&format!("{OLD}/a")).await;
    assert_eq!(status, 200);
    let event = events.next().await.expect("there");
    assert_eq!(
        (&event["type"], &event["object"]["spec"]),
        (&json!("DELETED"), &json!({"name": "three"}))
    );
}

#[tokio::test]
async fn a_list_is_converted_at_once_after_the_webhook_changed() {
    let (_server, http, hooks) = with_widgets().await;
    for name in ["a", "b", "c"] {
        http.post(NEW, widget("v2", name, json!({"title": name}))).await;
    }
    http.get(OLD).await;
    point(&http, hooks.at("/labels")).await;
    hooks.take();
    let (_, list) = http.get(OLD).await;
    assert_eq!(
        list["items"][2]["metadata"]["labels"],
        json!({"converted": "yes"})
    );
    let calls = hooks.take();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].1["objects"].as_array().map(Vec::len), Some(3));
    assert!(
        calls[0].1["objects"][0]["metadata"]
            .get("resourceVersion")
            .is_none()
    );
}

#[tokio::test]
async fn answers_are_checked() {
    let (_server, http, hooks) = with_widgets().await;
    http.post(NEW, widget("v2", "a", json!({"title": "t"}))).await;
    let (_, stored) = http.get(&format!("{NEW}/a")).await;
    let of = "conversion webhook for example.com/v2, Kind=Widget";
    let uid = stored["metadata"]["uid"].as_str().expect("there");
    for (path, why) in [
        ("/few", format!("{of} returned 0 objects, expected 1")),
        (
            "/uid",
            format!("{of} returned invalid object: must have the same UID: {uid} != other"),
        ),
        (
            "/kind",
            format!(
                "{of} returned invalid object at index 0: invalid kind (expected Widget, received Gadget)"
            ),
        ),
        (
            "/version",
            format!(
                "{of} returned invalid object at index 0: invalid groupVersion (expected example.com/v1, received \
                 example.com/v3)"
            ),
        ),
        (
            "/annotations",
            format!(
                "{of} returned invalid metadata: metadata.annotations[a] must be a string, but is int64 in \
                 converted object"
            ),
        ),
    ] {
        point(&http, hooks.at(path)).await;
        let (status, failure) = http.get(&format!("{OLD}/a")).await;
        assert_eq!(
            (status, failure["message"].as_str()),
            (500, Some(why.as_str())),
            "{path}"
        );
    }
    // What a webhook may not change stays as it was.
    point(&http, hooks.at("/generation")).await;
    let (status, found) = http.get(&format!("{OLD}/a")).await;
    assert_eq!((status, &found["metadata"]["generation"]), (200, &json!(1)));
    // Nobody answers at all.
    let gone = json!({"url": "https://127.0.0.1:9/none", "caBundle": hooks.bundle});
    point(&http, gone).await;
    let (status, failure) = http.get(&format!("{OLD}/a")).await;
    let message = failure["message"].as_str().unwrap_or("");
    assert_eq!(status, 500);
    assert!(
        message.starts_with(&format!(
            "{of} failed: Post \"https://127.0.0.1:9/none?timeout=30s\": dial tcp"
        )),
        "{message}"
    );
    let (status, _) = http.get(&format!("{NEW}/a")).await;
    assert_eq!(status, 200, "the stored version needs nobody");
}

#[tokio::test]
async fn fields_are_selected_in_the_version_of_the_path() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let hooks = Hooks::start(convert).await;
    let mut definition = definition(hooks.at("/"));
    definition["spec"]["versions"][0]["selectableFields"] = json!([{"jsonPath": ".spec.name"}]);
    definition["spec"]["versions"][1]["selectableFields"] = json!([{"jsonPath": ".spec.title"}]);
    assert_eq!(http.post(CRDS, definition).await.0, 201);
    for name in ["a", "b"] {
        http.post(NEW, widget("v2", name, json!({"title": name}))).await;
    }
    for path in [
        format!("{OLD}?fieldSelector=spec.name%3Db"),
        format!("{NEW}?fieldSelector=spec.title%3Db"),
    ] {
        let (status, list) = http.get(&path).await;
        assert_eq!(
            (status, list["items"].as_array().map(Vec::len)),
            (200, Some(1)),
            "{list}"
        );
        assert_eq!(list["items"][0]["metadata"]["name"], "b");
    }
    let mut events = http
        .watch(&format!("{OLD}?watch=1&fieldSelector=spec.name%3Db"))
        .await;
    assert_eq!(events.told().await, Some(("ADDED".into(), "b".into())));
    http.patch(&format!("{NEW}/b"), MERGE, json!({"spec": {"title": "c"}}))
        .await;
    let gone = events.next().await.expect("an event");
    assert_eq!(
        (&gone["type"], &gone["object"]["spec"]["name"]),
        (&json!("DELETED"), &json!("b"))
    );
}

#[tokio::test]
async fn owners_in_another_version_are_asked_in_theirs() {
    let (_server, http, hooks) = with_widgets().await;
    let apply = |path: String, body: Value| {
        let http = &http;
        async move { http.patch(&path, "application/apply-patch+yaml", body).await }
    };
    let named = |name: &str| json!({"name": name});
    let titled = |title: &str| json!({"title": title});
    let old = |manager: &str| format!("{OLD}/a?fieldManager={manager}");
    let new = |manager: &str| format!("{NEW}/a?fieldManager={manager}");
    let (status, _) = apply(old("one"), widget("v1", "a", named("x"))).await;
    assert_eq!(status, 201);

    // The same value is shared, and another one is a conflict about the owner's field.
    let (status, shared) = apply(new("two"), widget("v2", "a", titled("x"))).await;
    assert_eq!(status, 200, "{shared}");
    let (status, refused) = apply(new("three"), widget("v2", "a", titled("y"))).await;
    assert_eq!(status, 409, "{refused}");
    let fields: Vec<&Value> = refused["details"]["causes"]
        .as_array()
        .expect("causes")
        .iter()
        .map(|cause| &cause["field"])
        .collect();
    assert_eq!(fields, [".spec.name", ".spec.title"]);

    // What one gives up in its new version stays as long as the other owns it.
    let (status, given_up) = apply(new("one"), widget("v2", "a", json!({}))).await;
    assert_eq!((status, &given_up["spec"]), (200, &titled("x")), "{given_up}");
    let (status, given_up) = apply(old("two"), widget("v1", "a", json!({}))).await;
    assert_eq!((status, &given_up["spec"]), (200, &json!({})), "{given_up}");

    // An update takes from an owner in another version.
    apply(old("one"), widget("v1", "a", named("x"))).await;
    let patch = json!({"spec": titled("z")});
    let (status, updated) = http.patch(&new("edit"), MERGE, patch).await;
    assert_eq!(status, 200, "{updated}");
    let owners: Vec<(&Value, &Value)> = updated["metadata"]["managedFields"]
        .as_array()
        .expect("managers")
        .iter()
        .map(|entry| (&entry["manager"], &entry["fieldsV1"]["f:spec"]))
        .filter(|(_, fields)| !fields["f:title"].is_null() || !fields["f:name"].is_null())
        .collect();
    assert_eq!(owners, [(&json!("edit"), &json!({"f:title": {}}))]);

    // A webhook that fails lets an apply fail; an update forgets who owned what.
    let path = format!("{NEW}/b?fieldManager=two");
    let (status, _) = apply(path.replace("/v2/", "/v1/"), widget("v1", "b", named("x"))).await;
    assert_eq!(status, 201);
    point(&http, hooks.at("/few")).await;
    let (status, failure) = apply(path.clone(), widget("v2", "b", titled("y"))).await;
    assert_eq!(status, 500, "{failure}");
    let (status, updated) = http.patch(&path, MERGE, json!({"spec": titled("y")})).await;
    assert_eq!(status, 200, "{updated}");
    assert!(updated["metadata"].get("managedFields").is_none(), "{updated}");
}
