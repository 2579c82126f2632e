use std::path::Path;

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Upstream's samples: each kind in JSON and in protobuf. They are kept outside of this repository.
fn samples() -> Vec<(String, Value, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/k8s/testdata");
    let Ok(files) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: there are no samples in {}", folder.display());
        return Vec::new();
    };
    let mut samples = Vec::new();
    for file in files
        .map(|file| file.unwrap().path())
        .filter(|file| file.extension() == Some("pb".as_ref()))
    {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".after_roundtrip") {
            // What a server of an earlier version leaves of a sample; fields are missing on the wire.
            continue;
        }
        let json = std::fs::read(file.with_extension("json")).unwrap();
        samples.push((
            name,
            serde_json::from_slice(&json).unwrap(),
            std::fs::read(&file).unwrap(),
        ));
    }
    samples
}

/// The places in which two documents differ.
fn differ(path: &str, got: &Value, wanted: &Value, differences: &mut Vec<String>) {
    match (got, wanted) {
        (Value::Object(got), Value::Object(wanted)) => {
            let keys: std::collections::BTreeSet<_> = got.keys().chain(wanted.keys()).collect();
            for key in keys {
                let at = |map: &serde_json::Map<_, _>| map.get(key).cloned().unwrap_or("(absent)".into());
                differ(&format!("{path}.{key}"), &at(got), &at(wanted), differences);
            }
        }
        (Value::Array(got), Value::Array(wanted)) if got.len() == wanted.len() => {
            for (index, (got, wanted)) in got.iter().zip(wanted).enumerate() {
                differ(&format!("{path}[{index}]"), got, wanted, differences);
            }
        }
        _ if got == wanted => {}
        _ => differences.push(format!("{path}: got {got}, wanted {wanted}")),
    }
}

#[test]
fn upstreams_samples_are_the_same_in_both_forms() {
    let (mut compared, mut unknown) = (0, 0);
    for (name, json, bytes) in samples() {
        match from_slice::<Value>(&bytes) {
            Ok(decoded) => {
                let mut differences = Vec::new();
                differ("", &decoded, &json, &mut differences);
                assert!(differences.is_empty(), "{name}: {differences:#?}");
                compared += 1;
            }
            // Versions that no server has any more.
            Err(Error::UnknownKind { .. }) => unknown += 1,
            Err(error) => panic!("{name}: {error}"),
        }
    }
    eprintln!("{compared} samples compared, {unknown} of unknown kinds");
}

#[test]
fn what_is_written_is_read_again() {
    for (name, json, bytes) in samples() {
        let Ok(decoded) = from_slice::<Value>(&bytes) else {
            continue;
        };
        let written = to_vec(&decoded).unwrap();
        assert_eq!(from_slice::<Value>(&written).unwrap(), json, "{name}");
    }
    let custom = json!({"apiVersion": "docs.example.com/v1", "kind": "Document"});
    assert_eq!(to_vec(&custom), None);
}

#[test]
fn types_are_filled_as_from_json() {
    for (name, json, bytes) in samples() {
        match name.as_str() {
            "core.v1.Pod" => {
                let pod: Pod = serde_json::from_value(json).unwrap();
                assert_eq!(from_slice::<Pod>(&bytes).unwrap(), pod);
            }
            "core.v1.ConfigMap" => {
                let map: ConfigMap = serde_json::from_value(json).unwrap();
                assert_eq!(from_slice::<ConfigMap>(&bytes).unwrap(), map);
            }
            _ => {}
        }
    }
}

/// A field: its number with the wire type for what has a length, and that.
fn len(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
    bytes.extend_from_slice(content);
    bytes
}

fn object(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let types = [len(1, api_version.as_bytes()), len(2, kind.as_bytes())].concat();
    [MAGIC.to_vec(), len(1, &types), len(2, raw)].concat()
}

#[test]
fn lists_may_be_interrupted_and_unknown_fields_are_skipped() {
    let finalizer = |text: &str| len(14, text.as_bytes());
    let name = len(1, b"a");
    let unknown = [&[0x98, 0x06, 0x01][..]].concat(); // field 99, a varint
    let meta = [finalizer("x"), name, unknown, finalizer("y")].concat();
    let bytes = object("v1", "ConfigMap", &len(1, &meta));
    assert_eq!(
        from_slice::<Value>(&bytes).unwrap(),
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "finalizers": ["x", "y"]},
        })
    );
    assert_eq!(type_of(&bytes).unwrap(), ("v1", "ConfigMap"));
}

#[test]
fn errors_name_the_place_and_not_the_content() {
    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    struct Wrong {
        metadata: WrongMeta,
    }
    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    struct WrongMeta {
        name: i32,
    }
    let bytes = object("v1", "Secret", &len(1, &len(1, b"hunter2")));
    let error = from_slice::<Wrong>(&bytes).unwrap_err().to_string();
    assert!(
        error.starts_with("failed to decode metadata.name: invalid type"),
        "{error}"
    );
    assert!(!error.contains("hunter2"), "{error}");

    assert_eq!(from_slice::<Value>(b"{}").unwrap_err(), Error::NoEnvelope);
    let error = from_slice::<Value>(&object("docs.example.com/v1", "Document", b"")).unwrap_err();
    assert!(matches!(error, Error::UnknownKind { .. }), "{error}");
}

proptest! {
    #[test]
    fn any_bytes_give_a_value_or_an_error(raw in prop::collection::vec(any::<u8>(), 0..120)) {
        for kind in ["Pod", "Secret", "Event"] {
            let _ = from_slice::<Value>(&object("v1", kind, &raw));
        }
        let _ = from_slice::<Value>(&raw);
    }
}

#[test]
fn cut_or_changed_samples_do_no_harm() {
    for (_, _, bytes) in samples().into_iter().take(40) {
        for end in (0..bytes.len()).step_by(7) {
            let _ = from_slice::<Value>(&bytes[..end]);
            let mut changed = bytes.clone();
            changed[end] ^= 0x41;
            let _ = from_slice::<Value>(&changed);
        }
    }
}
