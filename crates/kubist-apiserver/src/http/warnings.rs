//! Warnings for the client, as `k8s.io/apiserver/pkg/endpoints/filters` sends them.

use std::collections::HashSet;

use http::HeaderValue;
use parking_lot::Mutex;

/// How many characters all warnings of an answer may have before they are cut.
const TOTAL: usize = 4 * 1024;
/// What is left of each one then.
const ITEM: usize = 256;

/// Warnings that come up while a request is answered, each of them once.
#[derive(Debug, Default)]
pub(crate) struct Warnings(Mutex<Recorder>);

impl Warnings {
    pub(crate) fn add(&self, warning: String) {
        self.0.lock().add(warning);
    }

    pub(crate) fn extend(&self, warnings: impl IntoIterator<Item = String>) {
        let mut recorder = self.0.lock();
        for warning in warnings {
            recorder.add(warning);
        }
    }

    /// The values of the `Warning` headers.
    pub(crate) fn take(&self) -> Vec<HeaderValue> {
        std::mem::take(&mut *self.0.lock()).headers
    }
}

#[derive(Debug, Default)]
struct Recorder {
    known: HashSet<String>,
    ordered: Vec<String>,
    headers: Vec<HeaderValue>,
    /// How many characters are in the headers.
    written: usize,
    cuts: bool,
}

impl Recorder {
    fn add(&mut self, warning: String) {
        if self.cuts && self.written >= TOTAL
            || warning.is_empty()
            || warning.contains(char::is_control)
            || self.known.contains(&warning)
        {
            return;
        }
        self.known.insert(warning.clone());
        if !self.cuts && self.written + warning.chars().count() > TOTAL {
            self.cuts = true;
            self.written = 0;
            self.headers.clear();
            for earlier in std::mem::take(&mut self.ordered) {
                self.write(&earlier);
            }
        }
        self.write(&warning);
        if !self.cuts {
            self.ordered.push(warning);
        }
    }

    fn write(&mut self, warning: &str) {
        let most = if self.cuts { ITEM } else { usize::MAX };
        let mut quoted = String::from("299 - \"");
        for character in warning.chars().take(most) {
            if matches!(character, '"' | '\\') {
                quoted.push('\\');
            }
            quoted.push(character);
            self.written += 1;
        }
        quoted.push('"');
        if let Ok(value) = HeaderValue::from_bytes(quoted.as_bytes()) {
            self.headers.push(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(warnings: impl IntoIterator<Item = String>) -> Vec<String> {
        let recorder = Warnings::default();
        recorder.extend(warnings);
        let headers = recorder.take().into_iter();
        headers
            .map(|header| String::from_utf8(header.as_bytes().to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn what_fits_is_whole() {
        let long = "x".repeat(TOTAL);
        assert_eq!(told([long.clone()]), [format!("299 - \"{long}\"")]);
        let odd = ["", "a\nb", "q\"\\", "q\"\\"].map(str::to_owned);
        assert_eq!(told(odd), ["299 - \"q\\\"\\\\\""]);
    }

    #[test]
    fn what_does_not_fit_is_cut_between_characters() {
        let long = |start: char| format!("{start}{}", "é".repeat(2500));
        let short = |start: char| format!("299 - \"{start}{}\"", "é".repeat(ITEM - 1));
        assert_eq!(told(['a', 'b'].map(long)), ['a', 'b'].map(short));
        let many = told((0..100).map(|n| format!("{n:03}{}", "x".repeat(200))));
        assert_eq!(many.len(), 21);
    }
}
