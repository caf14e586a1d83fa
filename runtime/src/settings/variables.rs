//! The environment variables that settings are read from, and the parsing of their values.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::environment::Environment;
use super::pooler::Pooler;
use super::session_attrs::TargetSessionAttrs;
use super::{dotenv, names};
use crate::error::Error;

/// A set of environment variables. A variable with an empty value counts as not set.
#[derive(Default)]
pub(crate) struct Variables {
    values: BTreeMap<String, String>,
    /// The names that were asked for, set or not.
    #[cfg(test)]
    asked: std::cell::RefCell<std::collections::BTreeSet<String>>,
}

impl Variables {
    /// Returns the variables of the process, and those of the nearest `.env` that the process does not have.
    pub(crate) fn of_this_process() -> Result<Self, Error> {
        let mut variables = Self::of_the_system(std::env::vars_os())?;
        for (name, value) in dotenv::read()? {
            variables.values.entry(name).or_insert(value);
        }
        Ok(variables)
    }

    /// Reads variables of the operating system. A known variable that is not UTF-8 is an error; others are ignored.
    fn of_the_system(pairs: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, Error> {
        let mut variables = Self::default();
        for (name, value) in pairs {
            let Ok(name) = name.into_string() else {
                continue;
            };
            match value.into_string() {
                Ok(value) => {
                    variables.values.insert(name, value);
                }
                Err(_) if names::KNOWN.contains(&name.as_str()) => {
                    return Err(Error::config(format!(
                        "{name} is not UTF-8; percent-encode what is not ASCII"
                    )));
                }
                Err(_) => {}
            }
        }
        Ok(variables)
    }

    /// Returns the names that were asked for, set or not.
    #[cfg(test)]
    pub(crate) fn asked(&self) -> std::collections::BTreeSet<String> {
        self.asked.borrow().clone()
    }

    /// Returns the names of all variables, empty ones included.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        #[cfg(test)]
        self.asked.borrow_mut().insert(name.to_owned());
        // Docker's `--env-file` passes on quotes that a shell would have removed.
        let value = self.values.get(name)?.trim();
        let inside = ['"', '\'']
            .iter()
            .find_map(|&quote| value.strip_prefix(quote)?.strip_suffix(quote));
        let value = inside.unwrap_or(value);
        (!value.is_empty()).then_some(value)
    }

    /// Returns a whole number from `least` up.
    pub(crate) fn number(&self, name: &str, least: usize) -> Result<Option<usize>, Error> {
        const MOST: usize = 10_000;
        self.read(
            name,
            || format!("a whole number from {least} to {MOST}, such as `{name}=10`"),
            |value| {
                let number = value.parse().ok()?;
                (least..=MOST).contains(&number).then_some(number)
            },
        )
    }

    /// Returns a port.
    pub(crate) fn port(&self, name: &str) -> Result<Option<u16>, Error> {
        self.read(
            name,
            || format!("a port from 1 to 65535, such as `{name}=5432`"),
            |value| value.parse().ok().filter(|&port| port > 0),
        )
    }

    /// Returns a duration above zero.
    pub(crate) fn duration(&self, name: &str) -> Result<Option<Duration>, Error> {
        self.read(
            name,
            || format!("seconds, or a number with a unit up to 24 h, such as `{name}=30` or `{name}=500ms`"),
            read_duration,
        )
    }

    /// Returns a duration, or `Some(None)` for `never`, which SQLAlchemy writes as `-1`.
    pub(crate) fn duration_or_never(&self, name: &str) -> Result<Option<Option<Duration>>, Error> {
        self.read(
            name,
            || {
                format!(
                    "seconds, a number with a unit up to 24 h, or `never`, such as `{name}=1800` or `{name}=30m`"
                )
            },
            |value| match value {
                "never" | "-1" => Some(None),
                value => read_duration(value).map(Some),
            },
        )
    }

