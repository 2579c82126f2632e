//! `/healthz`, `/livez` and `/readyz`: whether the server is well, in all and check by check.

use crate::http::answer::Answer;
use crate::http::request::Request;

const LIVE: [&str; 3] = ["ping", "log", "etcd"];
const READY: [&str; 5] = ["ping", "log", "etcd", "informer-sync", "shutdown"];

/// The checks of each path. A server that answers passes all of them.
const PATHS: [(&str, &[&str]); 3] = [("healthz", &LIVE), ("livez", &LIVE), ("readyz", &READY)];

/// Answers paths of health; others are not for here.
pub(super) fn answer(request: &Request) -> Option<Answer> {
    let path = request.path.strip_prefix('/')?;
    let (name, check) = path
        .split_once('/')
        .map_or((path, None), |(name, check)| (name, Some(check)));
    let (_, checks) = PATHS.iter().find(|(known, _)| *known == name)?;
    match check {
        Some(check) if checks.contains(&check) => Some(Answer::text(200, "ok")),
        Some(_) => None,
        None if request.query.get("verbose").is_none() => Some(Answer::text(200, "ok")),
        None => Some(Answer::text(
            200,
            told(name, checks, &request.query.all("exclude")),
        )),
    }
}

/// All paths that are answered.
pub(super) fn paths() -> impl Iterator<Item = String> {
    PATHS.into_iter().flat_map(|(name, checks)| {
        let each = checks.iter().map(move |check| format!("/{name}/{check}"));
        std::iter::once(format!("/{name}")).chain(each)
    })
}

fn told(name: &str, checks: &[&str], excluded: &[&str]) -> String {
    let mut told = String::new();
    for check in checks {
        let without = if excluded.contains(check) {
            " excluded:"
        } else {
            ""
        };
        told.push_str(&format!("[+]{check}{without} ok\n"));
    }
    let mut unknown: Vec<&str> = excluded
        .iter()
        .copied()
        .filter(|check| !checks.contains(check))
        .collect();
    unknown.sort_unstable();
    unknown.dedup();
    if !unknown.is_empty() {
        let unknown: Vec<String> = unknown.iter().map(|check| format!("{check:?}")).collect();
        told.push_str(&format!(
            "warn: some health checks cannot be excluded: no matches for {}\n",
            unknown.join(", ")
        ));
    }
    told.push_str(&format!("{name} check passed\n"));
    told
}
