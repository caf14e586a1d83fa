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

// For each reason a function that rejects a text, and the answer under which it does not. They are written out, since an error
// in what a macro makes shows the macro.

/// The answer for which [`sql_begins`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D013: the transaction is already begun, by the boundary that lent the session; give a part of it a \
               scope of its own with `tx.savepoint(..)`",
    label = "sent on the session",
    note = "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
            takes `allow(D013, reason = \"..\")`"
)]
pub trait NoBegins {}

#[diagnostic::do_not_recommend]
impl NoBegins for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_begins<V: NoBegins>(_: V) {}

/// The answer for which [`sql_commits`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D013: only the boundary that lent the session commits, when its body returns `Ok`",
    label = "sent on the session",
    note = "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
            takes `allow(D013, reason = \"..\")`"
)]
pub trait NoCommits {}

#[diagnostic::do_not_recommend]
impl NoCommits for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_commits<V: NoCommits>(_: V) {}

/// The answer for which [`sql_rolls_back`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D013: only the boundary that lent the session rolls back, when its body returns `Err`",
    label = "sent on the session",
    note = "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
            takes `allow(D013, reason = \"..\")`"
)]
pub trait NoRollsBack {}

#[diagnostic::do_not_recommend]
impl NoRollsBack for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_rolls_back<V: NoRollsBack>(_: V) {}

/// The answer for which [`sql_nests`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D013: savepoints are made, released and rolled back by `tx.savepoint(..)`",
    label = "sent on the session",
    note = "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
            takes `allow(D013, reason = \"..\")`"
)]
pub trait NoNests {}

#[diagnostic::do_not_recommend]
impl NoNests for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_nests<V: NoNests>(_: V) {}

/// The answer for which [`sql_ends_in_two_phases`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D013: a two-phase commit takes the transaction from the boundary that lent the session",
    label = "sent on the session",
    note = "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
            takes `allow(D013, reason = \"..\")`"
)]
pub trait NoEndsInTwoPhases {}

#[diagnostic::do_not_recommend]
impl NoEndsInTwoPhases for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_ends_in_two_phases<V: NoEndsInTwoPhases>(_: V) {}

/// The answer for which [`sql_sets_isolation`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D013: isolation and access mode are the boundary's: `isolation = ..` and `read_only` where it is opened",
    label = "sent on the session",
    note = "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
            takes `allow(D013, reason = \"..\")`"
)]
pub trait NoSetsIsolation {}

#[diagnostic::do_not_recommend]
impl NoSetsIsolation for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_sets_isolation<V: NoSetsIsolation>(_: V) {}

/// The answer for which [`sql_sets_access_mode`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D013: the access mode is the boundary's: `read_only` where it is opened",
    label = "sent on the session",
    note = "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
            takes `allow(D013, reason = \"..\")`"
)]
pub trait NoSetsAccessMode {}

#[diagnostic::do_not_recommend]
impl NoSetsAccessMode for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_sets_access_mode<V: NoSetsAccessMode>(_: V) {}

/// The answer for which [`sql_commits_implicitly`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D013: the database would commit the transaction implicitly; run it before the boundary, on a separate \
               connection",
    label = "sent on the session",
    note = "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
            takes `allow(D013, reason = \"..\")`"
)]
pub trait NoCommitsImplicitly {}

#[diagnostic::do_not_recommend]
impl NoCommitsImplicitly for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_commits_implicitly<V: NoCommitsImplicitly>(_: V) {}

/// The answer for which [`sql_rolls_back_on_conflict`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D013: on a conflict it would silently roll back the whole transaction; write `abort`, the default, \
               or `ignore`",
    label = "sent on the session",
    note = "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
            takes `allow(D013, reason = \"..\")`"
)]
pub trait NoRollsBackOnConflict {}

#[diagnostic::do_not_recommend]
impl NoRollsBackOnConflict for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_rolls_back_on_conflict<V: NoRollsBackOnConflict>(_: V) {}

/// The answer for which [`sql_changes_reading`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D040: the server would read later statements differently from the check; set it for the server, or \
               where the connection is opened",
    label = "sent on the session",
    note = "the statement guard refuses it at run time, whatever is allowed"
)]
pub trait NoChangesReading {}

#[diagnostic::do_not_recommend]
impl NoChangesReading for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_changes_reading<V: NoChangesReading>(_: V) {}

