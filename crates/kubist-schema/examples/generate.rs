//! Writes `data/*.tsv` from the facts about a Kubernetes release.
//!
//! ```text
//! cargo run -p kubist-schema --example generate -- <directory with schema-*.json and resources-*.json>
//! ```

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = env::args().nth(1).ok_or("usage: generate <directory>")?;
    let dir = Path::new(&dir);
    let out = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let schema: Value = serde_json::from_slice(&fs::read(find(dir, "schema-")?)?)?;
    let resources: Value = serde_json::from_slice(&fs::read(find(dir, "resources-")?)?)?;

    fs::write(out.join("messages.tsv"), messages(&schema)?)?;
    fs::write(out.join("kinds.tsv"), kinds(&schema)?)?;
    fs::write(out.join("resources.tsv"), self::resources(&resources)?)?;
    Ok(())
}

/// The one file in `dir` whose name starts with `prefix`.
fn find(dir: &Path, prefix: &str) -> Result<std::path::PathBuf, Box<dyn Error>> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            return Ok(entry.path());
        }
    }
    Err(format!("no {prefix}*.json in {}", dir.display()).into())
}

/// One `M` line for each message, sorted by name, each followed by one line for each field.
fn messages(schema: &Value) -> Result<String, Box<dyn Error>> {
    let mut out = String::new();
    let all = schema["messages"].as_object().ok_or("no messages")?;
    let mut names: Vec<&String> = all.keys().collect();
    names.sort();
    for name in names {
        let message = &all[name];
        write!(out, "M\t{name}")?;
        if message["x-kubernetes-map-type"] == "atomic" {
            out.push_str("\tatomic");
        }
        if message.get("special").is_some() {
            out.push_str("\tspecial");
        }
        if let Some(required) = message["required"].as_array() {
            write!(out, "\trequired={}", join(required, ","))?;
        }
        out.push('\n');
        for field in message["fields"].as_array().into_iter().flatten() {
            out.push_str(&self::field(name, field)?);
            out.push('\n');
        }
    }
    Ok(out)
}

/// `number, JSON name, protobuf name, type`, then attributes, all separated by tabs.
fn field(message: &str, field: &Value) -> Result<String, Box<dyn Error>> {
    let text = |key: &str| field[key].as_str().unwrap_or("");
    let (json, proto) = (text("json"), text("proto"));
    let (proto, extra) = proto.split_once('|').unwrap_or((proto, ""));
    let package = message.rsplit_once('.').map_or("", |(package, _)| package);
    let ty = text("type");
    // A type of the same package goes by its own name; a dot in front tells.
    let ty = match ty.strip_prefix(package) {
        Some(rest) if rest.starts_with('.') && !rest[1..].contains('.') => rest,
        _ => ty,
    };
    let mut out = format!(
        "{}\t{json}\t{}\t{ty}",
        field["num"].as_u64().unwrap_or(0),
        if proto == json { "=" } else { proto }
    );
    for (key, short) in [
        ("pointer", "p"),
        ("omitempty", "o"),
        ("omitzero", "z"),
        ("inline", "i"),
        ("repeated", "r"),
        ("map", "m"),
    ] {
        if field[key] == true {
            write!(out, "\t{short}")?;
        }
    }
    if !extra.is_empty() {
        out.push_str("\twrapped");
    }
    for (key, short) in [
        ("list-type", "list"),
        ("map-type", "map"),
        ("patchMergeKey", "key"),
        ("patchStrategy", "strategy"),
        ("format", "format"),
    ] {
        if let Some(value) = field[key].as_str() {
            write!(out, "\t{short}={value}")?;
        }
    }
    for (key, short, separator) in [
        ("list-map-keys", "keys", ","),
        ("enum", "enum", "|"),
        ("items.enum", "items", "|"),
    ] {
        if let Some(values) = field[key].as_array() {
            write!(out, "\t{short}={}", join(values, separator))?;
        }
    }
    if let Some(default) = field.get("default") {
        write!(out, "\tdefault={default}")?;
    }
    Ok(out)
}

/// `group, version, kind, message`, sorted.
fn kinds(schema: &Value) -> Result<String, Box<dyn Error>> {
    let mut lines: Vec<String> = schema["kinds"]
        .as_array()
        .ok_or("no kinds")?
        .iter()
        .map(|kind| {
            ["group", "version", "kind", "message"]
                .map(|key| kind[key].as_str().unwrap_or(""))
                .join("\t")
        })
        .collect();
    lines.sort_by(|a, b| a.split('\t').cmp(b.split('\t')));
    Ok(lines.join("\n") + "\n")
}

/// An `R` line for each resource, in the order of the server's discovery, then `S` lines
/// for its subresources and `C` lines for its columns.
fn resources(resources: &Value) -> Result<String, Box<dyn Error>> {
    let mut out = String::new();
    for resource in resources.as_array().ok_or("no resources")? {
        let text = |key: &str| resource[key].as_str().unwrap_or("");
        let list = |key: &str| resource[key].as_array().map(|v| join(v, ",")).unwrap_or_default();
        writeln!(
            out,
            "R\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
            text("group"),
            text("version"),
            text("resource"),
            text("kind"),
            text("singular"),
            if resource["namespaced"] == true {
                "namespaced"
            } else {
                "cluster"
            },
            list("verbs"),
            list("shortNames"),
            list("categories"),
            list("fieldSelectors"),
        )?;
        for sub in resource["subresources"].as_array().into_iter().flatten() {
            let verbs = sub["verbs"].as_array().map(|v| join(v, ",")).unwrap_or_default();
            let kind = sub["kind"].as_str().unwrap_or("");
            let kind: Vec<&str> = kind.split('/').collect();
            writeln!(
                out,
                "S\t{}\t{}\t{verbs}",
                sub["name"].as_str().unwrap_or(""),
                kind.join("\t")
            )?;
        }
        for column in resource["columns"].as_array().into_iter().flatten() {
            let text = |key: &str| column[key].as_str().unwrap_or("").replace(['\t', '\n'], " ");
            writeln!(
                out,
                "C\t{}\t{}\t{}\t{}\t{}",
                text("name"),
                text("type"),
                text("format"),
                column["priority"].as_i64().unwrap_or(0),
                text("description"),
            )?;
        }
    }
    Ok(out)
}

fn join(values: &[Value], separator: &str) -> String {
    values
        .iter()
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join(separator)
}
