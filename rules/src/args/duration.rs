//! Durations as they are written in an attribute: `"250ms"`, `"5s"`, `"2m"`, `"1h"`.

use std::time::Duration;

/// The longest duration that is not a mistake in the unit.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Parses a duration; the error is the message.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = text.strip_prefix(digits).unwrap_or_default();
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(unreadable(text)),
    };
    let count: u64 = digits.parse().map_err(|_| unreadable(text))?;
    let duration = count
        .checked_mul(millis)
        .map(Duration::from_millis)
        .filter(|duration| *duration <= LONGEST)
        .ok_or_else(|| {
            format!("`{text}` is longer than a day; check its unit, `ms`, `s`, `m` or `h`")
        })?;
    if duration.is_zero() {
        return Err(format!(
            "`{text}` is no time at all; write how long it may take, as in \"5s\""
        ));
    }
    Ok(duration)
}

fn unreadable(text: &str) -> String {
    format!(
        "`{text}` is not a duration; write a whole number and `ms`, `s`, `m` or `h`, as in \"250ms\" or \"5s\""
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_units() {
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(parse("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(parse("24h"), Ok(LONGEST));
    }

    #[test]
    fn anything_else_is_refused_with_a_reason() {
        for text in [
            "",
            "5",
            "s",
            "5 s",
            "-5s",
            "1.5s",
            "5S",
            "5 parsecs",
            "5s5s",
            "٣s",
        ] {
            assert!(
                parse(text).is_err_and(|e| e.contains("is not a duration")),
                "{text}"
            );
        }
        assert!(parse("0ms").is_err_and(|e| e.contains("no time at all")));
        assert!(parse("25h").is_err_and(|e| e.contains("longer than a day")));
        assert!(parse("99999999999999999999h").is_err());
        assert!(parse("18446744073709551615h").is_err_and(|e| e.contains("longer than a day")));
    }
}
