//! Options, lists, maps and tuples.

use super::*;

pub(super) fn forms() -> Vec<Form> {
    vec![
        form(
            "nested options",
            vec![Some(Some(inner())), None],
            vec![json!({"name": 1})],
        ),
        form(
            "optional list of options",
            vec![Some(vec![Some(1_u8), None]), None],
            vec![json!([300]), json!(["1"])],
        ),
        form(
            "list of lists",
            vec![vec![vec![1_u8], vec![]]],
            vec![json!([1]), json!([["1"]])],
        ),
        form(
            "deque",
            vec![VecDeque::from([inner()])],
            vec![json!([{"name": 1}])],
        ),
        form("set", vec![BTreeSet::from([text()])], vec![json!([1])]),
        form("hash set", vec![HashSet::from([1_u8])], vec![json!(["1"])]),
        form(
            "map",
            vec![BTreeMap::from([(text(), inner())])],
            vec![json!({"k": 1})],
        ),
        form(
            "map of options",
            vec![BTreeMap::from([(text(), Some(1_u8)), ("n".into(), None)])],
            vec![json!({"k": "1"})],
        ),
        form(
            "map of maps",
            vec![HashMap::from([(text(), HashMap::from([(text(), 1_u8)]))])],
            vec![json!({"k": {"k": "1"}})],
        ),
        form(
            "map of lists",
            vec![BTreeMap::from([(text(), vec![1_u8])])],
            vec![json!({"k": 1})],
        ),
        form(
            "map with numbers for keys",
            vec![BTreeMap::from([(7_u32, text())])],
            vec![json!({"7": 1})],
        ),
        form(
            "map with letters for keys",
            vec![BTreeMap::from([('a', 1_i32)])],
            vec![json!({"a": "1"})],
        ),
        form(
            "map of any",
            vec![BTreeMap::from([(text(), json!({"a": [1, "two"]}))])],
            vec![json!("k")],
        ),
        form(
            "array",
            vec![[1_u8, 2, 3]],
            vec![json!([1, 2]), json!([1, 2, 3, 4]), json!(["1", 2, 3])],
        ),
        form(
            "tuple",
            vec![(1_i32, text())],
            vec![json!([1]), json!([true, "t"])],
        ),
        form(
            "tuple of one type",
            vec![(1_i32, 2_i32)],
            vec![json!([1]), json!(["1", "2"])],
        ),
        form(
            "tuple of structs",
            vec![(inner(), Strict { a: true })],
            vec![json!([{"name": "n"}])],
        ),
        form("box", vec![Box::new(inner())], vec![json!({"name": 1})]),
        form("cow", vec![Cow::<'static, str>::Borrowed("t")], vec![json!(1)]),
    ]
}