    /// Returns a boolean.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Error> {
        self.read(
            name,
            || format!("`{name}=1` or `{name}=0`"),
            |value| match value.to_ascii_lowercase().as_str() {
                "1" | "true" | "yes" | "on" => Some(true),
                "0" | "false" | "no" | "off" => Some(false),
                _ => None,
            },
        )
    }

    /// Returns a log level.
    pub(crate) fn level(&self, name: &str) -> Result<Option<LevelFilter>, Error> {
        self.read(
            name,
            || "one of `off`, `error`, `warn`, `info`, `debug` and `trace`".to_owned(),
            |value| {
                Some(match value.to_ascii_lowercase().as_str() {
                    "off" => LevelFilter::OFF,
                    "error" | "critical" => LevelFilter::ERROR,
                    "warn" | "warning" => LevelFilter::WARN,
                    "info" => LevelFilter::INFO,
                    "debug" => LevelFilter::DEBUG,
                    "trace" => LevelFilter::TRACE,
                    _ => return None,
                })
            },
        )
    }

    /// Returns the environment that `ENVIRONMENT` names.
    pub(crate) fn environment(&self) -> Result<Option<Environment>, Error> {
        self.read(
            "ENVIRONMENT",
            || Environment::FORM.to_owned(),
            Environment::read,
        )
    }

    /// Returns the pooler that `DB_POOLER` names.
    pub(crate) fn pooler(&self) -> Result<Option<Pooler>, Error> {
        self.read("DB_POOLER", || Pooler::FORM.to_owned(), Pooler::read)
    }

    /// Returns the kind of server that a variable asks for.
    pub(crate) fn target_session_attrs(
        &self,
        name: &str,
    ) -> Result<Option<TargetSessionAttrs>, Error> {
        self.read(
            name,
            || TargetSessionAttrs::FORM.to_owned(),
            TargetSessionAttrs::read,
        )
    }

    /// Returns the parsed value, or `None` if the variable is not set. The error does not quote the value: it may be a
    /// secret in the wrong variable.
    pub(crate) fn read<T>(
        &self,
        name: &str,
        form: impl FnOnce() -> String,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        match read(value) {
            Some(value) => Ok(Some(value)),
            None => Err(Error::config(format!(
                "{name} has a value that cannot be read; write {}",
                form()
            ))),
        }
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter();
        Self {
            values: pairs
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            #[cfg(test)]
            asked: Default::default(),
        }
    }
}

/// Parses `30` (seconds), `250ms`, `5s`, `2m` or `1h`: above zero and at most a day.
fn read_duration(value: &str) -> Option<Duration> {
    let digits = value
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(value.len());
    let number: u64 = value[..digits].parse().ok()?;
    let seconds = |factor: u64| number.checked_mul(factor).map(Duration::from_secs);
    let duration = match value[digits..].trim_start() {
        "ms" => Duration::from_millis(number),
        "" | "s" => seconds(1)?,
        "m" => seconds(60)?,
        "h" => seconds(3600)?,
        _ => return None,
    };
    let day = Duration::from_secs(24 * 60 * 60);
    (!duration.is_zero() && duration <= day).then_some(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_or_have_a_unit() {
        let ms = |value| read_duration(value).map(|duration| duration.as_millis());
        assert_eq!(ms("30"), Some(30_000));
        assert_eq!(ms("250ms"), Some(250));
        assert_eq!(ms("5 s"), Some(5_000));
        assert_eq!(ms("2m"), Some(120_000));
        assert_eq!(ms("24h"), Some(86_400_000));
        for wrong in [
            "",
            "0",
            "-1",
            "s",
            "5d",
            "25h",
            "1.5s",
            "99999999999999999999",
            "18446744073709551615h",
        ] {
            assert_eq!(ms(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn quotes_and_spaces_around_a_value_are_not_part_of_it() {
        let variables = Variables::from_iter([("A", " 'x y' "), ("B", "\"\""), ("C", "it's")]);
        assert_eq!(variables.get("A"), Some("x y"));
        assert_eq!(variables.get("B"), None);
        assert_eq!(variables.get("C"), Some("it's"));
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_utf_8_is_an_error_where_it_matters() {
        use std::os::unix::ffi::OsStringExt;
        let broken = || OsString::from_vec(vec![b'p', 0xff]);
        assert!(Variables::of_the_system([("SOMETHING".into(), broken())]).is_ok());
        let Err(error) = Variables::of_the_system([("DB_PASSWORD".into(), broken())]) else {
            panic!("it was read");
        };
        assert_eq!(
            error.to_string(),
            "DB_PASSWORD is not UTF-8; percent-encode what is not ASCII"
        );
    }
}
