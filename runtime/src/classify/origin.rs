//! Reads a database's error: its verdict, its names, and its texts without the values of the statement.

use std::borrow::Cow;

use sqlx::error::DatabaseError;
#[cfg(feature = "postgres")]
use sqlx::postgres::{PgErrorPosition, PgSeverity};

use super::category::{Advice, words};
use super::near::Near;
use super::snapshot::Snapshot;
use super::sqlstate;
use super::{Classification, Names};

/// A database's error, by database.
#[derive(Clone, Copy)]
pub(crate) enum Origin<'e> {
    /// No database reported the error.
    Nothing,
    #[cfg(feature = "postgres")]
    Postgres(&'e sqlx::postgres::PgDatabaseError),
    #[cfg(feature = "mysql")]
    MySql(&'e sqlx::mysql::MySqlDatabaseError),
    #[cfg(feature = "sqlite")]
    Sqlite(&'e dyn DatabaseError, i32),
    /// A session's copy of its first failure.
    Copy(&'e Snapshot),
    /// An unknown implementation of sqlx's trait.
    Other(&'e dyn DatabaseError),
}

/// The part of an error that sqlx's trait does not show, for a [`Snapshot`].
#[derive(Debug)]
pub(crate) struct Kept {
    verdict: Advice,
    constraint: Option<String>,
    table: Option<String>,
    column: Option<String>,
    columns: Option<String>,
    detail: Option<String>,
    hint: Option<String>,
    has_sqlstate: bool,
    number: Option<u16>,
    quotes_value: bool,
    near: Option<Near>,
    refuses_write: bool,
}

impl Kept {
    pub(crate) fn of(error: &dyn DatabaseError) -> Self {
        let found = Classification::of_database(error);
        let (origin, names) = (found.origin, found.origin.names());
        Self {
            verdict: Advice {
                category: found.category,
                retryable: found.retryable,
                recovery: found.recovery,
                fate: found.fate,
            },
            constraint: names.constraint.map(str::to_owned),
            table: names.table.map(str::to_owned),
            column: names.column.map(str::to_owned),
            columns: names.columns.map(str::to_owned),
            detail: origin.detail().map(Cow::into_owned),
            hint: origin.hint().map(str::to_owned),
            has_sqlstate: found.sqlstate.is_some(),
            number: origin.number(),
            quotes_value: origin.quotes_value(),
            near: origin.near(),
            refuses_write: origin.refuses_write(),
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

    /// Returns the verdict, and the SQLSTATE if there is one.
    pub(crate) fn verdict(&self) -> (Advice, Option<&'e str>) {
        match *self {
            Self::Nothing => (words::UNKNOWN, None),
            #[cfg(feature = "postgres")]
            Self::Postgres(error) => {
                let code = error.code();
                let verdict = sqlstate::besides(code, error.message(), error.routine())
                    .or_else(|| sqlstate::of(code))
                    .unwrap_or(words::UNKNOWN);
                // The server ends the session after a fatal error, whatever its code.
                let is_fatal = matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic);
                let verdict = match is_fatal {
                    true => verdict.lost(),
                    false => verdict,
                };
                (verdict, Some(code))
            }
            #[cfg(feature = "mysql")]
            Self::MySql(error) => {
                let (number, state) = (error.number(), error.code());
                let verdict = super::mysql::besides(number, error.message())
                    .unwrap_or_else(|| super::mysql::of(number, state));
                (verdict, state)
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

    /// Returns MySQL's number.
    pub(crate) fn number(&self) -> Option<u16> {
        match *self {
            #[cfg(feature = "mysql")]
            Self::MySql(error) => Some(error.number()),
            Self::Copy(copy) => copy.kept.number,
            _ => None,
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

    /// Whether the database refused a statement because it would have written: the transaction is read-only, or the
    /// server or the file is.
    pub(crate) fn refuses_write(&self) -> bool {
        match *self {
            #[cfg(feature = "postgres")]
            Self::Postgres(error) => error.code() == "25006",
            #[cfg(feature = "mysql")]
            Self::MySql(error) => {
                let number = error.number();
                matches!(number, 1792 | 1836)
                    || super::mysql::besides(number, error.message()).is_some()
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_, code) => code & 0xff == 8 && code != super::sqlite::FILE_WAS_REPLACED,
            Self::Copy(copy) => copy.kept.refuses_write,
            Self::Nothing | Self::Other(_) => false,
        }
    }

    /// Whether the database runs the statement outside a transaction only, such as `VACUUM`.
    pub(crate) fn runs_outside_only(&self) -> bool {
        match *self {
            #[cfg(feature = "postgres")]
            Self::Postgres(error) => error.code() == "25001",
            #[cfg(feature = "sqlite")]
            Self::Sqlite(error, _) => {
                let message = error.message();
                message.ends_with("from within a transaction")
                    || message.ends_with("inside a transaction")
            }
            _ => false,
        }
    }

    /// Whether the message or the detail may quote a value of the statement.
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
            Self::Sqlite(error, _) => {
                let message = error.message();
                QUOTING.iter().any(|begin| message.starts_with(begin))
                    || message.contains(NO_COLUMN)
            }
            Self::Copy(copy) => copy.kept.quotes_value,
            // Unknown, so it is assumed.
            Self::Other(_) => true,
        }
    }

    /// Returns the message without values, and with the word at which the server stopped reading if it can be no value of
    /// `statement`, which has its literals masked.
    pub(crate) fn text_in(&self, statement: Option<&str>) -> Cow<'e, str> {
        let masked = self.text();
        match (self.near(), statement) {
            (Some(near), Some(statement)) => {
                near.shown_in(&masked, statement).map_or(masked, Cow::Owned)
            }
            _ => masked,
        }
    }

    /// Returns the word of a syntax error, if it is no literal.
    fn near(&self) -> Option<Near> {
        match *self {
            // A position of another kind is in a text that the statement executed.
            #[cfg(feature = "postgres")]
            Self::Postgres(error) if error.code() == "42601" => match error.position()? {
                PgErrorPosition::Original(_) => Near::token(error.message()),
                PgErrorPosition::Internal { .. } => None,
            },
            #[cfg(feature = "mysql")]
            Self::MySql(error) if error.number() == super::mysql::names::SYNTAX => {
                Near::rest(error.message())
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite(error, _) if error.message().starts_with(SYNTAX) => {
                Near::token(error.message())
            }
            Self::Copy(copy) => copy.kept.near.clone(),
            _ => None,
        }
    }

    /// Returns the message without values. sqlx's `Display` adds a line number of PostgreSQL's own source, so
    /// `message()` is used there.
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
                // Numbers are the only values that MySQL does not quote.
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

    /// Returns the detail text without values.
    pub(crate) fn detail(&self) -> Option<Cow<'e, str>> {
        match *self {
            #[cfg(feature = "postgres")]
            Self::Postgres(error) => {
                let detail = error.detail()?;
                match error.code().get(..2)? {
                    // Quotes the invalid value in an unknown position.
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

/// Masks the values of `Key (sku)=(tea) already exists.` and `Failing row contains (1, tea).`, in any language. The
/// values stand in parentheses, and may contain parentheses themselves.
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
        // The form is unknown, and so is the position of the values.
        _ => "(not shown, since it may quote a value)".to_owned(),
    }
}

/// The start of SQLite's message for a syntax error, which quotes a word of the statement.
#[cfg(feature = "sqlite")]
const SYNTAX: &str = "near \"";

/// The starts of SQLite's messages that quote a piece of the statement. That of a token which is none quotes a literal that is
/// not closed.
#[cfg(feature = "sqlite")]
const QUOTING: [&str; 2] = [SYNTAX, "unrecognized token: \""];

/// A part of SQLite's message for a text in double quotes that is no column.
#[cfg(feature = "sqlite")]
const NO_COLUMN: &str = "should this be a string literal in single-quotes?";

/// Whether PostgreSQL may quote a value in the message itself: an invalid text, the position of a syntax error, and the
/// message of `RAISE` in a function.
#[cfg(feature = "postgres")]
fn message_quotes_value(code: &str) -> bool {
    code.starts_with("22") || matches!(code, "42601" | "P0001")
}

/// Quotation marks, including those of PostgreSQL's translations.
pub(super) const QUOTES: [char; 14] = [
    '\'', '"', '«', '»', '„', '“', '”', '‘', '’', '‚', '「', '」', '『', '』',
];

/// Replaces everything from the first quotation mark to the last with `?`, since a value may itself contain quotes. A
/// quoted `name` at the end of the text is kept.
#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite", test))]
pub(super) fn without_quoted(text: &str, name: Option<&str>) -> String {
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