/// The answer for which [`sql_copies`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D024: as a statement it would wait forever or lose the connection; write `tx.copy_in(sql, source)` for \
               FROM STDIN, and `tx.copy_out(sql)` for TO STDOUT",
    label = "sent on the session",
    note = "a COPY of a server's file, or to one, is a statement like any other"
)]
pub trait NoCopies {}

#[diagnostic::do_not_recommend]
impl NoCopies for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_copies<V: NoCopies>(_: V) {}

/// The answer for which [`sql_is_ambiguous`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D013: it can be read in more than one way, so it may end the transaction; write each statement by \
               itself",
    label = "sent on the session",
    note = "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
            takes `allow(D013, reason = \"..\")`"
)]
pub trait NoIsAmbiguous {}

#[diagnostic::do_not_recommend]
impl NoIsAmbiguous for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_is_ambiguous<V: NoIsAmbiguous>(_: V) {}

/// The answer for which [`sql_is_ambiguous_on_mysql`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D013: it can be read in more than one way, so it may end the transaction; leave out version comments \
               and unfinished text in them",
    label = "sent on the session",
    note = "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
            takes `allow(D013, reason = \"..\")`"
)]
pub trait NoIsAmbiguousOnMysql {}

#[diagnostic::do_not_recommend]
impl NoIsAmbiguousOnMysql for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_is_ambiguous_on_mysql<V: NoIsAmbiguousOnMysql>(_: V) {}

/// The answer for which [`sql_leaves_setting_on_postgres`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D040: the setting outlives the transaction, and reaches the next user of the connection; write `SET \
               LOCAL`, or set it where the connection is opened",
    label = "sent on the session",
    note = "where it has to be, write `allow(D040, reason = \"..\")`, and the connection is closed or reset after \
            the boundary"
)]
pub trait NoLeavesSettingOnPostgres {}

#[diagnostic::do_not_recommend]
impl NoLeavesSettingOnPostgres for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_leaves_setting_on_postgres<V: NoLeavesSettingOnPostgres>(_: V) {}

/// The answer for which [`sql_leaves_setting_on_mysql`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D040: the setting outlives the transaction, and reaches the next user of the connection; set it where \
               the connection is opened, or for one statement: `SET STATEMENT .. FOR` (MariaDB), the hint `SET_VAR` \
               (MySQL)",
    label = "sent on the session",
    note = "where it has to be, write `allow(D040, reason = \"..\")`, and the connection is closed or reset after \
            the boundary"
)]
pub trait NoLeavesSettingOnMysql {}

#[diagnostic::do_not_recommend]
impl NoLeavesSettingOnMysql for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_leaves_setting_on_mysql<V: NoLeavesSettingOnMysql>(_: V) {}

/// The answer for which [`sql_leaves_setting_on_sqlite`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D040: it stays on the connection after the transaction, and reaches the next user of the connection; \
               set it where the connection is opened",
    label = "sent on the session",
    note = "where it has to be, write `allow(D040, reason = \"..\")`, and the connection is closed or reset after \
            the boundary"
)]
pub trait NoLeavesSettingOnSqlite {}

#[diagnostic::do_not_recommend]
impl NoLeavesSettingOnSqlite for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_leaves_setting_on_sqlite<V: NoLeavesSettingOnSqlite>(_: V) {}

/// The answer for which [`sql_leaves_listener`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D041: it outlives the transaction, and reaches the next user of the connection; listen with sqlx's \
               `PgListener`, which has a connection of its own",
    label = "sent on the session",
    note = "where it has to be, write `allow(D041, reason = \"..\")`, and the connection is closed or reset after \
            the boundary"
)]
pub trait NoLeavesListener {}

#[diagnostic::do_not_recommend]
impl NoLeavesListener for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_leaves_listener<V: NoLeavesListener>(_: V) {}

/// The answer for which [`sql_leaves_statement_on_postgres`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D042: it outlives the transaction, and behind a pooler it is lost or belongs to another client; sqlx \
               prepares statements by itself",
    label = "sent on the session",
    note = "where it has to be, write `allow(D042, reason = \"..\")`, and the connection is closed or reset after \
            the boundary"
)]
pub trait NoLeavesStatementOnPostgres {}

#[diagnostic::do_not_recommend]
impl NoLeavesStatementOnPostgres for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_leaves_statement_on_postgres<V: NoLeavesStatementOnPostgres>(_: V) {}

/// The answer for which [`sql_leaves_statement`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D042: it outlives the transaction, and the next user of the connection finds its name taken; sqlx \
               prepares statements by itself",
    label = "sent on the session",
    note = "where it has to be, write `allow(D042, reason = \"..\")`, and the connection is closed or reset after \
            the boundary"
)]
pub trait NoLeavesStatement {}

