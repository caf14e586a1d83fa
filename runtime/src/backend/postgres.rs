//! PostgreSQL.

use std::fmt::Write as _;

use demarcate_sql::Dialect;
use futures_core::future::BoxFuture;
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Postgres, Row, SqlSafeStr, SqlStr};

use crate::backend::diagnosis::Diagnosis;
use crate::backend::forward::forward_to_connection;
use crate::backend::transact::TransactionFacts;
use crate::backend::{Backend, Begun, CommitFailure, Connect, Execute, Transact, sealed};
#[cfg(feature = "migrate")]
use crate::backend::{Migrate, forward::forward_to_migrator};
use crate::classify::replay;
use crate::error::Error;
use crate::options::effective::Effective;
use crate::options::{Isolation, TxOptions};
use crate::settings::Pooler;

impl sealed::Sealed for Postgres {}

/// What there is to know of a connection.
#[doc(hidden)]
pub struct Fitting {
    /// The server has to look by itself whether anybody still waits for a statement.
    watches_client: bool,
}

/// How often the server looks, in milliseconds.
const WATCH: u32 = 250;

impl Execute for Postgres {
    const PREPARES: bool = true;

    const DIALECT: Dialect = Dialect::Postgres;

    fn fetch_optional<'e>(
        connection: &'e mut PgConnection,
        statement: crate::backend::query::Statement<Self>,
    ) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>> {
        // sqlx reads the answer to its end.
        sqlx::Executor::fetch_optional(connection, statement)
    }

    forward_to_connection!();
}

impl Connect for Postgres {
    const HAS_POOLERS: bool = true;

    type Fitting = Fitting;

    fn fit(
        connection: &mut PgConnection,
        pooler: Pooler,
    ) -> BoxFuture<'_, Result<Fitting, sqlx::Error>> {
        // From version 14 on it can.
        let can_watch = connection
            .server_version_num()
            .is_some_and(|version| version >= 14_00_00);
        let watches_client = pooler != Pooler::None && can_watch;
        Box::pin(async move {
            // A pooler lets a client in by itself, and lets its first statement wait for as long as it has no connection
            // to lend. One that is made like this would be waited for while others come back.
            if pooler == Pooler::Session {
                Self::run(connection, "SELECT 1".into_sql_str()).await?;
            }
            Ok(Fitting { watches_client })
        })
    }

    fn pooler(options: &PgConnectOptions) -> Pooler {
        Pooler::at(options.get_host(), Some(options.get_port()))
    }

    /// PgBouncer refuses a startup parameter that it does not follow. This one is about floats that are
    /// sent as text; since version 12 the server sends all their digits without it.
    fn behind(options: PgConnectOptions, pooler: Pooler) -> PgConnectOptions {
        match pooler {
            Pooler::None => options,
            Pooler::Session | Pooler::Transaction => options.extra_float_digits(None),
        }
    }

    fn named(options: PgConnectOptions, application_name: &str) -> Result<PgConnectOptions, Error> {
        Ok(options.application_name(application_name))
    }

    fn refusal(error: &dyn DatabaseError) -> Option<Diagnosis> {
        let message = error.message();
        Some(match &*error.code()? {
            // admin_shutdown, crash_shutdown, cannot_connect_now
            "57P01" | "57P02" | "57P03" => Diagnosis::passing(
                "the server is starting or stopping; `startup_timeout` waits for one that starts",
            ),
            "53300" => Diagnosis::lasting(
                "the server, the database or the role has as many connections as it may: lower `max_connections` of \
                 the programs that share it, or raise the server's limit",
            ),
            _ if message == "unsupported startup parameter: extra_float_digits" => {
                Diagnosis::lasting(
                    "this is a pooler; say so with `pgbouncer=true` in the URL, `DB_POOLER` or `Builder::pooler`",
                )
            }
            _ if message.starts_with("unsupported startup parameter: ") => Diagnosis::lasting(
                "the pooler does not take it; take it out of the URL and of PGOPTIONS, and set it for the user with \
                 `ALTER ROLE .. SET ..`",
            ),
            "28P01" => Diagnosis::lasting("look at the user and the password"),
            // The server's word for it before and since version 14.
            "28000" if message.contains("SSL off") || message.contains("no encryption") => {
                Diagnosis::lasting(
                    "is it TLS that the server asks for? write `sslmode=require`, and give sqlx one of its features \
                     `tls-*`; otherwise look at pg_hba.conf",
                )
            }
            "28000" => Diagnosis::lasting(
                "may this user log in to this database from here? look at pg_hba.conf",
            ),
            "3D000" => Diagnosis::lasting("create the database, or look at how its name is spelt"),
            "42501" => Diagnosis::lasting("grant the user CONNECT on the database"),
            // PgBouncer's own errors.
            "08P01" if message.contains("SSL required") => Diagnosis::lasting(
                "is it TLS that the pooler asks for? write `sslmode=require`, and give sqlx one of its features `tls-*`",
            ),
            "08P01"
                if message.contains("server login")
                    || message.contains("cannot connect to server") =>
            {
                Diagnosis::passing("the pooler does not reach its server: is that running?")
            }
            "08P01" if message.contains("query_wait_timeout") => Diagnosis::lasting(
                "all connections of the pooler are in use: look for boundaries that take long, or raise its \
                 `default_pool_size`",
            ),
            _ => return None,
        })
    }

    fn is_connection_lost(error: &sqlx::Error) -> bool {
        match error {
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
            // Class 08 is "connection exception". 57P01 to 57P05 are shutdown, crash, "cannot connect
            // now", a dropped database, and a session that was idle for too long; 25P03 one that was
            // idle in a transaction.
            sqlx::Error::Database(error) => error.code().is_some_and(|code| {
                code.starts_with("08") || code.starts_with("57P") || code == "25P03"
            }),
            _ => false,
        }
    }
}

