//! The settings that sqlx fixes on each connection to PostgreSQL, so that a URL and `PGOPTIONS` cannot change them.

/// A setting that sqlx sends itself when it connects. It takes precedence over the startup parameter `options`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fixed {
    TimeZone,
    DateStyle,
    ClientEncoding,
}

impl Fixed {
    /// Returns the setting of that name, in the spelling of the server or of a command line.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match &*name.to_ascii_lowercase().replace('-', "_") {
            "timezone" => Some(Self::TimeZone),
            "datestyle" => Some(Self::DateStyle),
            "client_encoding" => Some(Self::ClientEncoding),
            _ => None,
        }
    }

    /// Whether the value is the one that sqlx sets.
    pub(crate) fn is(self, value: &str) -> bool {
        let value = value.trim().trim_matches('\'').to_ascii_lowercase();
        match self {
            Self::TimeZone => matches!(&*value, "utc" | "etc/utc" | "+00:00" | "0"),
            Self::DateStyle => matches!(&*value, "iso" | "iso, mdy" | "iso,mdy"),
            Self::ClientEncoding => matches!(&*value, "utf8" | "utf-8" | "unicode" | "auto"),
        }
    }

    /// Returns what is wrong with another value, and what to write instead.
    pub(crate) const fn fault(self) -> &'static str {
        match self {
            Self::TimeZone => {
                "sets the time zone, which sqlx then sets to UTC on each connection; leave it out, and write `SET TIME ZONE \
                 ..` in `Builder::after_connect`, or `SET LOCAL TIME ZONE ..` in the transaction (a `timestamptz` is read \
                 and written the same in any zone)"
            }
            Self::DateStyle => {
                "sets DateStyle, which sqlx then sets to `ISO, MDY` on each connection, since it reads dates in that form; \
                 leave it out, and format dates with `to_char`"
            }
            Self::ClientEncoding => {
                "sets client_encoding, which sqlx then sets to UTF8 on each connection, since texts are UTF-8 in Rust; leave \
                 it out"
            }
        }
    }

    #[cfg(any(feature = "postgres", test))]
    /// Returns the setting that `options`, in the form of a command line, tries to change: `-c TimeZone=Europe/Berlin`.
    pub(crate) fn changed_by(options: &str) -> Option<Self> {
        let words = words(options);
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let setting = match (word.strip_prefix("--"), word.strip_prefix("-c")) {
                (Some(setting), _) => Some(setting),
                (None, Some("")) => words.next(),
                (None, setting) => setting,
            };
            if let Some((name, value)) = setting.and_then(|setting| setting.split_once('='))
                && let Some(fixed) = Self::named(name.trim())
                && !fixed.is(value)
            {
                return Some(fixed);
            }
        }
        None
    }
}

#[cfg(any(feature = "postgres", test))]
/// Splits a command line at its blanks, as PostgreSQL does: a backslash takes the next character as it is.
fn words(options: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut characters = options.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                if let (Some(word), Some(next)) = (words.last_mut(), characters.next()) {
                    word.push(next);
                }
            }
            blank if blank.is_whitespace() => words.push(String::new()),
            other => {
                if let Some(word) = words.last_mut() {
                    word.push(other);
                }
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_options_change_is_found_in_each_spelling() {
        for (options, changed) in [
            ("-c TimeZone=Europe/Berlin", Some(Fixed::TimeZone)),
            ("-ctimezone=Asia/Tokyo", Some(Fixed::TimeZone)),
            ("--timezone=Asia/Tokyo", Some(Fixed::TimeZone)),
            (
                "-c lock_timeout=5s -c datestyle=German",
                Some(Fixed::DateStyle),
            ),
            (
                "--client-encoding=latin1 -c search_path=shop",
                Some(Fixed::ClientEncoding),
            ),
            (r"-c DateStyle=SQL,\ DMY", Some(Fixed::DateStyle)),
            (r"-c DateStyle=ISO,\ MDY", None),
            ("-c timezone=utc -c client_encoding=UTF8", None),
            (r"-c application_name=timezone\ -c\ timezone=x", None),
            ("-c", None),
            ("", None),
        ] {
            assert_eq!(Fixed::changed_by(options), changed, "{options}");
        }
    }
}
