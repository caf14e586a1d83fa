//! The backend for MySQL and MariaDB.

use std::fmt::Write as _;

use demarcate_sql::Dialect;
use futures_core::future::BoxFuture;
use futures_util::TryStreamExt;
use sqlx::error::DatabaseError;
use sqlx::mysql::{MySqlDatabaseError, MySqlRow};
use sqlx::{AssertSqlSafe, Either, MySql, MySqlConnection, Row, SqlSafeStr, SqlStr};

use crate::backend::diagnosis::Diagnosis;
use crate::backend::forward::{first_row, forward_fetch_many, forward_to_connection};
use crate::backend::query::Statement;
use crate::backend::transact::TransactionFacts;
use crate::backend::{Backend, BeginReply, CommitFailure, Connect, Execute, Transact, sealed};
#[cfg(feature = "migrate")]
use crate::backend::{Migrate, forward::forward_to_migrator};
use crate::classify::classify;
use crate::error::Error;
use crate::options::effective::Effective;
use crate::options::{Isolation, TxOptions};
use crate::settings::{FromSettings, Pooler, TargetSessionAttrs};

/// Restores the session variables that [`begin`](Transact::begin) sets for a `lock_timeout`.
const RESTORE: &str = "SET SESSION innodb_lock_wait_timeout = @demarcate_row_lock, \
                       SESSION lock_wait_timeout = @demarcate_table_lock";

/// Asks what the server is, where it accepts no writes. Whoever has the privilege writes to a server that is `read_only`
/// all the same, and would write to a replica. Recent versions of MariaDB have words in place of 0 and 1.
const UNWANTED: &str = ", CASE WHEN CAST(@@GLOBAL.read_only AS CHAR) NOT IN ('0', 'OFF') THEN 'read-only by `read_only`' \
                        WHEN CAST(@@GLOBAL.innodb_read_only AS CHAR) NOT IN ('0', 'OFF') \
                        THEN 'read-only by `innodb_read_only`' END";

impl sealed::Sealed for MySql {}

/// Shows the settings of the session that keep statements from running in transactions of their own, and then the number of
/// the connection. `tx_read_only` is the older name of `transaction_read_only`.
const ASK_SETTINGS: &str = "SHOW SESSION VARIABLES WHERE (Variable_name = 'autocommit' AND Value = 'OFF') \
                            OR (Variable_name IN ('transaction_read_only', 'tx_read_only') AND Value = 'ON'); \
                            SELECT CONNECTION_ID()";

impl Execute for MySql {
    const PREPARES: bool = true;

    const DIALECT: Dialect = Dialect::MySql;

    fn fetch_optional<'e>(
        connection: &'e mut MySqlConnection,
        statement: Statement<Self>,
    ) -> BoxFuture<'e, Result<Option<MySqlRow>, sqlx::Error>> {
        // sqlx's own `fetch_optional` stops at the first row and leaves the rest, errors included, to the next
        // statement.
        Box::pin(first_row::<Self>(Self::fetch_many(connection, statement)))
    }

    forward_fetch_many!();
    forward_to_connection!();
}

impl Connect for MySql {
    const HAS_STANDBYS: bool = true;

    type Fitting = ();

    fn fit(_: &mut MySqlConnection, _: Pooler) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn refusal(error: &dyn DatabaseError) -> Option<Diagnosis> {
        let number = error.try_downcast_ref::<MySqlDatabaseError>()?.number();
        Some(match number {
            // ER_SERVER_SHUTDOWN
            1053 => Diagnosis::passing(
                "the server is stopping; `startup_timeout` waits for one that starts",
            ),
            // ER_CON_COUNT_ERROR, ER_TOO_MANY_USER_CONNECTIONS, ER_USER_LIMIT_REACHED
            1040 | 1203 | 1226 => Diagnosis::lasting(
                "the server or the user has as many connections as it may: lower `max_connections` of the programs \
                 that share it, or raise the server's limit",
            ),
            // ER_ACCESS_DENIED_ERROR, ER_ACCESS_DENIED_NO_PASSWORD_ERROR. A user that requires TLS gets the same error.
            1045 | 1698 => Diagnosis::lasting(
                "look at the user and the password, at the hosts that the user may come from, and at whether it \
                 has to use TLS (`sslmode=require`)",
            ),
            // ER_BAD_DB_ERROR
            1049 => Diagnosis::lasting("create the database, or look at how its name is spelt"),
            // ER_DBACCESS_DENIED_ERROR
            1044 => {
                Diagnosis::lasting("grant the user the database, or look at how its name is spelt")
            }
            // ER_HOST_IS_BLOCKED
            1129 => Diagnosis::lasting(
                "let the server forget the failed attempts of this host: `FLUSH HOSTS`",
            ),
            // ER_HOST_NOT_PRIVILEGED
            1130 => Diagnosis::lasting(
                "the server lets nobody in from this host: create the user for it",
            ),
            _ if error.message().contains("insecure transport") => Diagnosis::lasting(
                "the server asks for TLS: write `sslmode=require`, and give sqlx one of its features `tls-*`",
            ),
            _ => return None,
        })
    }
}

