//! What a session must not send: the one list that the rules and the statement guard ask.

use crate::calls::{SessionCalls, session_calls};
use crate::dialect::Dialect;
use crate::effect::Effect;
use crate::guard::{find_kind, is_plain};
use crate::kind::Kind;
use crate::leak::{Leak, Leaks};
use crate::lexer::Lexer;
use crate::split::{Statement, Statements, statements};
use crate::token::Shape;

/// The reason for which a session must not send a text.
///
/// ```
/// use demarcate_sql::{Breach, Dialect, Effect};
///
/// let commits = Breach::Guarded(Effect::ImplicitCommit);
/// assert!(commits.reason(Dialect::MySql).contains("commit the transaction implicitly"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Breach {
    /// It does what only the boundary does, or cannot be sent on a session at all: see [`Effect::is_guarded`].
    Guarded(Effect),
    /// It leaves something on the server's session.
    Leaves(Leak),
    /// It holds a NUL, at which SQLite's text ends.
    Nul,
}

impl Breach {
    /// All of them.
    ///
    /// ```
    /// use demarcate_sql::{Breach, Leak};
    ///
    /// assert!(Breach::ALL.contains(&Breach::Leaves(Leak::Lock)));
    /// ```
    pub const ALL: [Self; 22] = [
        Self::Guarded(Effect::Begins),
        Self::Guarded(Effect::Commits),
        Self::Guarded(Effect::RollsBack),
        Self::Guarded(Effect::Nests),
        Self::Guarded(Effect::TwoPhase),
        Self::Guarded(Effect::Characteristics),
        Self::Guarded(Effect::ImplicitCommit),
        Self::Guarded(Effect::RollsBackOnConflict),
        Self::Guarded(Effect::ChangesReading),
        Self::Guarded(Effect::NeedsConnection),
        Self::Guarded(Effect::Ambiguous),
        Self::Leaves(Leak::Setting),
        Self::Leaves(Leak::Config),
        Self::Leaves(Leak::Variable),
        Self::Leaves(Leak::Listener),
        Self::Leaves(Leak::PreparedStatement),
        Self::Leaves(Leak::Lock),
        Self::Leaves(Leak::TemporaryTable),
        Self::Leaves(Leak::Cursor),
        Self::Leaves(Leak::Foreign),
        Self::Leaves(Leak::File),
        Self::Nul,
    ];

    /// Returns why such a text is refused, and what to write instead on that database.
    ///
    /// ```
    /// use demarcate_sql::{Breach, Dialect, Leak};
    ///
    /// let setting = Breach::Leaves(Leak::Setting);
    /// assert!(setting.reason(Dialect::Postgres).contains("`SET LOCAL`"));
    /// // There it is the same statement.
    /// assert!(!setting.reason(Dialect::MySql).contains("`SET LOCAL`"));
    /// ```
    #[must_use]
    pub const fn reason(self, dialect: Dialect) -> &'static str {
        match self {
            Self::Guarded(effect) => of_effect(effect, dialect),
            Self::Leaves(leak) => of_leak(leak, dialect),
            Self::Nul => "SQLite's text ends at a NUL; remove it, or bind it as a value",
        }
    }
}

/// Returns why a statement with a guarded effect is refused, and what to write instead on that database.
const fn of_effect(effect: Effect, dialect: Dialect) -> &'static str {
    match effect {
        Effect::Begins => {
            "the transaction is already begun, by the boundary that lent the session; give a part of it a scope of \
             its own with `tx.savepoint(..)`"
        }
        Effect::Commits => {
            "only the boundary that lent the session commits, when its body returns `Ok`"
        }
        Effect::RollsBack => {
            "only the boundary that lent the session rolls back, when its body returns `Err`"
        }
        Effect::Nests => "savepoints are made, released and rolled back by `tx.savepoint(..)`",
        Effect::TwoPhase => {
            "a two-phase commit takes the transaction from the boundary that lent the session"
        }
        // SQLite has one isolation level.
        Effect::Characteristics if matches!(dialect, Dialect::Sqlite) => {
            "the access mode is the boundary's: `read_only` where it is opened"
        }
        Effect::Characteristics => {
            "isolation and access mode are the boundary's: `isolation = ..` and `read_only` where it is opened"
        }
        Effect::Ambiguous if !matches!(dialect, Dialect::MySql) => {
            "it can be read in more than one way, so it may end the transaction; write each statement by itself"
        }
        Effect::Ambiguous => {
            "it can be read in more than one way, so it may end the transaction; leave out version comments and \
             unfinished text in them"
        }
        Effect::ChangesReading => {
            "the server would read later statements differently from the check; set it for the server, or where the \
             connection is opened"
        }
        Effect::NeedsConnection if matches!(dialect, Dialect::Postgres) => {
            "as a statement it would wait forever or lose the connection; write `tx.copy_in(sql, source)` for \
             FROM STDIN, and `tx.copy_out(sql)` for TO STDOUT"
        }
        Effect::NeedsConnection => {
            "it needs the raw connection, which a session does not give; run it on a separate connection"
        }
        Effect::RollsBackOnConflict if !matches!(dialect, Dialect::Sqlite) => {
            "on a conflict it would silently roll back the whole transaction; let the conflict be an error"
        }
        Effect::RollsBackOnConflict => {
            "on a conflict it would silently roll back the whole transaction; write `abort`, the default, or `ignore`"
        }
        _ => {
            "the database would commit the transaction implicitly; run it before the boundary, on a separate connection"
        }
    }
}

