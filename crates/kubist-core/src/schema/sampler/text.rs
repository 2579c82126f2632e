//! Strings.

use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::Value;

use super::Draw;

/// What programs stumble over.
const ODD: [&str; 8] = ["", " ", "0", "007", "-1", "true", "null", "\u{e9}\u{1f980}\"\\\n"];

impl Draw<'_> {
    pub(super) fn text(&mut self, schema: &Value) -> String {
        if let Some(pattern) = schema["pattern"].as_str()
            && let Ok(pattern) = regex_syntax::parse(pattern)
        {
            let mut text = String::new();
            self.matching(&pattern, &mut text);
            return text;
        }
        match schema["format"].as_str() {
            Some("date-time") => {
                let (day, second) = (self.random.u8(1..=28), self.random.u8(..60));
                return format!("2024-02-{day:02}T10:00:{second:02}Z");
            }
            Some("date") => return format!("2024-02-{:02}", self.random.u8(1..=28)),
            Some("duration") => return format!("{}s", self.random.u16(..1000)),
            Some("byte") => return ["", "YQ==", "aGVsbG8="][self.random.usize(..3)].to_owned(),
            Some("uuid") => return format!("00000000-0000-4000-8000-{:012x}", self.random.u32(..)),
            Some("ipv4" | "ip") => return format!("10.0.{}.{}", self.random.u8(..), self.random.u8(..)),
            Some("ipv6") => return format!("fd00::{:x}", self.random.u16(1..)),
            Some("uri") => return format!("https://example.com/{}", self.word()),
            Some("email") => return format!("{}@example.com", self.word()),
            Some("hostname") => return self.word(),
            _ => {}
        }
        let least = usize_of(&schema["minLength"]).unwrap_or(0);
        let most = usize_of(&schema["maxLength"]).unwrap_or(usize::MAX);
        let mut text = match self.one_in(3) {
            true => ODD[self.random.usize(..ODD.len())].to_owned(),
            false => self.word(),
        };
        while text.chars().count() < least {
            text.push(self.random.lowercase());
        }
        text.chars().take(most).collect()
    }

    /// A few lower-case letters.
    pub(super) fn word(&mut self) -> String {
        (0..self.random.u8(1..5))
            .map(|_| self.random.lowercase())
            .collect()
    }

    /// Writes something that a pattern matches; look-around other than anchors is not heeded.
    fn matching(&mut self, pattern: &Hir, text: &mut String) {
        match pattern.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
            HirKind::Class(class) => text.extend(self.character(class)),
            HirKind::Repetition(repetition) => {
                let most = repetition
                    .max
                    .unwrap_or(u32::MAX)
                    .min(repetition.min.saturating_add(3));
                for _ in 0..self.random.u32(repetition.min..=most) {
                    self.matching(&repetition.sub, text);
                }
            }
            HirKind::Capture(capture) => self.matching(&capture.sub, text),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.matching(part, text)),
            HirKind::Alternation(parts) => {
                let part = &parts[self.random.usize(..parts.len())];
                self.matching(part, text);
            }
        }
    }

    fn character(&mut self, class: &Class) -> Option<char> {
        match class {
            Class::Unicode(class) => {
                let ranges = class.ranges();
                let range = ranges.get(self.random.usize(..ranges.len().max(1)))?;
                Some(self.random.char(range.start()..=range.end()))
            }
            Class::Bytes(class) => {
                let ranges = class.ranges();
                let range = ranges.get(self.random.usize(..ranges.len().max(1)))?;
                Some(char::from(self.random.u8(range.start()..=range.end())))
            }
        }
    }
}

fn usize_of(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}
