//! Checks the text of a statement before it is sent.
//!
//! The guard covers SQL that is built at run time, which the compile-time rules cannot see. It refuses statements
//! that would end, nest, escape or outlive the transaction, under the codes of the corresponding compile-time rules.
//! What those are says [`refusals`], which the rules ask too.

use demarcate_sql::{
    Breach, Dialect, Effect, Kind, Leak, find_kind, is_plain, is_single, refusals, statements,
};

use crate::error::Error;
use crate::scope::place::ErrorContext;

/// The reason for which a statement is not sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The code of the rule.
    pub(crate) rule: &'static str,
    /// The first words of the statement, without any value.
    pub(crate) statement: String,
    /// Why it is refused, and what to write instead.
    pub(crate) reason: &'static str,
}

impl Refusal {
    pub(crate) fn to_error(&self, place: ErrorContext) -> Error {
        Error::Forbidden {
            place,
            rule: self.rule,
            statement: self.statement.clone(),
            reason: self.reason,
        }
    }
}

/// The effects of a text that may be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Passed {
    /// Whether it runs code that the text does not show and that may commit: CALL, and statements prepared on the
    /// server. Only MySQL allows such code to commit inside a transaction.
    pub(crate) is_opaque: bool,
    /// Whether it leaves state on the server's session, which a lifted rule permits.
    pub(crate) leaves_state: bool,
    /// Whether it changes the schema, or may, since it runs code that the text does not show. What is cached of earlier
    /// statements may no longer fit. On SQLite `ANALYZE`, `REINDEX`, `VACUUM`, `ATTACH`, a `PRAGMA` that changes the
    /// connection and writes to `sqlite_schema` count as well.
    pub(crate) changes_schema: bool,
    /// Whether it is exactly one statement. Comments, and semicolons at its end, do not count; an empty text is none.
    pub(crate) is_single: bool,
}

impl Passed {
    /// Whether it is one statement, and nothing else is known of it.
    pub(crate) fn is_plain(self) -> bool {
        self == Self::PLAIN
    }

    /// One `SELECT`, `INSERT`, `UPDATE` or `DELETE` and nothing else.
    const PLAIN: Self = Self {
        is_opaque: false,
        leaves_state: false,
        changes_schema: false,
        is_single: true,
    };
}

/// The rules that `allow(..)` has lifted for a body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allowed(Vec<&'static str>);

impl Allowed {
    pub(crate) fn insert(&mut self, rule: &'static str) {
        if !self.contains(rule) {
            self.0.push(rule);
        }
    }

    fn contains(&self, rule: &str) -> bool {
        self.0.contains(&rule)
    }
}

/// Checks a text that is about to be sent. A plain text, the usual case, is scanned once.
pub(crate) fn read(sql: &str, dialect: Dialect, allowed: &Allowed) -> Result<Passed, Refusal> {
    if is_plain(sql, dialect) {
        return Ok(Passed::PLAIN);
    }
    let mut passed = Passed {
        leaves_state: check_each(sql, dialect, allowed, |_| true)?,
        is_single: is_single(sql, dialect),
        ..Passed::default()
    };
    let is_of_interest =
        |kind: Kind| kind.effect(dialect) == Effect::Opaque || kind.may_change_schema(dialect);
    if find_kind(sql, dialect, is_of_interest).is_some() {
        for statement in statements(sql, dialect) {
            passed.is_opaque |= statement.effect() == Effect::Opaque;
            passed.changes_schema |= statement.changes_schema();
        }
    }
    Ok(passed)
}

/// Checks the text of a COPY before it is sent: one statement of this kind, and no other.
#[cfg(feature = "postgres")]
pub(crate) fn read_copy(sql: &str, kind: Kind, allowed: &Allowed) -> Result<Passed, Refusal> {
    let dialect = Dialect::Postgres;
    let mut kinds = statements(sql, dialect).map(|statement| statement.kind);
    if (kinds.next(), kinds.next()) != (Some(kind), None) {
        return Err(Refusal {
            rule: UNGUARDED,
            statement: head(sql),
            reason: match kind {
                Kind::CopyFromStdin => "`copy_in` runs one statement, `COPY .. FROM STDIN`",
                _ => "`copy_out` runs one statement, `COPY .. TO STDOUT`",
            },
        });
    }
    Ok(Passed {
        // That it is a COPY is no reason here.
        leaves_state: check_each(sql, dialect, allowed, |breach| {
            breach != Breach::Guarded(Effect::NeedsConnection)
        })?,
        ..Passed::PLAIN
    })
}

const TRANSACTION_SQL: &str = "D013";
const UNGUARDED: &str = "D024";
const SESSION_SETTING: &str = "D040";
const LISTEN: &str = "D041";
const PREPARE_STATEMENT: &str = "D042";
const ADVISORY_LOCK: &str = "D043";
const TEMPORARY_TABLE: &str = "D044";
const CURSOR_WITH_HOLD: &str = "D045";

/// Returns whether the text leaves state on the server's session, and refuses it if no lifted rule permits that, or if
/// nothing does.
fn check_each(
    sql: &str,
    dialect: Dialect,
    allowed: &Allowed,
    counts: impl Fn(Breach) -> bool,
) -> Result<bool, Refusal> {
    let mut leaves_state = false;
    for found in refusals(sql, dialect).filter(|found| counts(found.breach)) {
        let rule = rule(found.breach);
        match found.breach {
            Breach::Leaves(_) if allowed.contains(rule) => leaves_state = true,
            breach => {
                return Err(Refusal {
                    rule,
                    statement: match found.is_call {
                        true => found.text.to_owned(),
                        false => head(found.text),
                    },
                    reason: breach.reason(dialect),
                });
            }
        }
    }
    Ok(leaves_state)
}

/// Returns the code of the rule against a breach. `demarcate-rules` has the same match, with its rules.
pub(crate) fn rule(breach: Breach) -> &'static str {
    match breach {
        Breach::Guarded(Effect::ChangesReading) => SESSION_SETTING,
        Breach::Guarded(Effect::NeedsConnection) => UNGUARDED,
        Breach::Guarded(_) | Breach::Nul => TRANSACTION_SQL,
        Breach::Leaves(
            Leak::Setting | Leak::Config | Leak::Variable | Leak::Foreign | Leak::File,
        ) => SESSION_SETTING,
        Breach::Leaves(Leak::Listener) => LISTEN,
        Breach::Leaves(Leak::PreparedStatement) => PREPARE_STATEMENT,
        Breach::Leaves(Leak::Lock) => ADVISORY_LOCK,
        Breach::Leaves(Leak::TemporaryTable) => TEMPORARY_TABLE,
        Breach::Leaves(Leak::Cursor) => CURSOR_WITH_HOLD,
    }
}

/// Returns the first words of a statement: enough to find it in the source, and no value.
fn head(statement: &str) -> String {
    const LONGEST: usize = 40;

    let is_word = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ' ' | '\n' | '\t');
    let words = statement.split(|c| !is_word(c)).next().unwrap_or_default();
    let short: String = words.chars().take(LONGEST).collect();
    match short.split_whitespace().collect::<Vec<_>>().join(" ") {
        // The statement begins with a comment.
        empty if empty.is_empty() => "the statement".to_owned(),
        words => words,
    }
}

#[cfg(test)]
mod tests;