/// Returns why a statement that leaves something on the session is refused, and what to write instead on that database.
const fn of_leak(leak: Leak, dialect: Dialect) -> &'static str {
    use Dialect::{MySql, Postgres, Sqlite};
    match (leak, dialect) {
        (Leak::Setting, Postgres) => {
            "the setting outlives the transaction, and reaches the next user of the connection; write `SET LOCAL`, or \
             set it where the connection is opened"
        }
        (Leak::Setting, MySql) => {
            "the setting outlives the transaction, and reaches the next user of the connection; set it where the \
             connection is opened, or for one statement: `SET STATEMENT .. FOR` (MariaDB), the hint `SET_VAR` (MySQL)"
        }
        (Leak::Setting, Sqlite) => {
            "it stays on the connection after the transaction, and reaches the next user of the connection; set it \
             where the connection is opened"
        }
        (Leak::Config, _) => {
            "the setting outlives the transaction, and reaches the next user of the connection; write \
             `set_config(name, value, true)`, or set it where the connection is opened"
        }
        (Leak::Variable, _) => {
            "the variable outlives the transaction, and its value reaches the next user of the connection; bind the value \
             where it is used, or store it in a column"
        }
        (Leak::Listener, Postgres) => {
            "it outlives the transaction, and reaches the next user of the connection; listen with sqlx's \
             `PgListener`, which has a connection of its own"
        }
        (Leak::Listener, MySql | Sqlite) => {
            "it outlives the transaction, and reaches the next user of the connection; listen on a connection of its \
             own"
        }
        (Leak::PreparedStatement, Postgres) => {
            "it outlives the transaction, and behind a pooler it is lost or belongs to another client; sqlx prepares \
             statements by itself"
        }
        (Leak::PreparedStatement, MySql | Sqlite) => {
            "it outlives the transaction, and the next user of the connection finds its name taken; sqlx prepares \
             statements by itself"
        }
        (Leak::Lock, Postgres) => {
            "a session lock outlives the transaction, and passes to the next user of the connection; take \
             `pg_advisory_xact_lock`, or lock a row"
        }
        (Leak::Lock, MySql) => {
            "a session lock outlives the transaction, and passes to the next user of the connection; lock a row with \
             `SELECT .. FOR UPDATE`"
        }
        (Leak::Lock, Sqlite) => {
            "a session lock outlives the transaction, and passes to the next user of the connection; the transaction \
             itself keeps other writers out"
        }
        (Leak::TemporaryTable, Postgres) => {
            "it outlives the transaction, and reaches the next user of the connection; write `ON COMMIT DROP` for a \
             table, and for anything else a common table expression or a plain object"
        }
        (Leak::TemporaryTable, MySql | Sqlite) => {
            "it outlives the transaction, and reaches the next user of the connection; write a common table \
             expression, or use a plain table"
        }
        (Leak::Cursor, Postgres) => {
            "it outlives the transaction, and holds its rows on the server; leave out `WITH HOLD`, or fetch the rows \
             as a stream"
        }
        (Leak::Cursor, MySql) => {
            "it stays open after the transaction, and blocks changes of the table; write a `SELECT`, and fetch the \
             rows as a stream"
        }
        (Leak::Cursor, Sqlite) => {
            "it stays open after the transaction; write a `SELECT`, and fetch the rows as a stream"
        }
        (Leak::Foreign, _) => {
            "it is done on another server at once, or on a connection to it that stays, and no rollback undoes it; do it in \
             a job, after the commit"
        }
        (Leak::File, Postgres) => {
            "the server writes the file or runs the program at once, and no rollback undoes it; read the rows with \
             `tx.copy_out(sql)`, and hand them on after the commit"
        }
        (Leak::File, MySql | Sqlite) => {
            "the server writes the file at once, and no rollback undoes it; fetch the rows, and write them after the commit"
        }
    }
}

