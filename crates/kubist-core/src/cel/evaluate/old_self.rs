//! `oldSelf` in the text of an expression.

const OLD_SELF: &str = "oldSelf";

/// Whether an expression speaks of the old value.
pub(super) fn is_in(expression: &str) -> bool {
    replaced(expression, "") != expression
}

/// An expression with something else in the place of the old value.
///
/// Names of fields and what stands between quotation marks stay.
pub(super) fn replaced(expression: &str, by: &str) -> String {
    let mut text = String::with_capacity(expression.len());
    let mut rest = expression;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '"' | '\'' => quoted(rest, is_raw(&text)),
            _ if is_of_a_name(next) => {
                let length = rest.find(|next| !is_of_a_name(next)).unwrap_or(rest.len());
                let is_field = text.trim_end().ends_with('.');
                if !is_field && rest.get(..length) == Some(OLD_SELF) {
                    text.push_str(by);
                    rest = rest.get(length..).unwrap_or_default();
                    continue;
                }
                length
            }
            _ => next.len_utf8(),
        };
        let (done, left) = rest.split_at_checked(length).unwrap_or((rest, ""));
        text.push_str(done);
        rest = left;
    }
    text
}

/// The length of a string literal, its quotation marks included.
fn quoted(text: &str, raw: bool) -> usize {
    let mark = text.chars().next().unwrap_or_default();
    let triple = mark.to_string().repeat(3);
    let end = if text.starts_with(&triple) {
        triple
    } else {
        mark.to_string()
    };
    let mut at = end.len();
    while let Some(rest) = text.get(at..) {
        if rest.is_empty() {
            break;
        }
        if rest.starts_with(&end) {
            return at + end.len();
        }
        let escape = usize::from(!raw && rest.starts_with('\\'));
        at += escape;
        at += text
            .get(at..)
            .and_then(|rest| rest.chars().next())
            .map_or(1, char::len_utf8);
    }
    text.len()
}

/// Whether the literal that follows is raw: `r` or `rb` is all of the word before it.
fn is_raw(before: &str) -> bool {
    let word = before
        .rsplit(|character| !is_of_a_name(character))
        .next()
        .unwrap_or_default();
    matches!(word.to_ascii_lowercase().as_str(), "r" | "rb" | "br")
}

fn is_of_a_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::{is_in, replaced};

    #[test]
    fn names_are_told_from_text() {
        for (expression, expected) in [
            ("self == oldSelf", "self == X"),
            ("oldSelf.a>oldSelf . b", "X.a>X . b"),
            ("self.oldSelf || self. oldSelf", "self.oldSelf || self. oldSelf"),
            (
                "myoldSelf + oldSelf2 + _oldSelf",
                "myoldSelf + oldSelf2 + _oldSelf",
            ),
            ("'oldSelf' + \"oldSelf\" + oldSelf", "'oldSelf' + \"oldSelf\" + X"),
            (r"'it\'s oldSelf' + oldSelf", r"'it\'s oldSelf' + X"),
            (r"r'\' + oldSelf + r'oldSelf'", r"r'\' + X + r'oldSelf'"),
            ("'''a'oldSelf''' + oldSelf", "'''a'oldSelf''' + X"),
            ("'\u{e9}\u{1f980}' + oldSelf", "'\u{e9}\u{1f980}' + X"),
            ("'unfinished oldSelf", "'unfinished oldSelf"),
            ("'unfinished\\", "'unfinished\\"),
        ] {
            assert_eq!(replaced(expression, "X"), expected);
            assert_eq!(is_in(expression), expression != expected);
        }
    }
}
