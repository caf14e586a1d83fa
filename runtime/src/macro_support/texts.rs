//! Asks the compiler for the database of a session, of which a text may be refused.
//!
//! A text such as `create table ..` ends the transaction on one database and is part of it on another. The attribute reads
//! it for each, and where they do not agree it emits a question: a [`SqlOf`] the session's database, asked whether it is
//! [`on`](SqlOf::on) the one that refuses. As in [`probe`](super::probe), method lookup answers: the first `verdict` needs
//! `DB: Speaks<D>`, and behind a deref there is one that needs nothing. In a function that is generic over the database
//! nothing is known, and the text passes; the statement guard reads it at run time.
//!
//! There is one function for each reason. The messages repeat the reasons of `demarcate-sql`, since an attribute takes no
//! constant; a test below holds the two together.

use std::marker::PhantomData;
use std::ops::Deref;

use crate::backend::Backend;
use crate::factory::SessionFactory;

/// Stands for PostgreSQL, also where its feature is off.
pub struct OnPostgres(());

/// Stands for MySQL and MariaDB.
pub struct OnMySql(());

/// Stands for SQLite.
pub struct OnSqlite(());

/// Is the database that `D` stands for.
pub trait Speaks<D> {}

#[cfg(feature = "postgres")]
impl Speaks<OnPostgres> for sqlx::Postgres {}
#[cfg(feature = "mysql")]
impl Speaks<OnMySql> for sqlx::MySql {}
#[cfg(feature = "sqlite")]
impl Speaks<OnSqlite> for sqlx::Sqlite {}

/// The database of a session, to ask about.
pub struct SqlOf<DB>(PhantomData<fn() -> DB>);

impl<DB> SqlOf<DB> {
    /// Asks about a database.
    #[must_use]
    pub const fn of() -> Self {
        Self(PhantomData)
    }

    /// Asks whether it is the one that `D` stands for.
    #[must_use]
    pub const fn on<D>(&self) -> SqlOn<DB, D> {
        SqlOn(SqlElsewhere, PhantomData)
    }
}

impl<DB: Backend> SqlOf<DB> {
    /// Asks about the database of a factory.
    #[must_use]
    pub const fn of_factory(_: &SessionFactory<DB>) -> Self {
        Self::of()
    }
}

/// Asks whether `DB` is the database that `D` stands for.
pub struct SqlOn<DB, D>(SqlElsewhere, PhantomData<fn() -> (DB, D)>);

/// Asked where it is not, or where that is not known.
pub struct SqlElsewhere;

