//! Enums of every representation.

use super::*;

pub(super) fn forms() -> Vec<Form> {
    vec![
        form(
            "units",
            vec![Units::One, Units::Two],
            vec![json!("Three"), json!(1)],
        ),
        form(
            "external",
            vec![
                External::Struct {
                    text: text(),
                    number: Some(3),
                },
                External::Struct {
                    text: text(),
                    number: None,
                },
                External::Newtype(inner()),
                External::Pair(1, 2),
                External::Empty {},
            ],
            vec![
                json!({}),
                json!("empty"),
                json!({"struct": {}}),
                json!({"pair": ["a", "b"]}),
                json!({"empty": {}, "newtype": {}}),
            ],
        ),
        form(
            "internal",
            vec![
                Internal::Struct { text: text() },
                Internal::Newtype(inner()),
                Internal::Unit,
            ],
            vec![
                json!({"type": "None"}),
                json!({"text": "t"}),
                json!({"type": "Struct"}),
            ],
        ),
        form(
            "internal units",
            vec![InternalUnits::One, InternalUnits::Two],
            vec![json!({"type": "Three"})],
        ),
        form(
            "adjacent",
            vec![
                Adjacent::Struct { text: text() },
                Adjacent::Other { number: 1 },
                Adjacent::Unit,
            ],
            vec![
                json!({"kind": "None"}),
                json!({"of": {}}),
                json!({"kind": "Struct"}),
            ],
        ),
        form(
            "adjacent scalars",
            vec![AdjacentScalars::Text(text()), AdjacentScalars::Word(text())],
            vec![json!({"kind": "Text", "of": 1}), json!({"kind": "Text"})],
        ),
        form(
            "untagged structs",
            vec![
                UntaggedStructs::One { one: text() },
                UntaggedStructs::Two { two: 2 },
            ],
            vec![json!({}), json!({"two": "2"}), json!("two")],
        ),
        form(
            "untagged with defaults",
            vec![
                UntaggedDefaults::Of { one: 0, of: text() },
                UntaggedDefaults::By { by: text(), two: 0 },
            ],
            vec![json!({"one": 1})],
        ),
        form(
            "untagged scalars",
            vec![UntaggedScalars::Number(1), UntaggedScalars::Text(text())],
            vec![json!(true), json!({})],
        ),
        form(
            "null or a struct",
            vec![NullOrStruct::Null, NullOrStruct::Struct { text: text() }],
            vec![json!({}), json!("t")],
        ),
        // What no structural schema tells apart is kept as it is.
        form(
            "one or many",
            vec![OneOrMany::One(text()), OneOrMany::Many(vec![text()])],
            vec![],
        ),
        form(
            "text or struct",
            vec![TextOrStruct::Text(text()), TextOrStruct::Struct { text: text() }],
            vec![],
        ),
        form(
            "known and other",
            vec![Known::One, Known::Other(text())],
            vec![json!(1)],
        ),
        form(
            "optional units",
            vec![Some(Units::One), None],
            vec![json!("Three")],
        ),
        form(
            "optional external",
            vec![Some(External::Empty {}), None],
            vec![json!({"none": {}})],
        ),
        form(
            "optional internal",
            vec![Some(Internal::Unit), None],
            vec![json!({"type": "None"})],
        ),
        form(
            "optional adjacent",
            vec![Some(Adjacent::Unit), None],
            vec![json!({"kind": "None"})],
        ),
        form(
            "optional untagged",
            vec![Some(UntaggedStructs::Two { two: 2 }), None],
            vec![json!({"two": "2"})],
        ),
        form(
            "optional scalars",
            vec![Some(UntaggedScalars::Number(1)), None],
            vec![json!(true)],
        ),
        form(
            "list of external",
            vec![vec![External::Empty {}], vec![]],
            vec![json!([{"none": {}}])],
        ),
        form(
            "map of internal",
            vec![BTreeMap::from([(text(), Internal::Unit)])],
            vec![json!({"k": {"type": "None"}})],
        ),
    ]
}