/// A part of a text that a session must not send: see [`refusals`].
///
/// ```
/// use demarcate_sql::{Breach, Dialect, Leak, refusals};
///
/// let sql = "select 1; select pg_advisory_lock(1)";
/// let lock = refusals(sql, Dialect::Postgres).next().unwrap();
/// assert_eq!((lock.breach, lock.text, lock.is_call), (Breach::Leaves(Leak::Lock), "pg_advisory_lock", true));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal<'a> {
    /// Why.
    pub breach: Breach,
    /// The statement, or the name of the function that is called.
    pub text: &'a str,
    /// Where `text` starts, in bytes.
    pub offset: usize,
    /// Whether `text` is the name of a function.
    pub is_call: bool,
}

/// Returns all that a session of that database must not send in a text: what [`guard`](crate::guard) finds, what the
/// statements leave on the server's session ([`Statement::leaks`]), and what the functions do that they call
/// ([`session_calls`]).
///
/// The compile-time rules and the statement guard refuse the same, because both ask this.
///
/// ```
/// use demarcate_sql::{Breach, Dialect, Effect, Leak, refusals};
///
/// let breaches = |sql, dialect| refusals(sql, dialect).map(|found| found.breach).collect::<Vec<_>>();
///
/// assert_eq!(breaches("create table a (b int)", Dialect::MySql), [Breach::Guarded(Effect::ImplicitCommit)]);
/// assert_eq!(breaches("create table a (b int)", Dialect::Postgres), []);
/// assert_eq!(
///     breaches("do $$ begin listen a; end $$; commit", Dialect::Postgres),
///     [Breach::Leaves(Leak::Listener), Breach::Guarded(Effect::Commits)],
/// );
/// ```
#[must_use]
pub fn refusals(sql: &str, dialect: Dialect) -> Refusals<'_> {
    let is_plain = is_plain(sql, dialect);
    let has_some =
        !is_plain && find_kind(sql, dialect, |kind| is_of_interest(kind, dialect)).is_some();
    Refusals {
        nul: (!is_plain && dialect == Dialect::Sqlite && sql.contains('\0')).then_some(sql),
        statements: has_some.then(|| statements(sql, dialect)),
        current: None,
        calls: (!is_plain).then(|| session_calls(sql, dialect)),
    }
}

/// Whether that database reads a word at this place of a text: not a part of a string, a comment or a quoted name.
///
/// ```
/// use demarcate_sql::{Dialect, is_word_at};
///
/// assert!(is_word_at("select 1; commit", 10, Dialect::Postgres));
/// assert!(!is_word_at("select 1 # ; commit", 13, Dialect::MySql));
/// ```
#[must_use]
pub fn is_word_at(sql: &str, offset: usize, dialect: Dialect) -> bool {
    Lexer::new(sql, dialect)
        .take_while(|token| token.start <= offset)
        .any(|token| token.start == offset && token.shape == Shape::Word)
}

/// Whether a statement of that kind, or one that stands in it, may be refused.
fn is_of_interest(kind: Kind, dialect: Dialect) -> bool {
    let effect = kind.effect(dialect);
    effect.is_guarded()
        || effect.leaks_to_session()
        || kind.leak(dialect).is_some()
        || matches!(kind, Kind::Do | Kind::Compound | Kind::Execute)
}

/// Iterator over what a session must not send in a text: see [`refusals`].
///
/// ```
/// use demarcate_sql::{Dialect, refusals};
///
/// assert_eq!(refusals("listen a; select setseed(0.5)", Dialect::Postgres).count(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Refusals<'a> {
    nul: Option<&'a str>,
    statements: Option<Statements<'a>>,
    /// A statement that leaves something, and what is still to be told of it.
    current: Option<(Statement<'a>, Leaks)>,
    calls: Option<SessionCalls<'a>>,
}

impl<'a> Iterator for Refusals<'a> {
    type Item = Refusal<'a>;

    fn next(&mut self) -> Option<Refusal<'a>> {
        if let Some(text) = self.nul.take() {
            return Some(Refusal {
                breach: Breach::Nul,
                text,
                offset: 0,
                is_call: false,
            });
        }
        loop {
            if let Some((statement, leaks)) = &mut self.current {
                if let Some(leak) = leaks.next() {
                    return Some(of_statement(statement, Breach::Leaves(leak)));
                }
                self.current = None;
            }
            let Some(statement) = self.statements.as_mut().and_then(Iterator::next) else {
                break;
            };
            let effect = statement.effect();
            if effect.is_guarded() {
                return Some(of_statement(&statement, Breach::Guarded(effect)));
            }
            self.current = Some((statement, statement.leaks()));
        }
        let call = self.calls.as_mut()?.next()?;
        Some(Refusal {
            breach: Breach::Leaves(call.leak),
            text: call.name,
            offset: call.offset,
            is_call: true,
        })
    }
}

impl core::iter::FusedIterator for Refusals<'_> {}

const fn of_statement<'a>(statement: &Statement<'a>, breach: Breach) -> Refusal<'a> {
    Refusal {
        breach,
        text: statement.text,
        offset: statement.offset,
        is_call: false,
    }
}

#[cfg(test)]
mod tests;