impl Transact for Postgres {
    const FACTS: TransactionFacts = TransactionFacts {
        enforces_statement_timeout: true,
        // Beyond this a backend's subtransactions overflow shared memory, and everybody's visibility checks read from
        // disk: <https://www.postgresql.org/docs/current/subxacts.html>.
        cheap_savepoints: Some(64),
        ..TransactionFacts::SERVER
    };

    const DEFAULT_ISOLATION: Isolation = Isolation::ReadCommitted;

    /// What `DISCARD ALL` stands for, which cannot be sent inside a transaction.
    const SWEEP: &'static str = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; DEALLOCATE ALL; UNLISTEN *; \
                                 SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES";

    fn check(_: &TxOptions) -> Result<(), Error> {
        Ok(())
    }

    /// The number of the backend comes with the begin, and not once for a connection: behind a pooler the
    /// backend is another one for each transaction, and to stop a statement of somebody else's would be
    /// worse than to stop none.
    ///
    /// To ask for it takes the snapshot that repeatable read and serializable keep from then on, which
    /// would come before a LOCK TABLE that is meant to come first. There it is asked in a transaction
    /// of its own, in the same message.
    ///
    /// Behind a pooler the order to stop a statement may have to wait for a connection, while all that the
    /// pooler has are in use. A client that goes away makes the pooler close its connection to the
    /// server; a server that does not look would run the statement to its end, and hold its locks.
    fn begin(options: &Effective, fitting: &Fitting) -> SqlStr {
        let mut sql = String::new();
        let is_frozen = options
            .isolation
            .is_some_and(|isolation| isolation > Isolation::ReadCommitted);
        let asks_first = is_frozen && !options.confirm_commit;
        if asks_first {
            sql.push_str("BEGIN; SELECT pg_backend_pid(); COMMIT; ");
        }
        sql.push_str("BEGIN");
        // Writing to a `String` cannot fail.
        if let Some(isolation) = options.isolation {
            let _ = write!(sql, " ISOLATION LEVEL {}", isolation.as_sql());
        }
        if options.is_read_only() {
            sql.push_str(" READ ONLY");
        }
        if options.deferrable {
            sql.push_str(" DEFERRABLE");
        }
        if fitting.watches_client {
            let _ = write!(
                sql,
                "; SET LOCAL client_connection_check_interval = {WATCH}"
            );
        }
        for (setting, timeout) in [
            ("statement_timeout", options.statement_timeout),
            ("lock_timeout", options.lock_timeout),
            ("idle_in_transaction_session_timeout", options.idle_timeout),
        ] {
            if let Some(timeout) = timeout {
                // Less than the server's unit would be 0, which is none.
                let milliseconds = timeout.as_millis().max(1);
                let _ = write!(sql, "; SET LOCAL {setting} = {milliseconds}");
            }
        }
        if options.confirm_commit {
            sql.push_str("; SELECT pg_backend_pid(), pg_current_xact_id()::text");
        } else if !asks_first {
            sql.push_str("; SELECT pg_backend_pid()");
        }
        AssertSqlSafe(sql).into_sql_str()
    }

