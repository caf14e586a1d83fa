//! MySQL and MariaDB.

use demarcate_sql::Dialect;
use futures_core::future::BoxFuture;
use sqlx::mysql::MySqlDatabaseError;
use sqlx::{AssertSqlSafe, MySql, MySqlConnection, SqlSafeStr, SqlStr};

use crate::backend::{Backend, CommitFailure, first_row, hand_on_to_the_connection, sealed};
use crate::error::Error;
use crate::options::TxOptions;
use crate::statement::Statement;

/// A session of MySQL or MariaDB.
pub type Session = crate::Session<MySql>;

/// A session factory for MySQL or MariaDB.
pub type SessionFactory = crate::SessionFactory<MySql>;

impl sealed::Sealed for MySql {}

impl Backend for MySql {
    const TITLE: &'static str = "MySQL";
    const URL_FORM: &'static str = "mysql://user:password@host:3306/database";
    const PREPARES: bool = true;
    const DIALECT: Dialect = Dialect::MySql;

    fn check(options: &TxOptions) -> Result<(), Error> {
        if options.deferrable {
            return Err(Error::unsupported(
                Self::TITLE,
                "`deferrable`",
                "leave it out: a consistent read takes its snapshot without waiting",
            ));
        }
        Ok(())
    }

    /// The savepoint is what [`commit`](Self::commit) looks for.
    fn begin(options: &TxOptions) -> SqlStr {
        let access = if options.read_only { " READ ONLY" } else { "" };
        match options.isolation {
            None if !options.read_only => {
                "START TRANSACTION; SAVEPOINT demarcate_begin".into_sql_str()
            }
            None => AssertSqlSafe(format!(
                "START TRANSACTION{access}; SAVEPOINT demarcate_begin"
            ))
            .into_sql_str(),
            Some(isolation) => AssertSqlSafe(format!(
                "SET TRANSACTION ISOLATION LEVEL {}; START TRANSACTION{access}; SAVEPOINT demarcate_begin",
                isolation.as_sql()
            ))
            .into_sql_str(),
        }
    }

    /// Where the server rolled the transaction back by itself, or something committed it, the
    /// savepoint is gone: RELEASE fails with 1305, and COMMIT, which would succeed at nothing, is not
    /// reached. NO CHAIN and NO RELEASE overrule `completion_type`, which may be set for the server or
    /// the session.
    fn commit(_: &TxOptions) -> SqlStr {
        "RELEASE SAVEPOINT demarcate_begin; COMMIT AND NO CHAIN NO RELEASE".into_sql_str()
    }

    fn roll_back(
        connection: &mut MySqlConnection,
        _: TxOptions,
    ) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(async move {
            Self::run(
                connection,
                "ROLLBACK AND NO CHAIN NO RELEASE".into_sql_str(),
            )
            .await
        })
    }

    /// sqlx 0.9 loses its place in the answer of a PREPARE whose future was dropped, so that what is
    /// read next may belong to it.
    fn settle(_: &mut MySqlConnection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(async {
            Err(sqlx::Error::Protocol(
                "the answer to a dropped statement is still on the wire".into(),
            ))
        })
    }

    fn is_connection_lost(error: &sqlx::Error) -> bool {
        match error {
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
            // 1053 shutdown in progress, 1152 and 1184 aborted connection, 1927 connection was killed
            // (MariaDB), 4031 disconnected for inactivity (MySQL).
            sqlx::Error::Database(error) => error
                .try_downcast_ref::<MySqlDatabaseError>()
                .is_some_and(|error| matches!(error.number(), 1053 | 1152 | 1184 | 1927 | 4031)),
            _ => false,
        }
    }

    fn commit_failure(error: &sqlx::Error) -> CommitFailure {
        /// ER_SP_DOES_NOT_EXIST, which is also what an unknown savepoint is called.
        const NO_SUCH_SAVEPOINT: u16 = 1305;

        match error {
            sqlx::Error::Database(database) => {
                match database.try_downcast_ref::<MySqlDatabaseError>() {
                    Some(error) if error.number() == NO_SUCH_SAVEPOINT => CommitFailure::NotOpen,
                    _ if Self::is_connection_lost(error) => CommitFailure::Unknown,
                    _ => CommitFailure::Refused,
                }
            }
            _ => CommitFailure::Unknown,
        }
    }

    fn fetch_optional<'e>(
        connection: &'e mut MySqlConnection,
        statement: Statement<Self>,
    ) -> BoxFuture<'e, Result<Option<sqlx::mysql::MySqlRow>, sqlx::Error>> {
        // sqlx stops at the first row and leaves the rest, errors included, to the next statement.
        Box::pin(first_row::<Self>(Self::fetch_many(connection, statement)))
    }

    hand_on_to_the_connection!();
}
