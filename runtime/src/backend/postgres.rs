//! The backend for PostgreSQL, with and without PgBouncer.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use demarcate_sql::Dialect;
use futures_core::future::BoxFuture;
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Postgres, Row, SqlSafeStr, SqlStr};

use crate::backend::diagnosis::Diagnosis;
use crate::backend::forward::{forward_fetch_many, forward_to_connection};
use crate::backend::transact::TransactionFacts;
use crate::backend::{
    Backend, BeginReply, CommitFailure, Connect, Execute, Recognition, Transact, sealed,
};
#[cfg(feature = "migrate")]
use crate::backend::{Migrate, forward::forward_to_migrator};
use crate::classify::classify;
use crate::error::Error;
use crate::options::effective::Effective;
use crate::options::{Isolation, TxOptions};
use crate::settings::{Pooler, TargetSessionAttrs};
use crate::util::certificate::CertificateFault;

impl sealed::Sealed for Postgres {}

/// The data about a connection to PostgreSQL.
#[doc(hidden)]
pub struct Fitting {
    /// Whether transactions have the server check during a statement that the client is still connected.
    watches_client: bool,
    /// The pid of the backend that ran the last transaction, if no pooler is known to choose it. 0 before the first.
    backend: Option<AtomicU64>,
}

/// The column of the answer to a begin with the id of the transaction.
const TRANSACTION: &str = "demarcate_transaction";

/// The column of the answer to a begin that says what the server is, where it is not of the kind that was asked for.
const UNWANTED: &str = "demarcate_server";

/// Returns the column that asks what the server is, for the list of a SELECT. Empty if any server will do.
fn unwanted(target: TargetSessionAttrs) -> String {
    let conditions = match target {
        TargetSessionAttrs::Any => return String::new(),
        TargetSessionAttrs::Primary => "WHEN pg_is_in_recovery() THEN 'a standby'",
        TargetSessionAttrs::ReadWrite => {
            "WHEN pg_is_in_recovery() THEN 'a standby' \
             WHEN current_setting('default_transaction_read_only') = 'on' \
             THEN 'read-only by `default_transaction_read_only`'"
        }
    };
    format!(", CASE {conditions} END AS {UNWANTED}")
}

/// Returns the text in a column that the answer to a begin may have.
fn text(row: &PgRow, column: &str) -> Result<Option<String>, sqlx::Error> {
    if row.len() == 1 {
        return Ok(None);
    }
    match row.try_get(column) {
        Err(sqlx::Error::ColumnNotFound(_)) => Ok(None),
        text => text,
    }
}

/// How often the server checks that the client is still connected, in milliseconds.
const WATCH: u32 = 250;

impl Execute for Postgres {
    const PREPARES: bool = true;

    const DIALECT: Dialect = Dialect::Postgres;

    fn fetch_optional<'e>(
        connection: &'e mut PgConnection,
        statement: crate::backend::query::Statement<Self>,
    ) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>> {
        // Unlike for other databases, sqlx reads the answer to its end here.
        sqlx::Executor::fetch_optional(connection, statement)
    }

    forward_fetch_many!();
    forward_to_connection!();
}

impl Connect for Postgres {
    const HAS_POOLERS: bool = true;

    const HAS_STANDBYS: bool = true;

    type Fitting = Fitting;

    fn fit(
        connection: &mut PgConnection,
        pooler: Pooler,
    ) -> BoxFuture<'_, Result<Fitting, sqlx::Error>> {
        // `client_connection_check_interval` exists since version 14.
        let can_watch = connection
            .server_version_num()
            .is_some_and(|version| version >= 14_00_00);
        let watches_client = pooler != Pooler::None && can_watch;
        Box::pin(async move {
            // A pooler accepts a client at once, and lets its first statement wait until it has a server connection to
            // lend. Without this statement the own pool would lend a connection that then waits, while others are
            // returned.
            if pooler == Pooler::Session {
                Self::run(connection, "SELECT 1".into_sql_str()).await?;
            }
            Ok(Fitting {
                watches_client,
                backend: (!pooler.shares_sessions()).then(AtomicU64::default),
            })
        })
    }

    fn pooler(options: &PgConnectOptions) -> Pooler {
        Pooler::at(options.get_host(), Some(options.get_port()))
    }

    /// PgBouncer refuses startup parameters that it does not track, such as `extra_float_digits`. The parameter affects
    /// floats in the text format; since version 12 the server sends all their digits without it.
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
            // The message has "SSL off" before version 14, and "no encryption" since.
            "28000" if message.contains("SSL off") || message.contains("no encryption") => {
                Diagnosis::lasting(
                    "is it TLS that the server asks for? write `sslmode=require`, and give sqlx one of its features \
                     `tls-*`; otherwise look at pg_hba.conf",
                )
            }
            "28000" if message.contains("client certificate") => {
                Diagnosis::lasting(CertificateFault::OfClient.advice())
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
}

