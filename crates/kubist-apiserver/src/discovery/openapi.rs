//! OpenAPI v3 and v2, made of the tables and of the schemas of CRDs.

use std::collections::BTreeSet;

use kubist_schema::{Field, ListType, Message, Special, Type};
use serde_json::{Map, Value, json};

use crate::http::answer::Answer;
use crate::http::document::{Content, Document};
use crate::http::negotiate::JSON;
use crate::http::request::Request;
use crate::http::status::Failure;
use crate::kinds::kind::{Kind, Registry, Schema};

/// Answers paths under `/openapi`.
pub(crate) fn answer(registry: &Registry, request: &Request, path: &[&str]) -> Result<Answer, Failure> {
    match path {
        ["v3"] => Ok(index(registry)),
        ["v3", "api", version] => Ok(described(registry, request, "", version)),
        ["v3", "apis", group, version] => Ok(described(registry, request, group, version)),
        // Clients that cannot read JSON here fall back to v3.
        ["v2"]
            if !request.header("accept").contains("json")
                && !request.header("accept").is_empty()
                && !request.header("accept").contains("*/*") =>
        {
            Err(Failure::not_acceptable(&["application/json"]))
        }
        ["v2"] => Ok(whole(registry, request)),
        _ => Ok(Answer::text(404, "404 page not found\n")),
    }
}

fn index(registry: &Registry) -> Answer {
    let mut paths = Map::new();
    for (group, versions) in registry.groups() {
        for version in versions {
            let path = path_of(group, version);
            let hash = content(registry, group, version).tag().to_owned();
            paths.insert(
                path.clone(),
                json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash={hash}")}),
            );
        }
    }
    // Upstream leaves the type to be guessed, and that is the guess.
    raw(json!({"paths": paths}), "text/plain; charset=utf-8")
}

fn path_of(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
}

fn raw(value: Value, content_type: &'static str) -> Answer {
    Answer::Raw {
        code: 200,
        content_type,
        body: value.to_string().into(),
    }
}

fn described(registry: &Registry, request: &Request, group: &str, version: &str) -> Answer {
    let known = registry
        .kinds()
        .iter()
        .any(|kind| kind.group == group && kind.version == version);
    if !known {
        return Answer::text(404, "404 page not found\n");
    }
    Answer::Document(Document::hashed(request, JSON, content(registry, group, version)))
}

fn content(registry: &Registry, group: &str, version: &str) -> Content {
    registry.document(&path_of(group, version), || {
        openapi(registry, group, version).to_string().into()
    })
}

fn openapi(registry: &Registry, group: &str, version: &str) -> Value {
    let mut schemas = Schemas {
        prefix: "#/components/schemas/",
        out: Map::new(),
        todo: Vec::new(),
        seen: BTreeSet::new(),
    };
    let mut paths = Map::new();
    for kind in registry
        .kinds()
        .iter()
        .filter(|kind| kind.group == group && kind.version == version)
    {
        schemas.kind(kind);
        schemas.paths(kind, &mut paths);
    }
    schemas.finish();
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": kubist_schema::KUBERNETES_VERSION},
        "paths": paths,
        "components": {"schemas": schemas.out},
    })
}

fn whole(registry: &Registry, request: &Request) -> Answer {
    let content = registry.document("v2", || swagger(registry).to_string().into());
    Answer::Document(Document::of(request, JSON, content))
}

fn swagger(registry: &Registry) -> Value {
    let mut schemas = Schemas {
        prefix: "#/definitions/",
        out: Map::new(),
        todo: Vec::new(),
        seen: BTreeSet::new(),
    };
    for kind in registry.kinds() {
        schemas.kind(kind);
    }
    schemas.finish();
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": kubist_schema::KUBERNETES_VERSION},
        "paths": {},
        "definitions": schemas.out,
    })
}

struct Schemas {
    prefix: &'static str,
    out: Map<String, Value>,
    todo: Vec<&'static Message>,
    seen: BTreeSet<&'static str>,
}

/// The name of a message in OpenAPI: its domain reversed.
fn name_of(message: &'static Message) -> String {
    match message.name.strip_prefix("k8s.io.") {
        Some(rest) => format!("io.k8s.{rest}"),
        None => message.name.to_owned(),
    }
}

/// The name of a custom kind in OpenAPI.
fn custom_name(kind: &Kind) -> String {
    let mut parts: Vec<&str> = kind.group.split('.').collect();
    parts.reverse();
    format!("{}.{}.{}", parts.join("."), kind.version, kind.kind)
}

fn gvk(kind: &Kind, name: &str) -> Value {
    json!({"group": kind.group, "version": kind.version, "kind": name})
}

impl Schemas {
    fn reference(&mut self, message: &'static Message) -> Value {
        if self.seen.insert(message.name) {
            self.todo.push(message);
        }
        json!({"$ref": format!("{}{}", self.prefix, name_of(message))})
    }

    fn kind(&mut self, kind: &Kind) {
        match &kind.schema {
            Schema::Builtin(message) => {
                let name = name_of(message);
                self.seen.insert(message.name);
                let mut schema = self.message(message);
                schema["x-kubernetes-group-version-kind"] = json!([gvk(kind, &kind.kind)]);
                self.out.insert(name, schema);
            }
            Schema::Custom(custom) => {
                let mut schema = custom.schema.clone();
                let meta = self.object_meta();
                let properties = crate::object::meta::child(&mut schema, "properties");
                properties.insert(
                    "apiVersion".into(),
                    json!({"type": "string", "description": API_VERSION}),
                );
                properties.insert("kind".into(), json!({"type": "string", "description": KIND}));
                properties.insert("metadata".into(), meta);
                schema["x-kubernetes-group-version-kind"] = json!([gvk(kind, &kind.kind)]);
                self.out.insert(custom_name(kind), schema);
            }
        }
    }

