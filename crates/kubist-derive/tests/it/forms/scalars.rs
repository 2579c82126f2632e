//! Scalars, and the types of Kubernetes that stand for one.

use super::*;

pub(super) fn forms() -> Vec<Form> {
    vec![
        form("bool", vec![true, false], vec![json!("true"), json!(1)]),
        form("i8", vec![i8::MIN, i8::MAX], vec![json!(128), json!(1.5)]),
        form(
            "i32",
            vec![i32::MIN, i32::MAX],
            vec![json!("1"), json!(1_i64 << 40)],
        ),
        form("i64", vec![i64::MIN, i64::MAX], vec![json!("1")]),
        form("u64", vec![0_u64, 1 << 62], vec![json!(-1)]),
        form("usize", vec![0_usize], vec![json!(-1)]),
        form("non-zero", vec![NonZeroU16::MIN], vec![json!(0), json!(-1)]),
        form("f64", vec![0.5_f64, -1.0], vec![json!("1")]),
        form("char", vec!['x'], vec![json!("xy"), json!("")]),
        form("optional scalar", vec![Some(1_i32), None], vec![json!("1")]),
        form("address", vec![Ipv4Addr::LOCALHOST], vec![json!(1)]),
        form(
            "any",
            vec![json!([1, {"a": null}]), json!("t"), json!({"a": {"b": 1}})],
            vec![],
        ),
        form(
            "int or string",
            vec![IntOrString::Int(1), IntOrString::String(text())],
            vec![json!(true)],
        ),
        form(
            "optional int or string",
            vec![Some(IntOrString::Int(1)), None],
            vec![json!(true)],
        ),
        form("quantity", vec![Quantity("100Mi".into())], vec![json!(true)]),
        form(
            "optional quantity",
            vec![Some(Quantity("1".into())), None],
            vec![json!(true)],
        ),
        form(
            "time",
            vec![serde_json::from_value::<Time>(json!("2026-01-02T03:04:05Z")).unwrap()],
            vec![json!("yesterday"), json!(1)],
        ),
        form(
            "micro time",
            vec![serde_json::from_value::<MicroTime>(json!("2026-01-02T03:04:05.000001Z")).unwrap()],
            vec![json!(1)],
        ),
        form(
            "duration",
            vec![kubist_core::Duration::from(std::time::Duration::from_secs(90))],
            vec![json!(1)],
        ),
        form(
            "duration of std",
            vec![std::time::Duration::from_millis(1500)],
            vec![json!({"secs": "1"})],
        ),
    ]
}
