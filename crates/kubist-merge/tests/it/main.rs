//! Properties of structured merges that hold for any configuration.

mod configs;

use configs::{config, items, schema};
use kubist_merge::managed::{ApplyError, Context, Manager, Managers};
use kubist_merge::{Atom, FieldSet, ListKind, PathElement, Shape, compare, remove_items};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// An object with its managers.
#[derive(Clone, Debug, PartialEq)]
struct World {
    object: Value,
    managers: Managers,
}

impl World {
    fn new() -> World {
        World {
            object: json!({}),
            managers: Managers::default(),
        }
    }

    fn apply(&mut self, schema: &Value, name: &str, config: &Value, force: bool) -> Result<(), ApplyError> {
        let reset = FieldSet::default();
        let context = Context {
            shape: Shape::object(schema),
            api_version: "v1",
            reset: &reset,
            now: "2024-01-01T00:00:00Z",
            versions: None,
        };
        let manager = Manager::applier(name, "");
        let mut managers = self.managers.clone();
        self.object = managers.apply(context, &self.object, config, &manager, force)?;
        self.managers = managers;
        Ok(())
    }

    fn update(&mut self, schema: &Value, name: &str, new: &Value) {
        let reset = FieldSet::default();
        let context = Context {
            shape: Shape::object(schema),
            api_version: "v1",
            reset: &reset,
            now: "2024-01-01T00:00:00Z",
            versions: None,
        };
        let manager = Manager::updater(name, "", "v1");
        self.managers
            .update(context, &self.object, new, &manager)
            .expect("one version");
        self.object = new.clone();
    }

    /// What a manager owns.
    fn fields(&self, name: &str) -> FieldSet {
        let entries = self.managers.write().unwrap_or_default();
        let entry = entries
            .as_array()
            .into_iter()
            .flatten()
            .find(|entry| entry["manager"] == name);
        entry
            .and_then(|entry| FieldSet::from_json(&entry["fieldsV1"]))
            .unwrap_or_default()
    }
}

/// The part of an object that a set of fields covers: leaves that are owned, and empty maps
/// and lists for what is owned around leaves that are not.
fn extract(schema: &Value, object: &Value, owned: &FieldSet) -> Value {
    let shape = Shape::object(schema);
    let everything = compare(shape, &json!({}), object).added;
    let around = |path: &kubist_merge::Path| owned.paths().iter().any(|owned| owned.0.starts_with(&path.0));
    let rest = everything.difference(owned).paths();
    let rest = FieldSet::of(rest.into_iter().filter(|path| !around(path)));
    let mut config = remove_items(shape, object, &rest).unwrap_or_else(|| json!({}));
    for path in owned.paths() {
        let mut place = &mut config;
        let mut from = object;
        for element in &path.0 {
            let PathElement::Field(name) = element else { break };
            let Some(found) = from.get(name) else { break };
            from = found;
            let empty = match found {
                Value::Object(_) => json!({}),
                Value::Array(_) => json!([]),
                leaf => leaf.clone(),
            };
            let Value::Object(map) = place else { break };
            place = map.entry(name.clone()).or_insert(empty);
        }
    }
    config
}

/// Two configurations that own no field together, and that are the whole when they are merged.
///
/// Each map, item and leaf goes to one of them, or is shared out between both.
fn split<'a>(
    shape: Shape<'_>,
    whole: &Value,
    pick: &mut impl Iterator<Item = &'a u8>,
) -> (Option<Value>, Option<Value>) {
    let to = pick.next().copied().unwrap_or_default();
    match (shape.atom(whole), whole) {
        (Atom::Map { atomic: false }, Value::Object(map)) if to > 1 && !map.is_empty() => {
            let (mut one, mut two) = (Map::new(), Map::new());
            for (key, value) in map {
                let child = shape.child(key).map_or_else(Shape::untyped, |(child, _)| child);
                let (left, right) = split(child, value, pick);
                one.extend(left.map(|value| (key.clone(), value)));
                two.extend(right.map(|value| (key.clone(), value)));
            }
            // An empty map would be a field that is owned.
            let full = |map: Map<String, Value>| (!map.is_empty()).then_some(Value::Object(map));
            (full(one), full(two))
        }
        (Atom::List { kind, items }, Value::Array(list))
            if kind != ListKind::Atomic && to > 1 && !list.is_empty() =>
        {
            let (mut one, mut two) = (Vec::new(), Vec::new());
            for item in list {
                let (mut left, mut right) = split(items, item, pick);
                // Whoever has a part of an item says which it is.
                for part in [&mut left, &mut right].into_iter().flatten() {
                    if let (Some(part), Some(name)) = (part.as_object_mut(), item.get("name")) {
                        part.insert("name".into(), name.clone());
                    }
                }
                one.extend(left);
                two.extend(right);
            }
            let full = |list: Vec<Value>| (!list.is_empty()).then_some(Value::Array(list));
            (full(one), full(two))
        }
        _ if to % 2 == 0 => (Some(whole.clone()), None),
        _ => (None, Some(whole.clone())),
    }
}