    fn object_meta(&mut self) -> Value {
        match kubist_schema::message("k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta") {
            Some(message) => self.reference(message),
            None => json!({"type": "object"}),
        }
    }

    /// Paths, as far as clients read them: which operations take which kind.
    fn paths(&mut self, kind: &Kind, paths: &mut Map<String, Value>) {
        let base = format!("/{}", path_of(&kind.group, &kind.version));
        let collection = if kind.namespaced {
            format!("{base}/namespaces/{{namespace}}/{}", kind.plural)
        } else {
            format!("{base}/{}", kind.plural)
        };
        let name = match &kind.schema {
            Schema::Builtin(message) => name_of(message),
            Schema::Custom(_) => custom_name(kind),
        };
        let reference = json!({"$ref": format!("{}{name}", self.prefix)});
        let content = json!({"application/json": {"schema": reference}});
        let parameter = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string"}});
        let operation = |action: &str, body: bool| {
            let mut operation = json!({
                "x-kubernetes-action": action,
                "x-kubernetes-group-version-kind": gvk(kind, &kind.kind),
                "parameters": [parameter("dryRun"), parameter("fieldManager"), parameter("fieldValidation")],
                "responses": {"200": {"description": "OK", "content": content}},
            });
            if body {
                operation["requestBody"] = json!({"content": content});
            }
            operation
        };
        let mut of_collection = Map::new();
        if kind.allows("list") {
            of_collection.insert("get".into(), operation("list", false));
        }
        if kind.allows("create") {
            of_collection.insert("post".into(), operation("post", true));
        }
        let mut of_one = Map::new();
        for (verb, method, body) in [
            ("get", "get", false),
            ("update", "put", true),
            ("patch", "patch", true),
            ("delete", "delete", false),
        ] {
            if kind.allows(verb) {
                let action = if verb == "update" { "put" } else { verb };
                of_one.insert(method.into(), operation(action, body));
            }
        }
        paths.insert(format!("{collection}/{{name}}"), of_one.into());
        paths.insert(collection, of_collection.into());
    }

    fn finish(&mut self) {
        while let Some(message) = self.todo.pop() {
            let schema = self.message(message);
            self.out.insert(name_of(message), schema);
        }
    }

    fn message(&mut self, message: &'static Message) -> Value {
        if let Some(special) = message.special {
            return match special {
                Special::Time | Special::MicroTime => json!({"type": "string", "format": "date-time"}),
                Special::Quantity | Special::Duration => json!({"type": "string"}),
                Special::IntOrString => json!({"type": "string", "format": "int-or-string"}),
                Special::RawExtension | Special::FieldsV1 => json!({"type": "object"}),
                _ => json!({}),
            };
        }
        let mut properties = Map::new();
        for field in message.json_fields() {
            let schema = self.field(field);
            properties.insert(field.json.into(), schema);
        }
        let mut schema = json!({"type": "object", "properties": properties});
        if !message.required.is_empty() {
            schema["required"] = message.required.clone().into();
        }
        if message.atomic {
            schema["x-kubernetes-map-type"] = "atomic".into();
        }
        schema
    }

    fn field(&mut self, field: &'static Field) -> Value {
        let mut one = match field.message() {
            Some(message) => self.reference(message),
            None => match field.ty {
                Type::String => json!({"type": "string"}),
                Type::Int32 => json!({"type": "integer", "format": "int32"}),
                Type::Int64 => json!({"type": "integer", "format": "int64"}),
                Type::Bool => json!({"type": "boolean"}),
                Type::Bytes => json!({"type": "string", "format": "byte"}),
                Type::Double => json!({"type": "number", "format": "double"}),
                Type::StringList => json!({"type": "array", "items": {"type": "string"}}),
                _ => json!({"type": "object"}),
            },
        };
        if !field.allowed.is_empty() && !field.repeated {
            one["enum"] = field.allowed.clone().into();
        }
        let plain = !field.repeated && !field.map;
        let mut schema = if field.repeated {
            json!({"type": "array", "items": one})
        } else if field.map {
            json!({"type": "object", "additionalProperties": one})
        } else if one.get("$ref").is_some() && self.prefix.starts_with("#/components") {
            json!({"allOf": [one]})
        } else {
            one
        };
        if let (Some(default), true) = (field.default, plain)
            && let Ok(default) = serde_json::from_str::<Value>(default)
        {
            schema["default"] = default;
        }
        if field.repeated {
            schema["x-kubernetes-list-type"] = match field.list_type {
                ListType::Atomic => "atomic",
                ListType::Set => "set",
                ListType::Map => "map",
            }
            .into();
            if !field.list_map_keys.is_empty() {
                schema["x-kubernetes-list-map-keys"] = field.list_map_keys.clone().into();
            }
        }
        if field.atomic {
            schema["x-kubernetes-map-type"] = "atomic".into();
        }
        if let Some(key) = field.merge_key {
            schema["x-kubernetes-patch-merge-key"] = key.into();
        }
        match (field.merge, field.retain_keys) {
            (true, true) => schema["x-kubernetes-patch-strategy"] = "merge,retainKeys".into(),
            (true, false) => schema["x-kubernetes-patch-strategy"] = "merge".into(),
            (false, true) => schema["x-kubernetes-patch-strategy"] = "retainKeys".into(),
            (false, false) => {}
        }
        schema
    }
}

const API_VERSION: &str = "The version of the schema that this representation of an object follows.";
const KIND: &str = "The resource that this object represents.";
