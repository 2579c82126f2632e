//! Custom resources: from their definition to their end.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{CRDS, Http, MERGE, crd};

const WIDGETS: &str = "/apis/example.com/v1/namespaces/default/widgets";

fn widget(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec})
}

async fn with_widgets() -> (Server, Http) {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let spec = json!({"type": "object", "required": ["size"], "properties": {
        "size": {"type": "integer", "minimum": 1},
        "color": {"type": "string", "default": "red", "enum": ["red", "blue"]},
        "port": {"x-kubernetes-int-or-string": true},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }});
    let (status, created) = http.post(CRDS, crd("Widget", spec)).await;
    assert_eq!(status, 201, "{created}");
    (server, http)
}

#[tokio::test]
async fn a_definition_serves_as_soon_as_it_is_created() {
    let (_server, http) = with_widgets().await;
    let (_, definition) = http.get(&format!("{CRDS}/widgets.example.com")).await;
    let conditions = definition["status"]["conditions"].as_array().unwrap();
    let types: Vec<&str> = conditions
        .iter()
        .map(|condition| condition["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["NamesAccepted", "Established"]);
    let (status, list) = http.get(WIDGETS).await;
    assert_eq!((status, list["kind"].as_str()), (200, Some("WidgetList")));
    let (_, group) = http.get("/apis/example.com").await;
    assert_eq!(group["preferredVersion"]["version"], "v1");
    let (_, resources) = http.get("/apis/example.com/v1").await;
    assert_eq!(resources["resources"][1]["name"], "widgets/status");
    let (_, openapi) = http.get("/openapi/v3/apis/example.com/v1").await;
    assert!(openapi["components"]["schemas"]["com.example.v1.Widget"].is_object());
}

#[tokio::test]
async fn objects_are_pruned_defaulted_and_validated() {
    let (_server, http) = with_widgets().await;
    let spec = json!({"size": 1, "nope": 1, "free": {"a": [1]}, "port": "http"});
    let (status, created) = http.post(WIDGETS, widget("a", spec)).await;
    assert_eq!(status, 201, "{created}");
    assert_eq!(
        created["spec"],
        json!({"size": 1, "color": "red", "free": {"a": [1]}, "port": "http"})
    );
    assert_eq!(created["metadata"]["generation"], 1);
    for (spec, field) in [
        (json!({}), "spec.size"),
        (json!({"size": 0}), "spec.size"),
        (json!({"size": "1"}), "spec.size"),
        (json!({"size": 1, "color": "green"}), "spec.color"),
        (json!({"size": 1, "port": true}), "spec.port"),
    ] {
        let (status, failure) = http.post(WIDGETS, widget("b", spec.clone())).await;
        assert_eq!(
            (status, &failure["details"]["causes"][0]["field"]),
            (422, &json!(field)),
            "{spec}"
        );
    }
    let strict = format!("{WIDGETS}?fieldValidation=Strict");
    assert_eq!(
        http.post(&strict, widget("b", json!({"size": 1, "nope": 1})))
            .await
            .0,
        400
    );
    // An update of a custom resource needs a version.
    assert_eq!(
        http.put(&format!("{WIDGETS}/a"), widget("a", json!({"size": 2})))
            .await
            .0,
        422
    );
}

#[tokio::test]
async fn a_status_has_its_own_path() {
    let (_server, http) = with_widgets().await;
    http.post(WIDGETS, widget("a", json!({"size": 1}))).await;
    let path = format!("{WIDGETS}/a");
    let patch = json!({"spec": {"size": 5}, "status": {"ready": true}});
    let (_, after) = http.patch(&format!("{path}/status"), MERGE, patch.clone()).await;
    assert_eq!(
        (&after["spec"]["size"], &after["status"]),
        (&json!(1), &json!({"ready": true}))
    );
    assert_eq!(after["metadata"]["generation"], 1);
    let (_, after) = http
        .patch(&path, MERGE, json!({"spec": {"size": 5}, "status": null}))
        .await;
    assert_eq!(
        (&after["spec"]["size"], &after["status"]),
        (&json!(5), &json!({"ready": true}))
    );
    assert_eq!(after["metadata"]["generation"], 2);
}

#[tokio::test]
async fn names_conflict_until_they_are_free() {
    let (_server, http) = with_widgets().await;
    let mut other = crd("Other", json!({"type": "object"}));
    other["spec"]["names"]["kind"] = "Widget".into();
    assert_eq!(http.post(CRDS, other).await.0, 201);
    let status = |definition: &Value| definition["status"]["conditions"][0]["status"].clone();
    let (_, definition) = http.get(&format!("{CRDS}/others.example.com")).await;
    assert_eq!(status(&definition), "False");
    assert_eq!(http.get("/apis/example.com/v1/others").await.0, 404);
    assert_eq!(http.delete(&format!("{CRDS}/widgets.example.com")).await.0, 200);
    let (_, definition) = http.get(&format!("{CRDS}/others.example.com")).await;
    assert_eq!(status(&definition), "True");
    assert_eq!(http.get("/apis/example.com/v1/others").await.0, 200);
}

#[tokio::test]
async fn a_definition_takes_its_objects_along() {
    let (_server, http) = with_widgets().await;
    let mut held = widget("held", json!({"size": 1}));
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    http.post(WIDGETS, held).await;
    http.post(WIDGETS, widget("free", json!({"size": 1}))).await;
    let definition = format!("{CRDS}/widgets.example.com");
    assert_eq!(http.delete(&definition).await.0, 200);
    // One object is held, and with it the definition.
    assert_eq!(http.get(&format!("{WIDGETS}/free")).await.0, 404);
    assert_eq!(http.get(&definition).await.0, 200);
    http.patch(
        &format!("{WIDGETS}/held"),
        MERGE,
        json!({"metadata": {"finalizers": null}}),
    )
    .await;
    assert_eq!(http.get(&definition).await.0, 404);
    assert_eq!(http.get(WIDGETS).await.0, 404);
}

#[tokio::test]
async fn versions_show_one_object() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let mut definition = crd(
        "Widget",
        json!({"type": "object", "properties": {"a": {"type": "string"}}}),
    );
    let mut old = definition["spec"]["versions"][0].clone();
    old["name"] = "v1beta1".into();
    old["storage"] = false.into();
    definition["spec"]["versions"].as_array_mut().unwrap().push(old);
    http.post(CRDS, definition).await;
    let beta = WIDGETS.replace("/v1/", "/v1beta1/");
    let mut object = widget("a", json!({"a": "x"}));
    object["apiVersion"] = "example.com/v1beta1".into();
    let (status, created) = http.post(&beta, object).await;
    assert_eq!(
        (status, created["apiVersion"].as_str()),
        (201, Some("example.com/v1beta1"))
    );
    let (_, read) = http.get(&format!("{WIDGETS}/a")).await;
    assert_eq!(
        (read["apiVersion"].as_str(), &read["spec"]["a"]),
        (Some("example.com/v1"), &json!("x"))
    );
}

#[tokio::test]
async fn what_is_not_structural_is_refused() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    for spec in [
        json!({}),
        json!({"type": "object", "properties": {"a": {}}}),
        json!({"type": "array"}),
        json!({"type": "nope"}),
        json!({"type": "string", "pattern": "("}),
        json!({"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"}),
    ] {
        let (status, failure) = http.post(CRDS, crd("Widget", spec.clone())).await;
        assert_eq!(
            (status, failure["reason"].as_str()),
            (422, Some("Invalid")),
            "{spec}"
        );
    }
}