#[diagnostic::do_not_recommend]
impl NoLeavesStatement for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_leaves_statement<V: NoLeavesStatement>(_: V) {}

/// The answer for which [`sql_leaves_lock_on_postgres`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D043: a session lock outlives the transaction, and passes to the next user of the connection; take \
               `pg_advisory_xact_lock`, or lock a row",
    label = "sent on the session",
    note = "where it has to be, write `allow(D043, reason = \"..\")`, and the connection is closed or reset after \
            the boundary"
)]
pub trait NoLeavesLockOnPostgres {}

#[diagnostic::do_not_recommend]
impl NoLeavesLockOnPostgres for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_leaves_lock_on_postgres<V: NoLeavesLockOnPostgres>(_: V) {}

/// The answer for which [`sql_leaves_lock_on_mysql`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D043: a session lock outlives the transaction, and passes to the next user of the connection; lock a \
               row with `SELECT .. FOR UPDATE`",
    label = "sent on the session",
    note = "where it has to be, write `allow(D043, reason = \"..\")`, and the connection is closed or reset after \
            the boundary"
)]
pub trait NoLeavesLockOnMysql {}

#[diagnostic::do_not_recommend]
impl NoLeavesLockOnMysql for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_leaves_lock_on_mysql<V: NoLeavesLockOnMysql>(_: V) {}

/// The answer for which [`sql_leaves_table_on_postgres`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D044: it outlives the transaction, and reaches the next user of the connection; write `ON COMMIT DROP` \
               for a table, and for anything else a common table expression or a plain object",
    label = "sent on the session",
    note = "where it has to be, write `allow(D044, reason = \"..\")`, and the connection is closed or reset after \
            the boundary"
)]
pub trait NoLeavesTableOnPostgres {}

#[diagnostic::do_not_recommend]
impl NoLeavesTableOnPostgres for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_leaves_table_on_postgres<V: NoLeavesTableOnPostgres>(_: V) {}

/// The answer for which [`sql_leaves_table`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D044: it outlives the transaction, and reaches the next user of the connection; write a common table \
               expression, or use a plain table",
    label = "sent on the session",
    note = "where it has to be, write `allow(D044, reason = \"..\")`, and the connection is closed or reset after \
            the boundary"
)]
pub trait NoLeavesTable {}

#[diagnostic::do_not_recommend]
impl NoLeavesTable for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_leaves_table<V: NoLeavesTable>(_: V) {}

/// The answer for which [`sql_leaves_cursor_on_postgres`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D045: it outlives the transaction, and holds its rows on the server; leave out `WITH HOLD`, or fetch \
               the rows as a stream",
    label = "sent on the session",
    note = "where it has to be, write `allow(D045, reason = \"..\")`, and the connection is closed or reset after \
            the boundary"
)]
pub trait NoLeavesCursorOnPostgres {}

#[diagnostic::do_not_recommend]
impl NoLeavesCursorOnPostgres for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_leaves_cursor_on_postgres<V: NoLeavesCursorOnPostgres>(_: V) {}

/// The answer for which [`sql_leaves_cursor_on_mysql`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D045: it stays open after the transaction, and blocks changes of the table; write a `SELECT`, and fetch \
               the rows as a stream",
    label = "sent on the session",
    note = "where it has to be, write `allow(D045, reason = \"..\")`, and the connection is closed or reset after \
            the boundary"
)]
pub trait NoLeavesCursorOnMysql {}

#[diagnostic::do_not_recommend]
impl NoLeavesCursorOnMysql for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_leaves_cursor_on_mysql<V: NoLeavesCursorOnMysql>(_: V) {}

/// The answer for which [`sql_leaves_foreign`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D040: it is done on another server at once, or on a connection to it that stays, and no rollback undoes \
               it; do it in a job, after the commit",
    label = "sent on the session",
    note = "where it has to be, write `allow(D040, reason = \"..\")`, and the connection is closed or reset after \
            the boundary"
)]
pub trait NoLeavesForeign {}

#[diagnostic::do_not_recommend]
impl NoLeavesForeign for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_leaves_foreign<V: NoLeavesForeign>(_: V) {}

/// The answer for which [`sql_leaves_config`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D040: the setting outlives the transaction, and reaches the next user of the connection; write \
               `set_config(name, value, true)`, or set it where the connection is opened",
    label = "sent on the session",
    note = "where it has to be, write `allow(D040, reason = \"..\")`, and the connection is closed or reset after \
            the boundary"
)]
pub trait NoLeavesConfig {}