impl<DB, D> Deref for SqlOn<DB, D> {
    type Target = SqlElsewhere;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// The session sends the text to the database that refuses it.
pub struct SentThere(());

/// It does not, as far as the compiler knows.
pub struct SentElsewhere(());

impl<DB: Speaks<D>, D> SqlOn<DB, D> {
    /// The answer.
    #[must_use]
    pub const fn verdict(&self) -> SentThere {
        SentThere(())
    }
}

impl SqlElsewhere {
    /// The answer.
    #[must_use]
    pub const fn verdict(&self) -> SentElsewhere {
        SentElsewhere(())
    }
}

/// For each reason a function that rejects a text, and the answer under which it does not.
macro_rules! reasons {
    ($($function:ident, $answer:ident, $message:literal, $note:literal;)*) => {
        $(
            #[doc = concat!("The answer for which [`", stringify!($function), "`] lets a text pass.")]
            #[diagnostic::on_unimplemented(message = $message, label = "sent on the session", note = $note)]
            pub trait $answer {}

            #[diagnostic::do_not_recommend]
            impl $answer for SentElsewhere {}

            #[doc = concat!("Rejects a text: ", $message)]
            pub fn $function<V: $answer>(_: V) {}
        )*

        /// The functions, each with its message.
        #[cfg(test)]
        const REASONS: &[(&str, &str)] = &[$((stringify!($function), $message)),*];
    };
}

reasons! {
    sql_begins, NoBegins,
        "D013: the transaction is already begun, by the boundary that lent the session; give a part of it a \
         scope of its own with `tx.savepoint(..)`",
        "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
         takes `allow(D013, reason = \"..\")`";
    sql_commits, NoCommits,
        "D013: only the boundary that lent the session commits, when its body returns `Ok`",
        "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
         takes `allow(D013, reason = \"..\")`";
    sql_rolls_back, NoRollsBack,
        "D013: only the boundary that lent the session rolls back, when its body returns `Err`",
        "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
         takes `allow(D013, reason = \"..\")`";
    sql_nests, NoNests,
        "D013: savepoints are made, released and rolled back by `tx.savepoint(..)`",
        "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
         takes `allow(D013, reason = \"..\")`";
    sql_ends_in_two_phases, NoEndsInTwoPhases,
        "D013: a two-phase commit takes the transaction from the boundary that lent the session",
        "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
         takes `allow(D013, reason = \"..\")`";
    sql_sets_isolation, NoSetsIsolation,
        "D013: isolation and access mode are the boundary's: `isolation = ..` and `read_only` where it is opened",
        "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
         takes `allow(D013, reason = \"..\")`";
    sql_sets_access_mode, NoSetsAccessMode,
        "D013: the access mode is the boundary's: `read_only` where it is opened",
        "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
         takes `allow(D013, reason = \"..\")`";
    sql_commits_implicitly, NoCommitsImplicitly,
        "D013: the database would commit the transaction implicitly; run it before the boundary, on a separate \
         connection",
        "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
         takes `allow(D013, reason = \"..\")`";
    sql_rolls_back_on_conflict, NoRollsBackOnConflict,
        "D013: on a conflict it would silently roll back the whole transaction; write `or abort`, the default, \
         or `or ignore`",
        "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
         takes `allow(D013, reason = \"..\")`";
    sql_changes_reading, NoChangesReading,
        "D040: the server would read later statements differently from the check; set it for the server, or \
         where the connection is opened",
        "the statement guard refuses it at run time, whatever is allowed";
    sql_copies, NoCopies,
        "D024: as a statement it would wait forever or lose the connection; write `tx.copy_in(sql, source)` for \
         FROM STDIN, and `tx.copy_out(sql)` for TO STDOUT",
        "a COPY of a server's file, or to one, is a statement like any other";
    sql_is_ambiguous, NoIsAmbiguous,
        "D013: it can be read in more than one way, so it may end the transaction; write each statement by \
         itself",
        "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
         takes `allow(D013, reason = \"..\")`";
    sql_is_ambiguous_on_mysql, NoIsAmbiguousOnMysql,
        "D013: it can be read in more than one way, so it may end the transaction; leave out version comments \
         and unfinished text in them",
        "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
         takes `allow(D013, reason = \"..\")`";
    sql_leaves_setting_on_postgres, NoLeavesSettingOnPostgres,
        "D040: the setting outlives the transaction, and reaches the next user of the connection; write `SET \
         LOCAL`, or set it where the connection is opened",
        "where it has to be, write `allow(D040, reason = \"..\")`, and the connection is closed or reset after \
         the boundary";
    sql_leaves_setting_on_mysql, NoLeavesSettingOnMysql,
        "D040: the setting outlives the transaction, and reaches the next user of the connection; set it where \
         the connection is opened, or for one statement: `SET STATEMENT .. FOR` (MariaDB), the hint `SET_VAR` \
         (MySQL)",
        "where it has to be, write `allow(D040, reason = \"..\")`, and the connection is closed or reset after \
         the boundary";
    sql_leaves_setting_on_sqlite, NoLeavesSettingOnSqlite,
        "D040: it stays on the connection after the transaction, and reaches the next user of the connection; \
         set it where the connection is opened",
        "where it has to be, write `allow(D040, reason = \"..\")`, and the connection is closed or reset after \
         the boundary";
    sql_leaves_listener, NoLeavesListener,
        "D041: it outlives the transaction, and reaches the next user of the connection; listen with sqlx's \
         `PgListener`, which has a connection of its own",
        "where it has to be, write `allow(D041, reason = \"..\")`, and the connection is closed or reset after \
         the boundary";
    sql_leaves_statement_on_postgres, NoLeavesStatementOnPostgres,
        "D042: it outlives the transaction, and behind a pooler it is lost or belongs to another client; sqlx \
         prepares statements by itself",
        "where it has to be, write `allow(D042, reason = \"..\")`, and the connection is closed or reset after \
         the boundary";
    sql_leaves_statement, NoLeavesStatement,
        "D042: it outlives the transaction, and the next user of the connection finds its name taken; sqlx \
         prepares statements by itself",
        "where it has to be, write `allow(D042, reason = \"..\")`, and the connection is closed or reset after \
         the boundary";
    sql_leaves_lock_on_postgres, NoLeavesLockOnPostgres,
        "D043: a session lock outlives the transaction, and passes to the next user of the connection; take \
         `pg_advisory_xact_lock`, or lock a row",
        "where it has to be, write `allow(D043, reason = \"..\")`, and the connection is closed or reset after \
         the boundary";
    sql_leaves_lock_on_mysql, NoLeavesLockOnMysql,
        "D043: a session lock outlives the transaction, and passes to the next user of the connection; lock a \
         row with `SELECT .. FOR UPDATE`",
        "where it has to be, write `allow(D043, reason = \"..\")`, and the connection is closed or reset after \
         the boundary";
    sql_leaves_table_on_postgres, NoLeavesTableOnPostgres,
        "D044: it outlives the transaction, and reaches the next user of the connection; write `ON COMMIT DROP` \
         for a table, and for anything else a common table expression or a plain object",
        "where it has to be, write `allow(D044, reason = \"..\")`, and the connection is closed or reset after \
         the boundary";
    sql_leaves_table, NoLeavesTable,
        "D044: it outlives the transaction, and reaches the next user of the connection; write a common table \
         expression, or use a plain table",
        "where it has to be, write `allow(D044, reason = \"..\")`, and the connection is closed or reset after \
         the boundary";
    sql_leaves_cursor_on_postgres, NoLeavesCursorOnPostgres,
        "D045: it outlives the transaction, and holds its rows on the server; leave out `WITH HOLD`, or fetch \
         the rows as a stream",
        "where it has to be, write `allow(D045, reason = \"..\")`, and the connection is closed or reset after \
         the boundary";
    sql_leaves_cursor_on_mysql, NoLeavesCursorOnMysql,
        "D045: it stays open after the transaction, and blocks changes of the table; write a `SELECT`, and fetch \
         the rows as a stream",
        "where it has to be, write `allow(D045, reason = \"..\")`, and the connection is closed or reset after \
         the boundary";
    sql_leaves_foreign, NoLeavesForeign,
        "D040: it is done on another server at once, or on a connection to it that stays, and no rollback undoes \
         it; do it in a job, after the commit",
        "where it has to be, write `allow(D040, reason = \"..\")`, and the connection is closed or reset after \
         the boundary";
    sql_holds_nul, NoHoldsNul,
        "D013: SQLite's text ends at a NUL; remove it, or bind it as a value",
        "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
         takes `allow(D013, reason = \"..\")`";
}

#[cfg(test)]
mod tests {
    use demarcate_rules::question;
    use demarcate_sql::{Breach, Dialect, Effect, Leak};