#[tokio::test]
async fn the_storage_version_has_no_place_for_fields_of_another() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let version = |name: &str, storage: bool, field: &str| {
        json!({
            "name": name, "served": true, "storage": storage,
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "kept": {"type": "string"}, field: {"type": "string"},
            }}},
        })
    };
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "boxes.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"kind": "Box", "plural": "boxes"},
            "versions": [version("v1", false, "old"), version("v2", true, "new")],
        },
    });
    let (code, _) = http
        .post(
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            definition,
        )
        .await;
    assert_eq!(code, 201);
    let old = json!({
        "apiVersion": "example.com/v1", "kind": "Box", "metadata": {"name": "a"}, "kept": "x", "old": "y",
    });
    let (code, created) = http
        .post("/apis/example.com/v1/namespaces/default/boxes", old)
        .await;
    assert_eq!(code, 201, "{created}");
    for path in ["/apis/example.com/v1", "/apis/example.com/v2"] {
        let (_, shown) = http.get(&format!("{path}/namespaces/default/boxes/a")).await;
        assert_eq!(
            (&shown["kept"], shown.get("old")),
            (&json!("x"), None),
            "{path}: {shown}"
        );
    }
}

#[tokio::test]
async fn a_definition_that_goes_waits_for_its_objects_and_takes_no_more() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    http.post(CRDS, crd("Widget", json!({"type": "object"}))).await;
    let widgets = "/apis/example.com/v1/namespaces/default/widgets";
    let widget = |name: &str, finalizers: Value| {
        json!({
            "apiVersion": "example.com/v1", "kind": "Widget",
            "metadata": {"name": name, "finalizers": finalizers},
        })
    };
    assert_eq!(
        http.post(widgets, widget("a", json!(["example.com/hold"])))
            .await
            .0,
        201
    );
    let definition = format!("{CRDS}/widgets.example.com");
    http.delete(&definition).await;
    let (code, held) = http.get(&format!("{widgets}/a")).await;
    assert_eq!(code, 200);
    assert!(held["metadata"]["deletionTimestamp"].is_string());
    let (code, failure) = http.post(widgets, widget("b", json!(null))).await;
    assert_eq!(code, 403, "{failure}");
    assert_eq!(http.get(&definition).await.0, 200);
    let free = json!({"metadata": {"finalizers": null}});
    http.patch(&format!("{widgets}/a"), MERGE, free).await;
    assert_eq!(http.get(&definition).await.0, 404);
}

