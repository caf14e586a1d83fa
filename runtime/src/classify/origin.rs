//! The error of a database that is classified, and what is in it.

use std::borrow::Cow;

use sqlx::error::DatabaseError;

use super::category::{Verdict, words};
use super::snapshot::Snapshot;
use super::sqlstate;
use super::{Classification, Names};

/// The error of a database, by the database that it is of.
#[derive(Clone, Copy)]
pub(crate) enum Origin<'e> {
    /// Not of a database.
    Nothing,
    #[cfg(feature = "postgres")]
    Postgres(&'e sqlx::postgres::PgDatabaseError),
    #[cfg(feature = "mysql")]
    MySql(&'e sqlx::mysql::MySqlDatabaseError),
    #[cfg(feature = "sqlite")]
    Sqlite(&'e dyn DatabaseError, i32),
    /// A session's copy of its first failure.
    Copy(&'e Snapshot),
    /// Of something else that speaks through sqlx.
    Other(&'e dyn DatabaseError),
}

/// What a session's [copy](Snapshot) keeps of an error beyond what sqlx's trait shows.
#[derive(Debug)]
pub(crate) struct Kept {
    verdict: Verdict,
    constraint: Option<String>,
    table: Option<String>,
    column: Option<String>,
    columns: Option<String>,
    detail: Option<String>,
    hint: Option<String>,
    has_sqlstate: bool,
    quotes_value: bool,
}

impl Kept {
    pub(crate) fn of(error: &dyn DatabaseError) -> Self {
        let found = Classification::of_database(error);
        let (origin, names) = (found.origin, found.origin.names());
        Self {
            verdict: Verdict {
                category: found.category,
                retryable: found.retryable,
                replayed: found.replayed,
                recovery: found.recovery,
            },
            constraint: names.constraint.map(str::to_owned),
            table: names.table.map(str::to_owned),
            column: names.column.map(str::to_owned),
            columns: names.columns.map(str::to_owned),
            detail: origin.detail().map(Cow::into_owned),
            hint: origin.hint().map(str::to_owned),
            has_sqlstate: found.sqlstate.is_some(),
            quotes_value: origin.quotes_value(),
        }
    }

    fn names(&self) -> Names<'_> {
        Names {
            constraint: self.constraint.as_deref(),
            table: self.table.as_deref(),
            column: self.column.as_deref(),
            columns: self.columns.as_deref(),
        }
    }
}

impl<'e> Origin<'e> {
    pub(crate) fn of(error: &'e dyn DatabaseError) -> Self {
        #[cfg(feature = "postgres")]
        if let Some(error) = error.try_downcast_ref() {
            return Self::Postgres(error);
        }
        #[cfg(feature = "mysql")]
        if let Some(error) = error.try_downcast_ref() {
            return Self::MySql(error);
        }
        #[cfg(feature = "sqlite")]
        if error
            .try_downcast_ref::<sqlx::sqlite::SqliteError>()
            .is_some()
        {
            // sqlx 0.9 shows the number only as a text.
            let code = error.code().and_then(|code| code.parse().ok());
            return Self::Sqlite(error, code.unwrap_or_default());
        }
        match error.try_downcast_ref() {
            Some(copy) => Self::Copy(copy),
            None => Self::Other(error),
        }
    }

    /// What it means, and its SQLSTATE.
    pub(crate) fn verdict(&self) -> (Verdict, Option<&'e str>) {
        match *self {
            Self::Nothing => (words::UNKNOWN, None),
            #[cfg(feature = "postgres")]
            Self::Postgres(error) => {
                let code = error.code();
                let is_stale = || Some(error.routine()? == "RevalidateCachedQuery");
                let verdict = sqlstate::besides(code, error.message(), is_stale)
                    .or_else(|| sqlstate::of(code));
                (verdict.unwrap_or(words::UNKNOWN), Some(code))
            }
            #[cfg(feature = "mysql")]
            Self::MySql(error) => {
                let state = error.code();
                (super::mysql::of(error.number(), state), state)
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_, code) => (super::sqlite::of(code).unwrap_or(words::UNKNOWN), None),
            Self::Copy(copy) => (
                copy.kept.verdict,
                copy.code.as_deref().filter(|_| copy.kept.has_sqlstate),
            ),
            Self::Other(error) => match error.code() {
                Some(Cow::Borrowed(code)) => (
                    sqlstate::of(code).unwrap_or(words::UNKNOWN),
                    Some(code).filter(|code| code.len() == 5),
                ),
                Some(Cow::Owned(code)) => (sqlstate::of(&code).unwrap_or(words::UNKNOWN), None),
                None => (words::UNKNOWN, None),
            },
        }
    }

    pub(crate) fn names(&self) -> Names<'e> {
        match *self {
            Self::Nothing => Names::default(),
            #[cfg(feature = "postgres")]
            Self::Postgres(error) => Names {
                constraint: error.constraint(),
                table: error.table(),
                column: error.column(),
                columns: None,
            },
            #[cfg(feature = "mysql")]
            Self::MySql(error) => super::mysql::names::of(error.number(), error.message()),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(error, code) => super::sqlite::names(code, error.message()),
            Self::Copy(copy) => copy.kept.names(),
            Self::Other(error) => Names {
                constraint: error.constraint(),
                table: error.table(),
                ..Names::default()
            },
        }
    }

    pub(crate) fn quotes_value(&self) -> bool {
        match *self {
            Self::Nothing => false,
            // `Key (sku)=(tea) already exists`, `Failing row contains (..)`; and 22P02 quotes in its message.
            #[cfg(feature = "postgres")]
            Self::Postgres(error) => {
                (error.code().starts_with("23") && error.detail().is_some())
                    || message_quotes_value(error.code())
            }
            #[cfg(feature = "mysql")]
            Self::MySql(error) => super::mysql::names::quotes_value(error.number()),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(error, _) => error.message().starts_with(SYNTAX),
            Self::Copy(copy) => copy.kept.quotes_value,
            // Nobody knows.
            Self::Other(_) => true,
        }
    }

    /// What it says, without values. (sqlx adds the number of a line to what PostgreSQL says: one of PostgreSQL's own source.)
    pub(crate) fn text(&self) -> Cow<'e, str> {
        match *self {
            Self::Nothing => Cow::Borrowed(""),
            #[cfg(feature = "postgres")]
            Self::Postgres(error) if message_quotes_value(error.code()) => {
                Cow::Owned(without_quoted(error.message(), None))
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(error) => Cow::Borrowed(error.message()),
            #[cfg(feature = "mysql")]
            Self::MySql(error) if self.quotes_value() => {
                let masked = without_quoted(error.message(), self.names().constraint);
                // Only a number is not quoted.
                let masked = match error.message().contains(QUOTES) {
                    true => masked,
                    false => masked.replace(|c: char| c.is_ascii_digit(), "?"),
                };
                Cow::Owned(error.to_string().replace(error.message(), &masked))
            }
            #[cfg(feature = "mysql")]
            Self::MySql(error) => Cow::Owned(error.to_string()),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(error, _) if self.quotes_value() => {
                Cow::Owned(without_quoted(&error.to_string(), None))
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite(error, _) => Cow::Owned(error.to_string()),
            Self::Copy(copy) => Cow::Borrowed(copy.text()),
            Self::Other(error) => Cow::Owned(error.to_string()),
        }
    }

    /// Without values.
    pub(crate) fn detail(&self) -> Option<Cow<'e, str>> {
        match *self {
            #[cfg(feature = "postgres")]
            Self::Postgres(error) => {
                let detail = error.detail()?;
                match error.code().get(..2)? {
                    // A text that is no number, quoted anywhere.
                    "22" => None,
                    "23" => Some(Cow::Owned(without_values(detail))),
                    _ => Some(Cow::Borrowed(detail)),
                }
            }
            Self::Copy(copy) => copy.kept.detail.as_deref().map(Cow::Borrowed),
            _ => None,
        }
    }

    pub(crate) fn hint(&self) -> Option<&'e str> {
        match *self {
            #[cfg(feature = "postgres")]
            Self::Postgres(error) => error.hint(),
            Self::Copy(copy) => copy.kept.hint.as_deref(),
            _ => None,
        }
    }
}

/// `Key (sku)=(tea) already exists.` and `Failing row contains (1, tea).`, in whatever language: the values stand in
/// parentheses, and may hold some themselves.
#[cfg(any(feature = "postgres", test))]
fn without_values(detail: &str) -> String {
    let begins = match detail.find(")=(") {
        Some(equals) => Some(equals + 2),
        None => detail.find('('),
    };
    match (begins, detail.rfind(')')) {
        (Some(begins), Some(ends)) if begins < ends => {
            format!("{}(?{}", &detail[..begins], &detail[ends..])
        }
        // In a form that is not known, it is not known where the values are either.
        _ => "(not shown, since it may quote a value)".to_owned(),
    }
}

/// How SQLite begins where it quotes a word of the statement.
#[cfg(feature = "sqlite")]
const SYNTAX: &str = "near \"";

/// Whether PostgreSQL quotes a value in the message itself: texts that are none of their type, what a statement could not
/// be read at, and what a function raises.
#[cfg(feature = "postgres")]
fn message_quotes_value(code: &str) -> bool {
    code.starts_with("22") || matches!(code, "42601" | "P0001")
}

/// Those of the languages that PostgreSQL speaks, too.
#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite", test))]
const QUOTES: [char; 14] = [
    '\'', '"', '«', '»', '„', '“', '”', '‘', '’', '‚', '「', '」', '『', '』',
];

/// A text with `?` in place of all that is in quotes, and of what may be, since a value may have quotes in it; but for a
/// name at its end, where there is one.
#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite", test))]
fn without_quoted(text: &str, name: Option<&str>) -> String {
    let (Some(first), Some(last)) = (text.find(QUOTES), text.rfind(QUOTES)) else {
        return text.to_owned();
    };
    let ends_with_name = || {
        let before = text[..last].strip_suffix(name?)?;
        before.rfind(QUOTES)
    };
    let after_value = ends_with_name()
        .and_then(|name| text[..name].rfind(QUOTES))
        .unwrap_or(last)
        .max(first);
    let inside = text.ceil_char_boundary(first + 1);
    format!("{}?{}", &text[..inside], &text[after_value..])
}

#[cfg(test)]
mod tests {
    use super::{without_quoted, without_values};

    #[test]
    fn a_detail_shows_the_columns_and_not_the_values() {
        for (detail, shown) in [
            (
                "Key (sku)=(tea) already exists.",
                "Key (sku)=(?) already exists.",
            ),
            (
                "Key (a, lower(b))=(1, x)=(y)) already exists.",
                "Key (a, lower(b))=(?) already exists.",
            ),
            (
                "Failing row contains (1, tea (green), null).",
                "Failing row contains (?).",
            ),
            (
                "Key (during)=([1,2)) conflicts with existing key (during)=([1,3)).",
                "Key (during)=(?).",
            ),
            (
                "Schl\u{fc}ssel \u{bb}(sku)=(tea)\u{ab} existiert bereits.",
                "Schl\u{fc}ssel \u{bb}(sku)=(?)\u{ab} existiert bereits.",
            ),
            ("tea", "(not shown, since it may quote a value)"),
            (") tea (", "(not shown, since it may quote a value)"),
        ] {
            assert_eq!(without_values(detail), shown);
        }
    }

    #[test]
    fn values_are_masked_with_all_that_may_be_theirs() {
        for (text, name, masked) in [
            (
                "Duplicate entry 'tea' for key 'sku'",
                Some("sku"),
                "Duplicate entry '?' for key 'sku'",
            ),
            (
                "Duplicate entry 'a' for key 'sku' for key 'orders.sku'",
                Some("sku"),
                "Duplicate entry '?' for key 'orders.sku'",
            ),
            (
                "invalid input syntax for type integer: \"a\" and \"b\"",
                None,
                "invalid input syntax for type integer: \"?\"",
            ),
            (
                "ungültige Eingabesyntax für Typ integer: »tea«",
                None,
                "ungültige Eingabesyntax für Typ integer: »?«",
            ),
            ("division by zero", None, "division by zero"),
            ("one ' alone", None, "one '?' alone"),
            ("Duplicate entry '", Some("sku"), "Duplicate entry '?'"),
        ] {
            assert_eq!(without_quoted(text, name), masked);
        }
    }
}
