//! Ports, by number and by name.

use serde_json::Value;

/// What is wrong with a number that is no port.
pub(crate) const PORT: &str = "must be between 1 and 65535, inclusive";

/// What is wrong with the number or the name of a container's port.
pub(crate) fn target_problems(target: &Value) -> Vec<&'static str> {
    match target {
        Value::Number(number) => {
            let is_port = number
                .as_i64()
                .is_some_and(|number| (1..=65_535).contains(&number));
            if is_port { Vec::new() } else { vec![PORT] }
        }
        Value::String(name) => name_problems(name),
        _ => Vec::new(),
    }
}

/// What is wrong with the name of a container's port (RFC 6335, 5.1).
pub(crate) fn name_problems(name: &str) -> Vec<&'static str> {
    let mut problems = Vec::new();
    if name.len() > 15 {
        problems.push("must be no more than 15 characters");
    }
    if !name
        .chars()
        .all(|character| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-')
    {
        problems.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    }
    if !name.chars().any(|character| character.is_ascii_lowercase()) {
        problems.push("must contain at least one letter (a-z)");
    }
    if name.contains("--") {
        problems.push("must not contain consecutive hyphens");
    }
    if name.starts_with('-') || name.ends_with('-') {
        problems.push("must not begin or end with a hyphen");
    }
    problems
}
