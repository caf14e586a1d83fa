//! Detects the connection pooler in front of PostgreSQL by experiment.

use std::fmt;
use std::time::Duration;

use sqlx::{ConnectOptions, Connection, PgConnection, Postgres, SqlSafeStr};
use tokio::time::{sleep, timeout};

use crate::error::Error;
use crate::factory::SessionFactory;
use crate::pool::Pool;
use crate::settings::Pooler;
use crate::targets;

/// The result of [`verify_pooler`](SessionFactory::verify_pooler).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolerReport {
    /// The pooler that the session factory was configured with, or has detected from its settings.
    pub configured: Pooler,
    /// The pooler that was found.
    pub found: Pooler,
    /// Whether a `SET` in one session was visible in another.
    pub leaks: bool,
}

impl PoolerReport {
    /// Whether the configured pooler is the one that was found.
    #[must_use]
    pub fn is_as_configured(&self) -> bool {
        self.configured == self.found
    }
}

impl fmt::Display for PoolerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.found {
            Pooler::None => "there is no pooler between the sessions and the server",
            Pooler::Session => "a pooler assigns a connection to each session",
            Pooler::Transaction => "a pooler assigns a connection to each transaction",
        })?;
        if self.leaks {
            f.write_str("; a SET in one session is visible in another")?;
        }
        if !self.is_as_configured() {
            write!(f, "; the configured pooler is `{}`", self.configured)?;
        }
        Ok(())
    }
}

impl SessionFactory<Postgres> {
    /// Detects the pooler between the program and the server, with two connections outside the pool: whether both reach the
    /// same backend, whether a `SET` on one is visible on the other, and whether a backend is older than its connection.
    /// Logs a warning if the result is not the [configured](crate::Builder::pooler) pooler.
    ///
    /// It takes about 30 round trips; call it once, when the program starts.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), demarcate::Error> {
    /// use demarcate::postgres::SessionFactory;
    ///
    /// let db = SessionFactory::connect("postgres://app@db.internal:6432/shop").await?;
    /// let report = db.verify_pooler().await?;
    /// assert!(report.is_as_configured(), "{report}");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] if no connection can be made within the
    /// [`acquire_timeout`](crate::Builder::acquire_timeout), [`Error::Database`] if a connection is lost.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, its connections are closed.
    pub async fn verify_pooler(&self) -> Result<PoolerReport, Error> {
        let (found, leaks) = find(self.pool()).await?;
        let report = PoolerReport {
            configured: self.pool().pooler(),
            found,
            leaks,
        };
        if report.is_as_configured() {
            tracing::info!(target: targets::VERIFY, pooler = %report.found, "{report}");
        } else {
            tracing::warn!(
                target: targets::VERIFY,
                configured = %report.configured,
                found = %report.found,
                "the pooler is not what was configured: {report}",
            );
        }
        Ok(report)
    }
}

/// The number of rounds. Other clients of the pooler may interfere with one.
const ROUNDS: usize = 5;

/// How long the second session is waited for. A pooler in session mode whose connections are all in use does not serve it.
const FURTHER_SESSION: Duration = Duration::from_secs(1);

/// Returns the pooler, and whether a `SET` in one session was visible in another.
async fn find(pool: &Pool<Postgres>) -> Result<(Pooler, bool), Error> {
    let mut one = connect(pool, pool.patience()).await?;
    let other = connect(pool, FURTHER_SESSION).await;
    let mut shares = false;
    let mut leaks = false;
    if let Ok(mut other) = other {
        for round in 0..ROUNDS {
            let before = ask(&mut one, BACKEND).await?;
            leaks |= leak(&mut one, &mut other, round).await?;
            shares |= leaks
                || ask(&mut other, BACKEND).await? == before
                || ask(&mut one, BACKEND).await? != before;
        }
        close(other).await;
    }
    let now = ask(&mut one, "SELECT clock_timestamp()::text").await?;
    close(one).await;
    if shares {
        return Ok((Pooler::Transaction, leaks));
    }
    for _ in 0..ROUNDS {
        let mut next = connect(pool, pool.patience()).await?;
        let older = format!(
            "SELECT (backend_start < '{now}')::text FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        );
        let is_older = ask(&mut next, older).await? == "true";
        close(next).await;
        if is_older {
            return Ok((Pooler::Session, leaks));
        }
        // A pooler resets a connection before it assigns it again.
        sleep(Duration::from_millis(20)).await;
    }
    Ok((Pooler::None, leaks))
}

/// Returns the process id of the backend.
const BACKEND: &str = "SELECT pg_backend_pid()::text";

/// Whether a setting of one session is visible in the other. Resets it in both, since a pooler does not.
async fn leak(
    one: &mut PgConnection,
    other: &mut PgConnection,
    round: usize,
) -> Result<bool, Error> {
    let mark = format!("{}_{round}", std::process::id());
    ask(
        one,
        format!("SELECT set_config('demarcate.verify', '{mark}', false)"),
    )
    .await?;
    let seen = ask(
        other,
        "SELECT coalesce(current_setting('demarcate.verify', true), '')",
    )
    .await?;
    for session in [one, other] {
        ask(session, "SELECT set_config('demarcate.verify', '', false)").await?;
    }
    Ok(seen == mark)
}

/// Opens a session and runs a query on it: a pooler accepts a client before it has a connection for it.
async fn connect(pool: &Pool<Postgres>, patience: Duration) -> Result<PgConnection, Error> {
    let connected = async {
        let mut connection = pool.spare().options().connect().await?;
        <Postgres as crate::Backend>::run(&mut connection, BACKEND.into_sql_str()).await?;
        Ok(connection)
    };
    match timeout(patience, connected).await {
        Ok(connection) => connection.map_err(Pool::<Postgres>::refused),
        Err(_) => Err(Pool::<Postgres>::no_answer(patience)),
    }
}

async fn close(connection: PgConnection) {
    // The server notices the close in any case, so an error is ignored.
    connection.close().await.ok();
}

/// Runs a query outside any transaction, and returns its single value.
async fn ask(connection: &mut PgConnection, sql: impl Into<String>) -> Result<String, Error> {
    let sql = sqlx::AssertSqlSafe(sql.into()).into_sql_str();
    let row = <Postgres as crate::Backend>::run_for_row(connection, sql).await?;
    match row {
        Some(row) => Ok(sqlx::Row::try_get(&row, 0)?),
        None => Err(sqlx::Error::RowNotFound.into()),
    }
}