    use super::REASONS;
    use crate::session::guard;

    /// What no text of that database can be refused for.
    fn cannot_be(breach: Breach, dialect: Dialect) -> bool {
        match breach {
            Breach::Guarded(Effect::RollsBackOnConflict) | Breach::Nul => {
                dialect != Dialect::Sqlite
            }
            Breach::Guarded(Effect::ImplicitCommit) => dialect != Dialect::MySql,
            Breach::Guarded(Effect::NeedsConnection)
            | Breach::Leaves(Leak::Listener | Leak::Foreign) => dialect != Dialect::Postgres,
            Breach::Leaves(Leak::Lock | Leak::Cursor | Leak::PreparedStatement) => {
                dialect == Dialect::Sqlite
            }
            _ => false,
        }
    }

    #[test]
    fn every_reason_has_a_function_that_repeats_it_to_the_letter() {
        for breach in Breach::ALL {
            for dialect in [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite] {
                let name = question(breach, dialect);
                let said = REASONS.iter().find(|(function, _)| *function == name);
                let (_, said) = said.unwrap_or_else(|| panic!("no {name}"));
                let expected = format!("{}: {}", guard::rule(breach), breach.reason(dialect));
                if !cannot_be(breach, dialect) {
                    assert_eq!(*said, expected, "{breach:?} on {dialect:?}");
                }
            }
        }
    }
}