impl Transact for MySql {
    const FACTS: TransactionFacts = TransactionFacts {
        // MySQL's `max_execution_time` applies to SELECT only, and MariaDB's setting has another name; both outlive the
        // transaction.
        enforces_statement_timeout: false,
        stops_later: true,
        ..TransactionFacts::SERVER
    };

    const DEFAULT_ISOLATION: Isolation = Isolation::RepeatableRead;

    const ASK_PROCESS: Option<&'static str> = Some("SELECT CONNECTION_ID()");

    fn check(options: &TxOptions) -> Result<(), Error> {
        let unsupported = |option, instead| Err(Error::unsupported(Self::TITLE, option, instead));
        if options.deferrable {
            return unsupported(
                "`deferrable`",
                "leave it out: a consistent read takes its snapshot without waiting",
            );
        }
        if options.idle_timeout.is_some() {
            return unsupported(
                "`idle_timeout`",
                "leave it out: `timeout` ends the whole boundary, idle or not",
            );
        }
        if options.confirm_commit {
            return unsupported(
                "`confirm_commit`",
                "leave it out, and look for what was written before you do it again: the server cannot be asked \
                 what became of a transaction",
            );
        }
        if options
            .lock_timeout
            .is_some_and(|timeout| timeout.subsec_nanos() != 0)
        {
            return unsupported(
                "`lock_timeout` of a part of a second",
                "write whole seconds, which is what the server counts in",
            );
        }
        Ok(())
    }

    /// Sets a savepoint, by which [`commit`](Self::commit) recognizes the transaction.
    fn begin(options: &Effective, (): &(), target: TargetSessionAttrs) -> SqlStr {
        let mut sql = String::new();
        // Writing to a `String` cannot fail.
        if let Some(timeout) = options.lock_timeout {
            // The variables apply to the server's session, so the commit and the rollback restore them.
            let seconds = timeout.as_secs();
            let _ = write!(
                sql,
                "SET @demarcate_row_lock = @@SESSION.innodb_lock_wait_timeout, \
                 @demarcate_table_lock = @@SESSION.lock_wait_timeout, \
                 SESSION innodb_lock_wait_timeout = {seconds}, SESSION lock_wait_timeout = {seconds}; "
            );
        }
        if let Some(isolation) = options.isolation {
            let _ = write!(
                sql,
                "SET TRANSACTION ISOLATION LEVEL {}; ",
                isolation.as_sql()
            );
        }
        sql.push_str("START TRANSACTION");
        if options.is_read_only() {
            sql.push_str(" READ ONLY");
        }
        sql.push_str("; SAVEPOINT demarcate_begin; SELECT CONNECTION_ID()");
        if target != TargetSessionAttrs::Any {
            sql.push_str(UNWANTED);
        }
        AssertSqlSafe(sql).into_sql_str()
    }

    fn begun(row: Option<MySqlRow>) -> Result<BeginReply, sqlx::Error> {
        let Some(row) = row else {
            return Ok(BeginReply::default());
        };
        Ok(BeginReply {
            process: Some(row.try_get(0)?),
            unwanted: match row.len() {
                1 => None,
                _ => row.try_get(1)?,
            },
            ..BeginReply::default()
        })
    }

