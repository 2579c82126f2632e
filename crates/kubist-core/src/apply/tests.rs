use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};

use super::*;

fn deployment(managed: &Value) -> Deployment {
    serde_json::from_value(json!({
        "metadata": {
            "name": "web", "namespace": "default", "managedFields": managed,
            "labels": {"mine": "1", "theirs": "2"}, "finalizers": ["a.example.com/x", "b.example.com/y"],
        },
        "spec": {
            "replicas": 3, "selector": {"matchLabels": {"app": "web"}},
            "template": {"spec": {"containers": [
                {"name": "proxy", "image": "proxy:1"},
                {"name": "web", "image": "web:1", "args": ["-v"], "ports": [
                    {"containerPort": 80, "protocol": "TCP", "name": "http"},
                    {"containerPort": 80, "protocol": "UDP"},
                ]},
            ]}},
        },
        "status": {"replicas": 2},
    }))
    .expect("a deployment")
}

fn entry(manager: &str, operation: &str, fields: &Value) -> Value {
    json!({"manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsV1": fields})
}

fn extracted(managed: &Value, manager: &str) -> Result<Value, Error> {
    extract(&deployment(managed), manager, None)
}

#[test]
fn what_a_manager_owns_and_nothing_else() {
    let fields = json!({
        "f:metadata": {"f:labels": {"f:mine": {}}, "f:finalizers": {"v:\"b.example.com/y\"": {}}},
        "f:spec": {"f:template": {"f:spec": {"f:containers": {
            "k:{\"name\":\"web\"}": {
                ".": {}, "f:name": {}, "f:args": {},
                "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"UDP\"}": {".": {}}},
            },
        }}}},
    });
    let mine = extracted(&json!([entry("me", "Apply", &fields)]), "me").expect("it can be read");
    assert_eq!(
        mine,
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "name": "web", "namespace": "default", "labels": {"mine": "1"},
                "finalizers": ["b.example.com/y"],
            },
            "spec": {"template": {"spec": {"containers": [
                {"name": "web", "args": ["-v"], "ports": [{"containerPort": 80, "protocol": "UDP"}]},
            ]}}},
        })
    );
}

#[test]
fn nothing_but_the_name_where_a_manager_owns_nothing() {
    let fields = json!({"f:spec": {"f:replicas": {}}});
    // What it updated, it did not apply.
    let managed = json!([entry("me", "Update", &fields), entry("other", "Apply", &fields)]);
    assert_eq!(
        extracted(&managed, "me").expect("it can be read"),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
        })
    );
}

#[test]
fn a_map_owned_as_a_map_does_not_bring_what_others_put_into_it() {
    let mine = entry("me", "Apply", &json!({"f:metadata": {"f:labels": {}}}));
    let theirs = entry(
        "other",
        "Update",
        &json!({"f:metadata": {"f:labels": {"f:theirs": {}}}}),
    );
    let both = extracted(&json!([mine, theirs]), "me").expect("it can be read");
    assert_eq!(both["metadata"]["labels"], json!({}));
    let alone = extracted(&json!([mine]), "me").expect("it can be read");
    assert_eq!(alone["metadata"]["labels"], json!({"mine": "1", "theirs": "2"}));
}

#[test]
fn subresources_are_apart() {
    let mut status = entry("me", "Apply", &json!({"f:status": {"f:replicas": {}}}));
    status["subresource"] = json!("status");
    let managed = json!([
        status,
        entry("me", "Apply", &json!({"f:spec": {"f:replicas": {}}}))
    ]);
    let object = deployment(&managed);
    let main: Value = extract(&object, "me", None).expect("it can be read");
    assert_eq!(
        (&main["spec"], &main["status"]),
        (&json!({"replicas": 3}), &Value::Null)
    );
    let status: Value = extract(&object, "me", Some("status")).expect("it can be read");
    assert_eq!(
        (&status["spec"], &status["status"]),
        (&Value::Null, &json!({"replicas": 2}))
    );
}

#[test]
fn no_managed_fields_is_not_to_own_nothing() {
    let error = extracted(&json!([]), "me").expect_err("nobody can tell");
    assert!(matches!(error, Error::NoManagedFields { .. }), "{error}");
    assert!(error.to_string().contains("Deployment web"), "{error}");
}

#[test]
fn fields_of_another_version_may_have_other_names() {
    let mut old = entry("me", "Apply", &json!({"f:spec": {}}));
    old["apiVersion"] = json!("apps/v1beta1");
    let error = extracted(&json!([old]), "me").expect_err("another version");
    assert!(matches!(&error, Error::OtherVersion { applied, .. } if applied == "apps/v1beta1"));
}

#[test]
fn nonsense_is_an_error_and_not_a_panic() {
    for nonsense in [
        json!({"x:spec": {}}),
        json!({"f:spec": 1}),
        json!({"f:metadata": {"f:finalizers": {"k:{": {}}}}),
        json!({"f:metadata": {"f:finalizers": {"i:-1": {}}}}),
        json!({"f:metadata": {"f:finalizers": {"f:a": {}}}}),
    ] {
        let error = extracted(&json!([entry("me", "Apply", &nonsense)]), "me").expect_err("nonsense");
        assert!(matches!(error, Error::FieldSet { .. }), "{nonsense}: {error}");
    }
    // A type that does not fit what is there is no nonsense: the object has changed since.
    let scalar = entry("me", "Apply", &json!({"f:spec": {"f:replicas": {"f:a": {}}}}));
    let mine = extracted(&json!([scalar]), "me").expect("it can be read");
    assert_eq!(mine.get("spec"), None);
}

#[test]
fn an_error_names_the_field_that_does_not_fit() {
    #[derive(Debug, serde::Deserialize)]
    struct Whole {
        #[allow(dead_code)]
        data: Data,
    }
    #[derive(Debug, serde::Deserialize)]
    struct Data {
        #[allow(dead_code)]
        port: u16,
    }
    let map: ConfigMap = serde_json::from_value(json!({
        "metadata": {"name": "settings", "managedFields": [{
            "manager": "me", "operation": "Apply", "apiVersion": "v1", "fieldsV1": {"f:data": {"f:port": {}}},
        }]},
        "data": {"port": "hidden"},
    }))
    .expect("a config map");
    let error = extract::<_, Whole>(&map, "me", None).expect_err("it does not fit");
    let text = error.to_string();
    assert!(text.contains("settings") && text.contains("data.port"), "{text}");
    assert!(!text.contains("hidden"), "{text}");
}