    fn begun(row: Option<PgRow>) -> Result<Begun, sqlx::Error> {
        let Some(row) = row else {
            return Ok(Begun::default());
        };
        let process: i32 = row.try_get(0)?;
        Ok(Begun {
            process: u64::try_from(process).ok(),
            transaction: if row.len() > 1 {
                Some(row.try_get(1)?)
            } else {
                None
            },
        })
    }

    /// The server answers COMMIT in a failed transaction with ROLLBACK, and sqlx 0.9 takes that for
    /// success. SAVEPOINT fails where there is no transaction that could be committed: with 25P02 in a
    /// failed one, with 25P01 outside any. The text is one message, and ends at the first error.
    fn commit(_: &Effective, _: &Fitting) -> SqlStr {
        "SAVEPOINT demarcate_commit; COMMIT".into_sql_str()
    }

    fn roll_back<'c>(
        connection: &'c mut PgConnection,
        _: &Effective,
        _: &Fitting,
    ) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        Self::run(connection, "ROLLBACK".into_sql_str())
    }

    /// A backend that is between two statements takes no notice of it.
    fn stop(_: &Fitting, begun: &Begun) -> Option<SqlStr> {
        let process = begun.process?;
        Some(AssertSqlSafe(format!("SELECT pg_cancel_backend({process})")).into_sql_str())
    }

    fn ask_outcome(transaction: &str) -> Option<SqlStr> {
        let sql = format!("SELECT pg_xact_status('{transaction}'::xid8)");
        Some(AssertSqlSafe(sql).into_sql_str())
    }

    fn outcome(row: Option<PgRow>) -> Result<Option<bool>, sqlx::Error> {
        let Some(row) = row else { return Ok(None) };
        let status: Option<String> = row.try_get(0)?;
        Ok(match status.as_deref() {
            Some("committed") => Some(true),
            Some("aborted") => Some(false),
            // In progress, or so long ago that the server has forgotten it.
            _ => None,
        })
    }

    fn settle(connection: &mut PgConnection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(async move {
            // The answer to what was dropped is read here. Where it is an error, sqlx stops at it, with
            // the rest still to be read.
            match connection.ping().await {
                Err(sqlx::Error::Database(_)) => connection.ping().await,
                other => other,
            }
        })
    }

    fn may_succeed_again(error: &sqlx::Error) -> bool {
        match error.as_database_error() {
            Some(error) => replay::postgres(error),
            None => Self::is_connection_lost(error),
        }
    }

    fn commit_failure(error: &sqlx::Error) -> CommitFailure {
        match error {
            sqlx::Error::Database(database) => match database.code().as_deref() {
                Some("25P01" | "25P02") => CommitFailure::NotOpen,
                // statement_completion_unknown
                Some("40003") => CommitFailure::Unknown,
                // The session had been idle in its transaction for too long before COMMIT arrived.
                Some("25P03") => CommitFailure::Refused,
                _ if Self::is_connection_lost(error) => CommitFailure::Unknown,
                _ => CommitFailure::Refused,
            },
            _ => CommitFailure::Unknown,
        }
    }
}

impl Backend for Postgres {}

#[cfg(feature = "migrate")]
impl Migrate for Postgres {
    forward_to_migrator!();
}