    /// If the server rolled the transaction back by itself, or a statement committed it, the savepoint is gone. RELEASE
    /// then fails with 1305, and COMMIT, which would succeed without committing anything, is not reached. NO CHAIN and
    /// NO RELEASE override `completion_type`, which may be set for the server or the session.
    ///
    /// COMMIT comes last, because an error after it would be mistaken for an error of the commit.
    fn commit(options: &Effective, (): &()) -> SqlStr {
        if options.lock_timeout.is_none() {
            return "RELEASE SAVEPOINT demarcate_begin; COMMIT AND NO CHAIN NO RELEASE"
                .into_sql_str();
        }
        AssertSqlSafe(format!(
            "RELEASE SAVEPOINT demarcate_begin; {RESTORE}; COMMIT AND NO CHAIN NO RELEASE"
        ))
        .into_sql_str()
    }

    /// `SHOW` shows the settings that forbid it.
    fn may_run_alone(
        connection: &mut MySqlConnection,
    ) -> BoxFuture<'_, Result<Option<u64>, sqlx::Error>> {
        Box::pin(async move {
            let ask = Statement::of_text(ASK_SETTINGS.into_sql_str());
            let steps: Vec<_> = Self::fetch_many(connection, ask).try_collect().await?;
            let mut rows = steps.into_iter().filter_map(Either::right);
            match (rows.next(), rows.next()) {
                (Some(process), None) => Ok(Some(process.try_get(0)?)),
                _ => Ok(None),
            }
        })
    }

    /// A message of its own: a proxy that keeps track of the settings of its clients reads the first statement of a message.
    const READ_ONLY: &'static str = "SET SESSION TRANSACTION READ ONLY";

    const WRITE_AGAIN: &'static str = "SET SESSION TRANSACTION READ WRITE; ";

    fn roll_back<'c>(
        connection: &'c mut MySqlConnection,
        options: &Effective,
        (): &(),
    ) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        let mut sql = String::from("ROLLBACK AND NO CHAIN NO RELEASE");
        if options.lock_timeout.is_some() {
            sql.push_str("; ");
            sql.push_str(RESTORE);
        }
        Self::run(connection, AssertSqlSafe(sql).into_sql_str())
    }

    /// Kills the whole connection, because [`settle`](Self::settle) cannot make it usable again.
    fn stop((): &(), begun: &BeginReply) -> Option<SqlStr> {
        let process = begun.process?;
        Some(AssertSqlSafe(format!("KILL CONNECTION {process}")).into_sql_str())
    }

    fn is_gone(error: &sqlx::Error) -> bool {
        const NO_SUCH_THREAD: u16 = 1094;
        let error = error.as_database_error();
        let error = error.and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>());
        error.is_some_and(|error| error.number() == NO_SUCH_THREAD)
    }

    /// Always fails. sqlx 0.9 loses its position in the answer to a PREPARE whose future was dropped, so the next
    /// answer that it reads may belong to that PREPARE.
    fn settle(_: &mut MySqlConnection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(async {
            Err(sqlx::Error::Protocol(
                "the answer to a dropped statement is still on the wire".into(),
            ))
        })
    }

    fn commit_failure(error: &sqlx::Error) -> CommitFailure {
        /// ER_SP_DOES_NOT_EXIST, which the server also reports for an unknown savepoint.
        const NO_SUCH_SAVEPOINT: u16 = 1305;

        match error {
            sqlx::Error::Database(database) => {
                match database.try_downcast_ref::<MySqlDatabaseError>() {
                    Some(error) if error.number() == NO_SUCH_SAVEPOINT => CommitFailure::NotOpen,
                    _ if classify(error).leaves_outcome_open() => CommitFailure::Unknown,
                    _ => CommitFailure::Refused,
                }
            }
            _ => CommitFailure::Unknown,
        }
    }
}

impl Backend for MySql {}

#[cfg(feature = "migrate")]
impl Migrate for MySql {
    /// sqlx 0.9 waits for its own lock for -1 seconds: MySQL waits for ever, MariaDB not at all. The server releases
    /// this lock when the connection is closed.
    const LOCK: Option<&'static str> =
        Some("SELECT GET_LOCK(concat('demarcate_migrate_', md5(database())), 86400)");

    forward_to_migrator!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_the_server_is_asked_for_where_the_connection_id_is() {
        let begin = |target| MySql::begin(&Effective::default(), &(), target);
        let plain = "START TRANSACTION; SAVEPOINT demarcate_begin; SELECT CONNECTION_ID()";
        assert_eq!(begin(TargetSessionAttrs::Any).as_str(), plain);
        for target in [TargetSessionAttrs::ReadWrite, TargetSessionAttrs::Primary] {
            assert_eq!(begin(target).as_str(), format!("{plain}{UNWANTED}"));
        }
    }
}
