//! Parts of times, in a time zone.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use kube_cel::cel::{Context, ExecutionError, FunctionContext, Value};

use super::no_such;

type Result = std::result::Result<Value, ExecutionError>;

pub(super) fn register(context: &mut Context<'_>) {
    for name in [
        "getFullYear",
        "getMonth",
        "getDayOfYear",
        "getDayOfMonth",
        "getDate",
        "getDayOfWeek",
        "getHours",
        "getMinutes",
        "getSeconds",
        "getMilliseconds",
    ] {
        context.add_function(name, move |function: &FunctionContext<'_, '_>| {
            part(name, function)
        });
    }
}

fn part(name: &str, function: &FunctionContext<'_, '_>) -> Result {
    match (&function.this, function.args) {
        (Some(Value::Duration(duration)), []) => {
            let part = match name {
                "getHours" => duration.num_hours(),
                "getMinutes" => duration.num_minutes(),
                "getSeconds" => duration.num_seconds(),
                "getMilliseconds" => duration.num_milliseconds(),
                _ => return Err(no_such(name)),
            };
            Ok(Value::Int(part))
        }
        (Some(Value::Timestamp(time)), arguments) => {
            let nanos = i32::try_from(time.timestamp_subsec_nanos()).unwrap_or(0);
            let time = Timestamp::new(time.timestamp(), nanos).map_err(|_| no_such(name))?;
            let zone = match arguments {
                [] => TimeZone::UTC,
                [zone] => match function.ptx.resolve(zone)? {
                    Value::String(zone) => self::zone(&zone)?,
                    _ => return Err(no_such(name)),
                },
                _ => return Err(no_such(name)),
            };
            let time = time.to_zoned(zone);
            let part = match name {
                "getFullYear" => time.year().into(),
                "getMonth" => i64::from(time.month()) - 1,
                "getDayOfYear" => i64::from(time.day_of_year()) - 1,
                "getDayOfMonth" => i64::from(time.day()) - 1,
                "getDate" => time.day().into(),
                "getDayOfWeek" => time.weekday().to_sunday_zero_offset().into(),
                "getHours" => time.hour().into(),
                "getMinutes" => time.minute().into(),
                "getSeconds" => time.second().into(),
                _ => time.millisecond().into(),
            };
            Ok(Value::Int(part))
        }
        _ => Err(no_such(name)),
    }
}

/// A zone by its name, or by its distance from UTC, such as `-05:30`.
fn zone(name: &Arc<String>) -> std::result::Result<TimeZone, ExecutionError> {
    let unknown = || ExecutionError::function_error("", format!("unknown time zone {name}"));
    let Some((hours, minutes)) = name.split_once(':') else {
        return TimeZone::get(name).map_err(|_| unknown());
    };
    let (sign, hours) = match hours.strip_prefix('-') {
        Some(hours) => (-1, hours),
        None => (1, hours.strip_prefix('+').unwrap_or(hours)),
    };
    let number = |text: &str| text.parse::<i32>().ok().filter(|number| (0..60).contains(number));
    let (Some(hours), Some(minutes)) = (number(hours), number(minutes)) else {
        return Err(unknown());
    };
    let offset = Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).map_err(|_| unknown())?;
    Ok(TimeZone::fixed(offset))
}
