//! Schedules of cron jobs.

/// The parts of a schedule: their smallest and largest number, and the names that some have.
const FIELDS: [(u32, u32, &[&str]); 5] = [
    (0, 59, &[]),
    (0, 23, &[]),
    (1, 31, &[]),
    (
        1,
        12,
        &[
            "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ],
    ),
    (0, 6, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

/// What is wrong with a schedule.
///
/// Source: [CronJob: schedule
/// syntax](https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax).
pub(super) fn problem(schedule: &str) -> Option<String> {
    if schedule.contains("TZ") {
        return Some("cannot use TZ or CRON_TZ in schedule, use timeZone field instead".to_owned());
    }
    if let Some(descriptor) = schedule.strip_prefix('@') {
        let known = [
            "yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly",
        ];
        let is_known =
            known.contains(&descriptor) || descriptor.strip_prefix("every ").is_some_and(is_duration);
        return (!is_known).then(|| format!("unrecognized descriptor: {schedule}"));
    }
    let parts: Vec<&str> = schedule.split_whitespace().collect();
    if parts.len() != FIELDS.len() {
        let found = parts.len();
        return Some(format!(
            "expected exactly 5 fields, found {found}: [{}]",
            parts.join(" ")
        ));
    }
    parts.iter().zip(FIELDS).find_map(|(part, (first, last, names))| {
        part.split(',')
            .find_map(|range| range_problem(range, first, last, names))
    })
}

fn range_problem(range: &str, first: u32, last: u32, names: &[&str]) -> Option<String> {
    let number = |text: &str| {
        let lower = text.to_lowercase();
        let named = names.iter().position(|name| *name == lower);
        named
            .and_then(|at| u32::try_from(at).ok())
            .map(|at| first + at)
            .or_else(|| text.parse().ok())
            .ok_or_else(|| {
                format!("failed to parse int from {text}: strconv.Atoi: parsing \"{text}\": invalid syntax")
            })
    };
    let check = || -> Result<(), String> {
        let (bounds, step) = match range.split('/').collect::<Vec<_>>()[..] {
            [bounds] => (bounds, None),
            [bounds, step] => (bounds, Some(step)),
            _ => return Err(format!("too many slashes: {range}")),
        };
        let (start, end) = match bounds.split('-').collect::<Vec<_>>()[..] {
            ["*" | "?"] => (first, last),
            [only] if step.is_some() => (number(only)?, last),
            [only] => (number(only)?, number(only)?),
            [start, end] => (number(start)?, number(end)?),
            _ => return Err(format!("too many hyphens: {range}")),
        };
        if let Some(step) = step
            && number(step)? == 0
        {
            return Err(format!("step of range should be a positive number: {range}"));
        }
        if start < first {
            return Err(format!(
                "beginning of range ({start}) below minimum ({first}): {range}"
            ));
        }
        if end > last {
            return Err(format!("end of range ({end}) above maximum ({last}): {range}"));
        }
        if start > end {
            return Err(format!(
                "beginning of range ({start}) beyond end of range ({end}): {range}"
            ));
        }
        Ok(())
    };
    check().err()
}

/// Whether it is a duration as Go writes it, such as `1h30m`.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit() && character != '.');
        let Some(digits) = digits.filter(|digits| *digits > 0) else {
            return false;
        };
        let after = rest.get(digits..).unwrap_or_default();
        let unit = ["ns", "us", "ms", "s", "m", "h"]
            .into_iter()
            .find_map(|unit| after.strip_prefix(unit));
        let Some(unit) = unit else { return false };
        rest = unit;
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn schedules() {
        for good in [
            "* * * * *",
            "*/5 0-6,22 1 jan-mar mon",
            "0 0 ? * 0/2",
            "@hourly",
            "@every 1h30m",
        ] {
            assert_eq!(problem(good), None, "{good}");
        }
        for (bad, why) in [
            ("x", "expected exactly 5 fields, found 1: [x]"),
            ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
            ("61 * * * *", "end of range (61) above maximum (59): 61"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("@sometimes", "unrecognized descriptor: @sometimes"),
            (
                "TZ=UTC 0 * * * *",
                "cannot use TZ or CRON_TZ in schedule, use timeZone field instead",
            ),
        ] {
            assert_eq!(problem(bad).as_deref(), Some(why), "{bad}");
        }
    }
}
