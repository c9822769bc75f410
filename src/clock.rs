//! Instants and spans: stored in UTC, shown in the reader's own time zone.

use crate::error::{Error, Result};
use jiff::{Timestamp, tz::TimeZone};
use std::sync::OnceLock;
use std::time::Duration;

/// Returns the present instant, to the second: no format of ours keeps more.
pub fn now() -> Timestamp {
    whole_seconds(Timestamp::now())
}

/// Returns an instant as a name by which what happened sorts: `20261123-075112-7c3e`, in UTC, the last four digits being the
/// fraction of the second in 65536ths.
pub fn name(at: Timestamp) -> String {
    let fraction = (i64::from(at.subsec_nanosecond()) << 16) / 1_000_000_000;
    format!("{}-{fraction:04x}", at.strftime("%Y%m%d-%H%M%S"))
}

/// Returns the present instant as a name by which files sort by age, to the millisecond.
pub fn name_of_now() -> String {
    let now = Timestamp::now();
    format!("{}{:03}", now.strftime("%Y%m%dT%H%M%S"), now.subsec_millisecond())
}

/// Cuts off the fraction of the second.
pub fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// Returns an instant in the reader's time zone, as `2026-11-23 09:05 +01:00`.
pub fn local(at: Timestamp) -> String {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    at.to_zoned(ZONE.get_or_init(zone).clone()).strftime("%Y-%m-%d %H:%M %:z").to_string()
}

/// Reads the zone from the file that says it (tzfile(5)). To learn its name as well, which nobody is shown, the whole database of
/// zones would be searched, and that takes longer than many a command.
fn zone() -> TimeZone {
    let file = || std::fs::read("/etc/localtime").ok();
    let named = std::env::var_os("TZ").is_some();
    let zone = (!named).then(file).flatten().and_then(|bytes| TimeZone::tzif("Local", &bytes).ok());
    zone.unwrap_or_else(TimeZone::system)
}

/// Returns how long ago `at` was, in the largest unit that fits.
pub fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - at.as_second();
    let (amount, unit) = match seconds {
        i64::MIN..60 => return "just now".into(),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if amount == 1 { "" } else { "s" };
    format!("{amount} {unit}{plural} ago")
}

/// Returns `at` moved by whole days of 24 hours; at the end of time it stays there.
pub fn plus_days(at: Timestamp, days: u32) -> Timestamp {
    at.checked_add(jiff::SignedDuration::from_hours(i64::from(days) * 24)).unwrap_or(Timestamp::MAX)
}

/// Reads a span such as `90s`, `10m`, `2h`, `8d` or `2w`; 0 needs no unit.
///
/// Returns a usage error for anything else: whoever wrote a number alone may have meant hours, or days.
pub fn parse_span(text: &str) -> Result<Duration> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_seconds = match &text[digits.len()..] {
        "s" => 1,
        "" if digits == "0" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(bad_span(text)),
    };
    let amount: u64 = digits.parse().map_err(|_| bad_span(text))?;
    let seconds = amount.checked_mul(unit_seconds).ok_or_else(|| bad_span(text))?;
    Ok(Duration::from_secs(seconds))
}

/// Reads a span and gives whole days, rounded up.
pub fn parse_days(text: &str) -> Result<u32> {
    let seconds = parse_span(text)?.as_secs();
    u32::try_from(seconds.div_ceil(86_400)).map_err(|_| bad_span(text))
}

fn bad_span(text: &str) -> Error {
    let why = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) { " has no unit" } else { "" };
    Error::usage(format!("not a span of time: {text:?}{why}")).hint("write it as 90s, 10m, 2h, 8d or 2w")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        assert_eq!(parse_span("2s").unwrap().as_secs(), 2);
        assert_eq!(parse_span("10m").unwrap().as_secs(), 600);
        assert_eq!(parse_span("8d").unwrap().as_secs(), 8 * 86_400);
        assert_eq!(parse_days("365d").unwrap(), 365);
        assert_eq!(parse_days("25h").unwrap(), 2);
        assert_eq!(parse_span("0").unwrap().as_secs(), 0);
        for bad in ["26", "00", "", "d", "-1d", "1y", "1.5h", "99999999999999999999d", "18446744073709551615w"] {
            assert!(parse_span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_zone_is_the_one_the_system_has() {
        for seconds in [0, 1_700_000_000, 1_720_000_000, 4_000_000_000] {
            let at = Timestamp::from_second(seconds).unwrap();
            let whole = at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M %:z").to_string();
            assert_eq!(local(at), whole);
        }
    }

    #[test]
    fn ages() {
        let then = Timestamp::from_second(1_000_000).unwrap();
        let after = |s: i64| Timestamp::from_second(1_000_000 + s).unwrap();
        assert_eq!(age(then, after(-5)), "just now");
        assert_eq!(age(then, after(59)), "just now");
        assert_eq!(age(then, after(60)), "1 minute ago");
        assert_eq!(age(then, after(7_200)), "2 hours ago");
        assert_eq!(age(then, after(86_400 * 3)), "3 days ago");
    }
}