#[tokio::test]
async fn what_a_definition_may_not_say_is_told() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let change = |path: &str, value: Value| {
        let mut definition = crd(
            "Widget",
            json!({"type": "object", "properties": {"x": {"type": "string"}}}),
        );
        let (parent, key) = path.rsplit_once('/').expect("a path");
        definition.pointer_mut(parent).expect("there")[key] = value;
        definition
    };
    let version = "/spec/versions/0";
    let spec = format!("{version}/schema/openAPIV3Schema/properties/spec");
    for (definition, field, message) in [
        (
            change(
                &format!("{version}/additionalPrinterColumns"),
                json!([{"name": "a", "type": "nope", "jsonPath": "x"}]),
            ),
            "spec.additionalPrinterColumns[0].type",
            "Invalid value: \"nope\": must be one of boolean,date,integer,number,string",
        ),
        (
            change(
                &format!("{version}/subresources"),
                json!({"scale": {"specReplicasPath": ".x", "statusReplicasPath": ".status.x"}}),
            ),
            "spec.subresources.scale.specReplicasPath",
            "Invalid value: \".x\": should be a json path under .spec",
        ),
        (
            change(
                &format!("{version}/selectableFields"),
                json!([{"jsonPath": ".spec.nope"}]),
            ),
            "spec.selectableFields[0].jsonPath",
            "Invalid value: \".spec.nope\": is an invalid path: does not refer to a valid field",
        ),
        (
            change(&format!("{version}/deprecationWarning"), json!("old")),
            "spec.versions[0].deprecationWarning",
            "Invalid value: \"old\": can only be set for deprecated versions",
        ),
        (
            change("/spec/preserveUnknownFields", json!(true)),
            "spec.preserveUnknownFields",
            "Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in \
             spec.versions[*].schema instead",
        ),
        (
            change(
                &format!("{spec}/properties"),
                json!({"x": {"type": "string", "maxLength": 2, "default": "long"}}),
            ),
            "spec.validation.openAPIV3Schema.properties[spec].properties[x].default",
            "Too long: may not be more than 2 bytes",
        ),
        (
            change(
                &format!("{spec}/properties"),
                json!({"x": {"type": "object", "default": {"y": 1}}}),
            ),
            "spec.validation.openAPIV3Schema.properties[spec].properties[x].default",
            "Invalid value: {\"y\":1}: must not have unknown fields",
        ),
        (
            change(&format!("{spec}/anyOf"), json!([{"type": "object"}])),
            "spec.validation.openAPIV3Schema.properties[spec].anyOf[0].type",
            "Forbidden: must be empty to be structural",
        ),
        (
            change(&format!("{version}/storage"), json!(false)),
            "spec.versions",
            "Invalid value: [{\"Name\":\"v1\",\"Served\":true,\"Storage\":false,\"Deprecated\":false,\
             \"DeprecationWarning\":null,\"Schema\":null,\"Subresources\":null,\"AdditionalPrinterColumns\":null,\
             \"SelectableFields\":null}]: must have exactly one version marked as storage version",
        ),
    ] {
        let (code, failure) = http.post(CRDS, definition).await;
        let causes = failure["details"]["causes"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let found = causes
            .iter()
            .any(|cause| cause["field"] == field && cause["message"] == message);
        assert!(code == 422 && found, "{field}: {failure}");
    }
    let mut protected = crd("Widget", json!({"type": "object"}));
    protected["spec"]["group"] = "x.k8s.io".into();
    protected["metadata"]["name"] = "widgets.x.k8s.io".into();
    assert_eq!(http.post(CRDS, protected.clone()).await.0, 422);
    protected["metadata"]["annotations"] = json!({"api-approved.kubernetes.io": "unapproved, a test"});
    assert_eq!(http.post(CRDS, protected).await.0, 201);
}