/// The managers as they are written, without when they wrote.
fn timeless(managers: &Managers) -> Vec<Value> {
    let entries = managers.write().unwrap_or_default();
    let mut entries = entries.as_array().cloned().unwrap_or_default();
    for entry in &mut entries {
        entry["time"].take();
    }
    entries.sort_by_key(Value::to_string);
    entries
}

/// Lists that merge have no order between managers.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), sorted(value)))
            .collect(),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(sorted).collect();
            items.sort_by_key(Value::to_string);
            items.into()
        }
        other => other.clone(),
    }
}

/// Without maps and lists that hold nothing: they may outlive what was in them.
fn bare(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let full = map.iter().map(|(key, value)| (key.clone(), bare(value)));
            let full = full.filter(|(_, value)| !matches!(value, Value::Null));
            let map: Map<String, Value> = full.collect();
            if map.is_empty() { Value::Null } else { map.into() }
        }
        Value::Array(items) if items.is_empty() => Value::Null,
        Value::Array(items) => items.iter().map(bare).collect(),
        other => other.clone(),
    }
}

/// Who still wants a map leaves in it what nobody owns.
#[test]
fn a_map_that_is_applied_again_keeps_what_is_in_it() {
    let schema = schema();
    let mut world = World::new();
    let mine = json!({"struct": {}});
    world.apply(&schema, "me", &mine, false).expect("nobody objects");
    let other = json!({"struct": {"b": {"d": "x"}}});
    world
        .apply(&schema, "other", &other, false)
        .expect("nothing conflicts");
    world.update(&schema, "editor", &json!({"struct": {"b": {}}}));
    let before = world.object.clone();
    world
        .apply(&schema, "me", &mine, false)
        .expect("nothing conflicts");
    assert_eq!(before, world.object);
}