impl Transact for Postgres {
    const FACTS: TransactionFacts = TransactionFacts {
        enforces_statement_timeout: true,
        // With more subtransactions a backend overflows its cache in shared memory, and the visibility checks of every
        // session read from disk: <https://www.postgresql.org/docs/current/subxacts.html>.
        cheap_savepoints: Some(64),
        ..TransactionFacts::SERVER
    };

    const DEFAULT_ISOLATION: Isolation = Isolation::ReadCommitted;

    /// The parts of `DISCARD ALL`, which itself cannot run inside a transaction.
    const SWEEP: &'static str = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; DEALLOCATE ALL; UNLISTEN *; \
                                 SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES";

    const RESET: Option<&'static str> = Some("DISCARD ALL");

    const ASK_PROCESS: Option<&'static str> = Some("SELECT pg_backend_pid()");

    fn check(_: &TxOptions) -> Result<(), Error> {
        Ok(())
    }

    /// Asks for the pid of the backend with each begin, not once per connection: behind a pooler each transaction may
    /// run on another backend, and cancelling a statement of another client would be worse than cancelling none.
    ///
    /// The query for the pid takes the snapshot that repeatable read and serializable keep for the whole transaction,
    /// so it would precede a LOCK TABLE that has to come before the snapshot. For these levels the query runs in a
    /// transaction of its own, in the same message.
    ///
    /// Behind a pooler the order to cancel a statement may have to wait until a connection of the pooler is free. If
    /// the client disconnects instead, the pooler closes its connection to the server. A server that does not check for
    /// that would run the statement to its end and hold its locks, so `client_connection_check_interval` is set.
    ///
    /// The kind of the server is asked for with the pid. Whether the transaction is read-only says nothing about it, since
    /// the boundary may have asked for that.
    fn begin(options: &Effective, fitting: &Fitting, target: TargetSessionAttrs) -> SqlStr {
        let mut sql = String::new();
        let question = unwanted(target);
        // Writing to a `String` cannot fail.
        let is_frozen = options
            .isolation
            .is_some_and(|isolation| isolation > Isolation::ReadCommitted);
        let asks_first = is_frozen && !options.confirm_commit;
        if asks_first {
            let _ = write!(sql, "BEGIN; SELECT pg_backend_pid(){question}; COMMIT; ");
        }
        sql.push_str("BEGIN");
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
                // Zero would mean no timeout, so a shorter one is rounded up to the server's unit.
                let milliseconds = timeout.as_millis().max(1);
                let _ = write!(sql, "; SET LOCAL {setting} = {milliseconds}");
            }
        }
        if options.confirm_commit {
            let _ = write!(
                sql,
                "; SELECT pg_backend_pid(), pg_current_xact_id()::text AS {TRANSACTION}{question}"
            );
        } else if !asks_first {
            let _ = write!(sql, "; SELECT pg_backend_pid(){question}");
        }
        AssertSqlSafe(sql).into_sql_str()
    }

    fn begun(row: Option<PgRow>) -> Result<BeginReply, sqlx::Error> {
        // Each begin asks for a row: what was read is the answer to something else.
        let row = row.ok_or_else(|| sqlx::Error::Protocol("the begin had no answer".to_owned()))?;
        let process: i32 = row.try_get(0)?;
        Ok(BeginReply {
            process: u64::try_from(process).ok(),
            transaction: text(&row, TRANSACTION)?,
            unwanted: text(&row, UNWANTED)?,
            #[cfg(feature = "sqlite")]
            schema: None,
        })
    }

    fn recognize(fitting: &Fitting, begun: &BeginReply) -> Recognition {
        let (Some(last), Some(now)) = (&fitting.backend, begun.process) else {
            return Recognition::AsBefore;
        };
        match last.swap(now, Ordering::Relaxed) {
            0 => Recognition::AsBefore,
            last if last == now => Recognition::AsBefore,
            _ => Recognition::NewSession,
        }
    }

    /// The server answers COMMIT in a failed transaction with ROLLBACK, which sqlx 0.9 treats as success. SAVEPOINT
    /// fails if there is no transaction that can be committed: with 25P02 in a failed one, with 25P01 outside a
    /// transaction. The text is one message, and the server stops at the first error.
    fn commit(_: &Effective, _: &Fitting) -> SqlStr {
        "SAVEPOINT demarcate_commit; COMMIT".into_sql_str()
    }

    /// The session may read at another level, or be read-only already by somebody else, who may take that back.
    ///
    /// A pooler that nobody spoke of would lend the session to other clients as well. sqlx asks for extra digits of floats
    /// in the message with which it connects (PostgreSQL 20.11.2 "Locale and Formatting"). A pooler takes that for itself, or
    /// refuses it, so that a session whose setting has this source was opened for this connection.
    fn may_run_alone(
        connection: &mut PgConnection,
    ) -> BoxFuture<'_, Result<Option<u64>, sqlx::Error>> {
        const ASK: &str = "SELECT CASE WHEN current_setting('default_transaction_isolation') = 'read committed' \
                           AND current_setting('default_transaction_read_only') = 'off' \
                           AND (SELECT source FROM pg_settings WHERE name = 'extra_float_digits') = 'client' \
                           THEN pg_backend_pid() END";
        Box::pin(async move {
            let row = Self::run_for_row(connection, ASK.into_sql_str()).await?;
            let process: Option<i32> = match row {
                Some(row) => row.try_get(0)?,
                None => None,
            };
            Ok(process.and_then(|process| u64::try_from(process).ok()))
        })
    }

    const READ_ONLY: &'static str = "SET default_transaction_read_only = on";

    /// In a transaction of its own: in the one that follows, a rollback would undo it.
    const WRITE_AGAIN: &'static str = "BEGIN; RESET default_transaction_read_only; COMMIT; ";

    fn roll_back<'c>(
        connection: &'c mut PgConnection,
        _: &Effective,
        _: &Fitting,
    ) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        Self::run(connection, "ROLLBACK".into_sql_str())
    }

    /// Cancels the running statement. A backend that runs no statement ignores the request.
    fn stop(_: &Fitting, begun: &BeginReply) -> Option<SqlStr> {
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
            // In progress, or too old for the server to know.
            _ => None,
        })
    }

    fn settle(connection: &mut PgConnection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(async move {
            // The ping reads the rest of the dropped statement's answer first. If that is an error, sqlx stops there,
            // and a second ping reads the rest.
            match connection.ping().await {
                Err(sqlx::Error::Database(_)) => connection.ping().await,
                other => other,
            }
        })
    }

    fn commit_failure(error: &sqlx::Error) -> CommitFailure {
        match error {
            sqlx::Error::Database(database) => match database.code().as_deref() {
                Some("25P01" | "25P02") => CommitFailure::NotOpen,
                // Class 08 is "connection exception", a protocol violation among them.
                Some(code) if code.starts_with("08") => CommitFailure::Unknown,
                // The session had been idle in its transaction for too long before COMMIT arrived.
                Some("25P03") => CommitFailure::Refused,
                _ if classify(error).leaves_outcome_open() => CommitFailure::Unknown,
                // Only COMMIT fails with these, and ends the transaction: a deferred constraint or trigger, a conflict.
                Some(code)
                    if ["23", "40", "P0"]
                        .iter()
                        .any(|class| code.starts_with(class)) =>
                {
                    CommitFailure::RolledBack
                }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(options: TxOptions, target: TargetSessionAttrs) -> String {
        let options = Effective::resolve(options, &TxOptions::new(), |_| Ok(())).unwrap();
        let fitting = Fitting {
            watches_client: false,
            backend: None,
        };
        Postgres::begin(&options, &fitting, target)
            .as_str()
            .to_owned()
    }

    #[test]
    fn the_kind_of_the_server_is_asked_for_where_the_pid_is() {
        use TargetSessionAttrs::{Any, Primary, ReadWrite};

        let asks = ", CASE WHEN pg_is_in_recovery() THEN 'a standby' END AS demarcate_server";
        assert_eq!(
            begin(TxOptions::new(), Any),
            "BEGIN; SELECT pg_backend_pid()"
        );
        assert_eq!(
            begin(TxOptions::new(), Primary),
            format!("BEGIN; SELECT pg_backend_pid(){asks}")
        );
        // The question is about the server: the transaction is read-only because the boundary is.
        let reads = begin(TxOptions::new().read_only(), ReadWrite);
        assert!(reads.starts_with("BEGIN READ ONLY; SELECT pg_backend_pid(), CASE WHEN pg_is"));
        assert!(reads.contains("current_setting('default_transaction_read_only') = 'on'"));
        assert!(!reads.contains("'transaction_read_only'"), "{reads}");
        // Before the snapshot that the transaction keeps.
        assert_eq!(
            begin(TxOptions::new().isolation(Isolation::Serializable), Primary),
            format!(
                "BEGIN; SELECT pg_backend_pid(){asks}; COMMIT; BEGIN ISOLATION LEVEL SERIALIZABLE"
            )
        );
        assert_eq!(
            begin(TxOptions::new().confirm_commit(), Primary),
            format!(
                "BEGIN; SELECT pg_backend_pid(), pg_current_xact_id()::text AS demarcate_transaction{asks}"
            )
        );
    }
}
