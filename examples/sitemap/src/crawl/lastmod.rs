//! `<lastmod>`: a date, or a date and time, in the W3C profile of ISO 8601.
//!
//! <https://www.w3.org/TR/NOTE-datetime>

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, Utc};

/// Reads a W3C date; one without a time is the beginning of that day, month or year in UTC.
pub(super) fn parse(text: &str) -> Option<DateTime<Utc>> {
    if !is_plain(text) {
        return None;
    }
    match text.len() {
        4 => midnight(&format!("{text}-01-01")),
        7 => midnight(&format!("{text}-01")),
        10 => midnight(text),
        _ => instant(text),
    }
}

/// chrono is more patient than the profile: it takes signs, blanks and lower case.
fn is_plain(text: &str) -> bool {
    let begins_with_a_year = text.bytes().take(4).filter(u8::is_ascii_digit).count() == 4;
    begins_with_a_year
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || b"-+:.TZ".contains(&b))
}

fn midnight(date: &str) -> Option<DateTime<Utc>> {
    let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc())
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    // RFC 3339 asks for seconds; the W3C profile does not.
    let (time, zone) = match text.strip_suffix('Z') {
        Some(time) => (time, "+00:00"),
        None => text.split_at_checked(text.len().checked_sub(6)?)?,
    };
    let zone: FixedOffset = zone.parse().ok().filter(|_| zone.as_bytes()[3] == b':')?;
    let time = NaiveDateTime::parse_from_str(time, "%Y-%m-%dT%H:%M").ok()?;
    Some(time.and_local_timezone(zone).single()?.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_profile_is_read() {
        for (text, expected) in [
            ("2024", "2024-01-01T00:00:00Z"),
            ("2024-05", "2024-05-01T00:00:00Z"),
            ("2024-05-31", "2024-05-31T00:00:00Z"),
            ("2024-05-31T10:20Z", "2024-05-31T10:20:00Z"),
            ("2024-05-31T10:20+02:00", "2024-05-31T08:20:00Z"),
            ("2024-05-31T10:20:30-05:30", "2024-05-31T15:50:30Z"),
            ("2024-05-31T10:20:30.45+01:00", "2024-05-31T09:20:30.45Z"),
        ] {
            let expected = DateTime::parse_from_rfc3339(expected).unwrap();
            assert_eq!(parse(text), Some(expected.to_utc()), "{text}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        for text in [
            "",
            "yesterday",
            "24-05-31",
            "2024-13-01",
            "2024-02-30",
            "2024-5-1",
            "+2024-05",
            "2024-05-31 10:20:30",
            "2024-05-31T10:20:30",
            "2024-05-31T10:20:30+0200",
            "2024-05-31T25:00Z",
            "2024-05-31T10:20",
            "31.05.2024",
            "2024-05-31T10:20+0200x",
            "äöü€",
            "2024€",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