#[test]
fn what_is_emptied_stays_where_somebody_owns_it() {
    let schema = schema();
    let apply = |steps: &[(&str, Value)]| {
        let mut world = World::new();
        for (manager, config) in steps {
            world.apply(&schema, manager, config, true).expect("forced");
        }
        world
    };
    // The map is a's, what is in it was b's.
    for steps in [
        [
            ("a", json!({"map": {}})),
            ("b", json!({"map": {"x": "1"}})),
            ("b", json!({})),
        ],
        [
            ("b", json!({"map": {"x": "1"}})),
            ("a", json!({"map": {}})),
            ("b", json!({})),
        ],
    ] {
        let world = apply(&steps);
        assert_eq!(world.object, json!({"map": {}}));
        assert_eq!(world.fields("a").to_json(), json!({"f:map": {}}));
    }
    // A map that is applied empty is owned; a list is not.
    let emptied = [
        (
            "a",
            json!({"scalar": "s", "map": {"x": "1"}, "items": [{"name": "x"}], "set": ["x"]}),
        ),
        ("a", json!({"scalar": "s", "map": {}, "items": [], "set": []})),
    ];
    assert_eq!(apply(&emptied).object, json!({"scalar": "s", "map": {}}));
    // Who owned what was in a map that is a text now owns nothing of it.
    let replaced = [
        ("a", json!({"free": {"u": {"q": "1"}}})),
        ("b", json!({"free": {"u": "1"}})),
    ];
    assert!(apply(&replaced).fields("a").is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn applying_twice_is_applying_once(before in config(), others in config(), mine in config()) {
        let schema = schema();
        let mut world = World::new();
        world.apply(&schema, "me", &before, true).expect("nobody objects");
        world.apply(&schema, "other", &others, true).expect("forced");
        world.apply(&schema, "me", &mine, true).expect("forced");
        let once = world.clone();
        world.apply(&schema, "me", &mine, false).expect("what is mine is no conflict");
        // An empty list that merges is nobody's: it comes and goes, as it does on a server.
        prop_assert_eq!(bare(&once.object), bare(&world.object));
        prop_assert_eq!(once.managers, world.managers);
    }

    #[test]
    fn applying_what_is_owned_changes_nothing(mine in config(), others in config(), update in config()) {
        let schema = schema();
        let mut world = World::new();
        world.apply(&schema, "me", &mine, true).expect("nobody objects");
        world.apply(&schema, "other", &others, true).expect("forced");
        world.update(&schema, "editor", &update);
        let owned = world.fields("me");
        let config = extract(&schema, &world.object, &owned);
        let before = world.clone();
        world.apply(&schema, "me", &config, false).expect("no conflict with oneself");
        prop_assert_eq!(&before.object, &world.object);
        prop_assert_eq!(timeless(&before.managers), timeless(&world.managers));
    }

    #[test]
    fn managers_that_do_not_overlap_come_in_any_order(
        whole in config(), pick in prop::collection::vec(0..4_u8, 1..60),
    ) {
        let schema = schema();
        let (one, two) = split(Shape::object(&schema), &whole, &mut pick.iter().cycle());
        let (one, two) = (one.unwrap_or_else(|| json!({})), two.unwrap_or_else(|| json!({})));
        let mut forth = World::new();
        forth.apply(&schema, "one", &one, false).expect("no conflict");
        forth.apply(&schema, "two", &two, false).expect("no conflict");
        let mut back = World::new();
        back.apply(&schema, "two", &two, false).expect("no conflict");
        back.apply(&schema, "one", &one, false).expect("no conflict");
        // Together they are what was split, whoever came first; only who came first in a list may differ.
        prop_assert_eq!(sorted(&forth.object), sorted(&whole));
        prop_assert_eq!(sorted(&back.object), sorted(&whole));
        prop_assert_eq!(timeless(&forth.managers), timeless(&back.managers));
    }

    #[test]
    fn lists_that_merge_take_from_both(one in items(), two in items()) {
        // The same items by the same names may differ: then the second conflicts.
        let schema = schema();
        let (first, second) = (json!({"items": one}), json!({"items": two}));
        let mut forth = World::new();
        forth.apply(&schema, "one", &first, false).expect("nobody objects");
        let Ok(()) = forth.apply(&schema, "two", &second, false) else { return Ok(()) };
        let mut back = World::new();
        back.apply(&schema, "two", &second, false).expect("nobody objects");
        back.apply(&schema, "one", &first, false).expect("what did not conflict one way does not the other");
        prop_assert_eq!(sorted(&forth.object), sorted(&back.object));
    }

    #[test]
    fn removing_gives_back_what_nobody_else_owns(mine in config(), others in config()) {
        let schema = schema();
        let mut world = World::new();
        world.apply(&schema, "me", &mine, true).expect("nobody objects");
        world.apply(&schema, "other", &others, true).expect("forced");
        world.apply(&schema, "me", &json!({}), false).expect("nothing conflicts");
        let mut alone = World::new();
        alone.apply(&schema, "other", &others, true).expect("nobody objects");
        // A map goes with the last that was in it, unless somebody owns it. An empty list that merges is
        // nobody's: it goes with the last item that was in it, and stays where there was none.
        let mut expected = alone.object.clone();
        for list in ["set", "items"] {
            let count = |config: &Value| config.get(list).and_then(Value::as_array).map(Vec::len);
            match (count(&mine), count(&others)) {
                (Some(1..), Some(0)) => expected[list] = Value::Null,
                (Some(0), None) => expected[list] = json!([]),
                _ => {}
            }
        }
        if let Some(fields) = expected.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        prop_assert_eq!(sorted(&world.object), sorted(&expected));
        prop_assert_eq!(timeless(&world.managers), timeless(&alone.managers));
    }

    #[test]
    fn owners_are_of_fields_that_are_there(a in config(), b in config(), c in config()) {
        let schema = schema();
        let mut world = World::new();
        world.apply(&schema, "a", &a, true).expect("nobody objects");
        world.update(&schema, "b", &b);
        world.apply(&schema, "c", &c, true).expect("forced");
        let present = compare(Shape::object(&schema), &json!({}), &world.object).added;
        for name in ["a", "c"] {
            let owned = world.fields(name);
            prop_assert!(owned.difference(&present).paths().is_empty(), "{name}: {:?}", owned.difference(&present).paths());
        }
        let written = world.managers.write();
        prop_assert_eq!(Managers::read(written.as_ref()), Some(world.managers));
    }
}