#[diagnostic::do_not_recommend]
impl NoLeavesConfig for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_leaves_config<V: NoLeavesConfig>(_: V) {}

/// The answer for which [`sql_leaves_variable`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D040: the variable outlives the transaction, and its value reaches the next user of the connection; bind \
               the value where it is used, or store it in a column",
    label = "sent on the session",
    note = "where it has to be, write `allow(D040, reason = \"..\")`, and the connection is closed or reset after \
            the boundary"
)]
pub trait NoLeavesVariable {}

#[diagnostic::do_not_recommend]
impl NoLeavesVariable for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_leaves_variable<V: NoLeavesVariable>(_: V) {}

/// The answer for which [`sql_leaves_file_on_postgres`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D040: the server writes the file or runs the program at once, and no rollback undoes it; read the \
               rows with `tx.copy_out(sql)`, and hand them on after the commit",
    label = "sent on the session",
    note = "where it has to be, write `allow(D040, reason = \"..\")`, and the connection is closed or reset after \
            the boundary"
)]
pub trait NoLeavesFileOnPostgres {}

#[diagnostic::do_not_recommend]
impl NoLeavesFileOnPostgres for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_leaves_file_on_postgres<V: NoLeavesFileOnPostgres>(_: V) {}

/// The answer for which [`sql_leaves_file`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D040: the server writes the file at once, and no rollback undoes it; fetch the rows, and write them \
               after the commit",
    label = "sent on the session",
    note = "where it has to be, write `allow(D040, reason = \"..\")`, and the connection is closed or reset after \
            the boundary"
)]
pub trait NoLeavesFile {}

#[diagnostic::do_not_recommend]
impl NoLeavesFile for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_leaves_file<V: NoLeavesFile>(_: V) {}

/// The answer for which [`sql_holds_nul`] lets a text pass.
#[diagnostic::on_unimplemented(
    message = "D013: SQLite's text ends at a NUL; remove it, or bind it as a value",
    label = "sent on the session",
    note = "the statement guard refuses it at run time, whatever is allowed; a text that is for another server \
            takes `allow(D013, reason = \"..\")`"
)]
pub trait NoHoldsNul {}

#[diagnostic::do_not_recommend]
impl NoHoldsNul for SentElsewhere {}

/// Rejects a text on the database that refuses it.
pub fn sql_holds_nul<V: NoHoldsNul>(_: V) {}

#[cfg(test)]
mod tests {
    use demarcate_rules::question;
    use demarcate_sql::{Breach, Dialect, Effect, Leak};

    use crate::session::guard;

    /// This file, as the compiler joins a string that is broken over lines.
    fn source() -> String {
        include_str!("texts.rs")
            .split("\\\n")
            .map(|part| part.trim_start_matches(' '))
            .collect()
    }

    /// What no text of that database can be refused for.
    fn cannot_be(breach: Breach, dialect: Dialect) -> bool {
        match breach {
            Breach::Guarded(Effect::RollsBackOnConflict) | Breach::Nul => {
                dialect != Dialect::Sqlite
            }
            Breach::Guarded(Effect::ImplicitCommit) => dialect != Dialect::MySql,
            Breach::Guarded(Effect::NeedsConnection)
            | Breach::Leaves(Leak::Listener | Leak::Foreign | Leak::Config) => {
                dialect != Dialect::Postgres
            }
            Breach::Leaves(Leak::Variable) => dialect != Dialect::MySql,
            Breach::Leaves(Leak::Lock | Leak::Cursor | Leak::PreparedStatement | Leak::File) => {
                dialect == Dialect::Sqlite
            }
            _ => false,
        }
    }

    #[test]
    fn every_reason_has_a_function_that_repeats_it_to_the_letter() {
        let source = source();
        for breach in Breach::ALL {
            for dialect in [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite] {
                let name = question(breach, dialect);
                let (before, _) = source
                    .split_once(&format!("pub fn {name}<"))
                    .unwrap_or_else(|| panic!("no {name}"));
                let (_, said) = before.rsplit_once("message = ").expect("a message");
                let said = said.lines().next().unwrap_or_default();
                let expected = format!("{}: {}", guard::rule(breach), breach.reason(dialect));
                if !cannot_be(breach, dialect) {
                    assert_eq!(said, format!("{expected:?},"), "{breach:?} on {dialect:?}");
                }
            }
        }
    }
}