#[tokio::test]
async fn a_null_that_is_not_allowed_counts_as_not_given() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let spec = json!({"type": "object", "required": ["needed"], "properties": {
        "needed": {"type": "string"}, "plain": {"type": "string"}, "nullable": {"type": "string", "nullable": true},
        "list": {"type": "array", "items": {"type": "string", "default": "d"}},
    }});
    http.post(CRDS, crd("Widget", spec)).await;
    let widgets = "/apis/example.com/v1/namespaces/default/widgets";
    let widget = |spec: Value| json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}, "spec": spec});
    let (code, failure) = http.post(widgets, widget(json!({"needed": null}))).await;
    assert_eq!(
        (code, &failure["details"]["causes"][0]["reason"]),
        (422, &json!("FieldValueRequired"))
    );
    let given = json!({"needed": "x", "plain": null, "nullable": null, "list": [null]});
    let (code, made) = http.post(widgets, widget(given)).await;
    assert_eq!(code, 201, "{made}");
    assert_eq!(
        made["spec"],
        json!({"needed": "x", "nullable": null, "list": ["d"]})
    );
    // Who applies a null means it.
    let applied = json!({
        "apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "b"},
        "spec": {"needed": "x", "plain": null},
    });
    let path = format!("{widgets}/b?fieldManager=m");
    let (code, failure) = http.patch(&path, "application/apply-patch+yaml", applied).await;
    assert_eq!(
        (code, &failure["details"]["causes"][0]["field"]),
        (422, &json!("spec.plain"))
    );
}

#[tokio::test]
async fn an_item_that_comes_many_times_is_told_once() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let spec = json!({"type": "object", "properties": {
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "integer"}},
    }});
    http.post(CRDS, crd("Widget", spec)).await;
    let (code, failure) = http
        .post(WIDGETS, widget("a", json!({"set": [5, 4, 5, 5, 4]})))
        .await;
    let causes = failure["details"]["causes"].as_array().expect("causes");
    let fields: Vec<&str> = causes
        .iter()
        .filter_map(|cause| cause["field"].as_str())
        .collect();
    assert_eq!((code, fields), (422, vec!["spec.set[2]", "spec.set[4]"]));
}

/// Errors in types name the format, and numbers lose their fraction before they are compared.
#[tokio::test]
async fn values_of_another_type_are_told_as_upstream_tells_them() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let spec = json!({"type": "object", "properties": {
        "time": {"type": "string", "format": "duration"},
        "count": {"type": "integer", "enum": [2]},
    }});
    http.post(CRDS, crd("Widget", spec)).await;
    let (code, failure) = http
        .post(WIDGETS, widget("a", json!({"time": true, "count": 2.5})))
        .await;
    let causes = failure["details"]["causes"].as_array().expect("causes");
    let messages: Vec<&str> = causes
        .iter()
        .filter_map(|cause| cause["message"].as_str())
        .collect();
    assert_eq!(code, 422);
    assert_eq!(
        messages,
        [
            "Invalid value: \"number\": spec.count in body must be of type integer: \"number\"",
            "Invalid value: \"\": Checked value must be of type integer (default format) in spec.count",
            "Invalid value: \"\": spec.time in body must be of type duration: \"\"",
        ]
    );
}

/// Clients whose numbers are all floats write the bounds of integers so.
#[tokio::test]
async fn bounds_of_integers_may_be_written_as_floats() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let whole = |format: &str| json!({"type": "integer", "format": format, "minimum": 1.0, "maximum": 9.0, "multipleOf": 1.0, "default": 1});
    let spec = json!({"type": "object", "default": {}, "properties": {
        "short": whole("int32"), "long": whole("int64"), "any": {"type": "integer", "minimum": 1.0},
    }});
    let schema = json!({"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}});
    let crd = json!({"metadata": {"name": "floats.example.com"}, "spec": {
        "group": "example.com", "scope": "Namespaced", "names": {"plural": "floats", "kind": "Float"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema}],
    }});
    let (status, created) = http.post(CRDS, crd).await;
    assert_eq!(status, 201, "{created}");
    let floats = "/apis/example.com/v1/namespaces/default/floats";
    let object = |name: &str, spec: Value| json!({"apiVersion": "example.com/v1", "kind": "Float", "metadata": {"name": name}, "spec": spec});
    let (status, created) = http
        .post(floats, object("a", json!({"short": 2, "long": 2, "any": 2})))
        .await;
    assert_eq!(status, 201, "{created}");
    let (status, refused) = http
        .post(floats, object("b", json!({"short": 0, "long": 10})))
        .await;
    assert_eq!(status, 422);
    let causes = refused["details"]["causes"].as_array().unwrap();
    let messages: Vec<&str> = causes
        .iter()
        .filter_map(|cause| cause["message"].as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "Invalid value: 10: spec.long in body should be less than or equal to 9",
            "Invalid value: 0: spec.short in body should be greater than or equal to 1",
        ]
    );
}
