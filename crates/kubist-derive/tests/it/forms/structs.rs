//! Structs of every form.

use super::*;

pub(super) fn forms() -> Vec<Form> {
    vec![
        form("struct", vec![inner()], vec![json!({"name": 1}), json!("n")]),
        form("empty struct", vec![Empty {}], vec![json!("n")]),
        form(
            "newtype of a struct",
            vec![Newtype(inner())],
            vec![json!({"name": 1})],
        ),
        form(
            "newtype of a number",
            vec![Number(1)],
            vec![json!("1"), json!(70_000), json!(-1)],
        ),
        form(
            "tuple struct",
            vec![Pair(1, text())],
            vec![json!([1]), json!([1, "t", 2]), json!([true, "t"])],
        ),
        form(
            "transparent",
            vec![Transparent { inner: inner() }],
            vec![json!({"name": 1})],
        ),
        form("strict", vec![Strict { a: true }], vec![json!({"a": 1})]),
        form(
            "flat struct",
            vec![FlatStruct {
                own: true,
                inner: inner(),
            }],
            vec![json!({"own": true, "name": 1})],
        ),
        form(
            "flat option",
            vec![
                FlatOption {
                    own: true,
                    inner: Some(Needy { needed: text() }),
                },
                FlatOption {
                    own: true,
                    inner: None,
                },
            ],
            vec![json!({"own": 1})],
        ),
        form(
            "flat external",
            vec![
                FlatExternal {
                    own: true,
                    inner: FlatVariants::Text(text()),
                },
                FlatExternal {
                    own: true,
                    inner: FlatVariants::Struct { number: 1 },
                },
            ],
            vec![json!({"own": true}), json!({"own": true, "Text": 1})],
        ),
        form(
            "flat internal",
            vec![FlatInternal {
                own: true,
                inner: Internal::Struct { text: text() },
            }],
            vec![json!({"own": true}), json!({"own": true, "type": "None"})],
        ),
        form(
            "flat untagged",
            vec![FlatUntagged {
                own: true,
                inner: UntaggedStructs::Two { two: 2 },
            }],
            vec![json!({"own": true})],
        ),
        form(
            "flat map",
            vec![FlatMap {
                own: true,
                rest: BTreeMap::from([(text(), json!([1, {"a": "b"}]))]),
            }],
            vec![json!({"own": 1})],
        ),
        form(
            "flat twice",
            vec![FlatTwice {
                one: FlatVariants::Text(text()),
                two: UntaggedStructs::One { one: text() },
            }],
            vec![json!({"Text": "t"}), json!({"one": "t"})],
        ),
        form(
            "defaults",
            vec![Defaults::default()],
            vec![json!({"number": "7"}), json!({"level": "Three"})],
        ),
        form(
            "skipped",
            vec![Skipped {
                gone: Unit,
                kind: text(),
            }],
            vec![json!({"kind": "t"})],
        ),
        form(
            "with functions",
            vec![WithFunctions { number: 7 }],
            vec![json!({"number": 7})],
        ),
        form(
            "documented",
            vec![Documented { field: Units::One }],
            vec![json!({"field": "Three"})],
        ),
    ]
}
