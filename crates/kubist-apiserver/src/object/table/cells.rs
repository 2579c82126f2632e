//! Cells of built-in kinds.

mod cluster;
mod networking;
mod pods;
mod row;
mod storage;
mod workloads;

use jiff::Timestamp;
use serde_json::Value;

use crate::kinds::kind::Kind;
use crate::object::meta;
use row::Row;

pub(super) use pods::conditions;

/// The cell of a built-in kind in the column called `column`.
pub(crate) fn builtin(kind: &Kind, column: &str, object: &Value, now: Timestamp) -> Value {
    let row = Row { object, now };
    let own = [
        pods::cell,
        workloads::cell,
        networking::cell,
        storage::cell,
        cluster::cell,
    ]
    .into_iter()
    .find_map(|cell| cell(&kind.plural, column, &row));
    own.unwrap_or_else(|| match column {
        "Name" => meta::name(object).into(),
        "Age" => age(meta::text(object, "creationTimestamp"), now).into(),
        "Created At" => meta::text(object, "creationTimestamp").into(),
        _ => "<unknown>".into(),
    })
}

/// How long ago a time was, as people say it: two units at most, and fewer the longer it is.
pub(crate) fn age(time: &str, now: Timestamp) -> String {
    let Ok(time) = time.parse::<Timestamp>() else {
        return "<unknown>".into();
    };
    let seconds = now.as_second() - time.as_second();
    if seconds < -1 {
        return "<invalid>".into();
    }
    duration(seconds.max(0))
}

/// A time span as people say it.
fn duration(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |first: i64, unit: &str, second: i64, other: &str| {
        if second == 0 {
            format!("{first}{unit}")
        } else {
            format!("{first}{unit}{second}{other}")
        }
    };
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => two(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 192 => two(days, "d", hours % 24, "h"),
        () if hours < 24 * 365 * 2 => format!("{days}d"),
        () if hours < 24 * 365 * 8 => two(days / 365, "y", days % 365, "d"),
        () => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_as_kubectl_tells_them() {
        let now: Timestamp = "2026-01-10T00:00:00Z".parse().expect("a time");
        for (time, want) in [
            ("2026-01-10T00:00:00Z", "0s"),
            ("2026-01-09T23:58:01Z", "119s"),
            ("2026-01-09T23:54:30Z", "5m30s"),
            ("2026-01-09T23:00:00Z", "60m"),
            ("2026-01-09T20:30:00Z", "3h30m"),
            ("2026-01-09T00:00:00Z", "24h"),
            ("2026-01-06T22:00:00Z", "3d2h"),
            ("2025-12-01T00:00:00Z", "40d"),
            ("nonsense", "<unknown>"),
        ] {
            assert_eq!(age(time, now), want, "{time}");
        }
    }
}
