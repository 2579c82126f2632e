//! Where in a text the fields of its objects come.

use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::DEPTH;

/// Numbers some paths of fields by where a JSON text has them first. What it does not have is left out.
pub(crate) fn order<'a>(bytes: &[u8], paths: impl Iterator<Item = &'a str>) -> HashMap<String, usize> {
    let mut tracer = Tracer {
        path: String::new(),
        depth: 0,
        places: paths.map(|path| (path.to_owned(), None)).collect(),
        next: 0,
    };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    // What was seen before an error is in order.
    let _ = Step(&mut tracer).deserialize(&mut deserializer);
    let places = tracer.places.into_iter();
    places.filter_map(|(path, place)| Some((path, place?))).collect()
}

struct Tracer {
    path: String,
    depth: usize,
    places: HashMap<String, Option<usize>>,
    next: usize,
}

impl Tracer {
    fn note(&mut self) {
        if let Some(place @ None) = self.places.get_mut(&self.path) {
            *place = Some(self.next);
            self.next += 1;
        }
    }

    fn deeper<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.depth += 1;
        if self.depth > DEPTH {
            Err(E::custom("exceeded max depth"))
        } else {
            Ok(())
        }
    }
}

struct Step<'a>(&'a mut Tracer);

impl<'de> DeserializeSeed<'de> for Step<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Step<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let tracer = self.0;
        tracer.deeper()?;
        let length = tracer.path.len();
        for at in 0_usize.. {
            tracer.path.push_str(&format!("[{at}]"));
            let more = items.next_element_seed(Step(tracer))?;
            tracer.path.truncate(length);
            if more.is_none() {
                break;
            }
        }
        tracer.depth -= 1;
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let tracer = self.0;
        tracer.deeper()?;
        let length = tracer.path.len();
        while let Some(key) = entries.next_key::<String>()? {
            if length > 0 {
                tracer.path.push('.');
            }
            tracer.path.push_str(&key);
            tracer.note();
            entries.next_value_seed(Step(tracer))?;
            tracer.path.truncate(length);
        }
        tracer.depth -= 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_numbered_as_the_text_has_them() {
        let text = br#"{"b": {"z": 1, "a": [{}, {"y": null}]}, "a": 1}"#;
        let found = order(text, ["a", "b.a[1].y", "b.z", "none"].into_iter());
        let want = [("b.z", 0), ("b.a[1].y", 1), ("a", 2)];
        assert_eq!(found, want.map(|(path, at)| (path.to_owned(), at)).into());
    }
}
