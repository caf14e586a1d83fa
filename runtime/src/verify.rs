//! What really stands between the program and PostgreSQL.

use std::fmt;
use std::time::Duration;

use sqlx::{ConnectOptions, Connection, PgConnection, Postgres, SqlSafeStr};
use tokio::time::{sleep, timeout};

use crate::error::Error;
use crate::factory::SessionFactory;
use crate::pool::Pool;
use crate::settings::Pooler;
use crate::targets;

/// What [`verify_pooler`](SessionFactory::verify_pooler) has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolerReport {
    /// What the session factory was told, or has seen in its settings.
    pub configured: Pooler,
    /// What was found.
    pub found: Pooler,
    /// Whether a `SET` of one session reached another.
    pub leaks: bool,
}

impl PoolerReport {
    /// Whether the session factory was told what was found.
    #[must_use]
    pub fn is_as_configured(&self) -> bool {
        self.configured == self.found
    }
}

impl fmt::Display for PoolerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.found {
            Pooler::None => "nothing stands between the sessions and the server",
            Pooler::Session => "a pooler lends each session a connection for as long as it stays",
            Pooler::Transaction => {
                "a pooler lends each transaction a connection, which the next shares"
            }
        })?;
        if self.leaks {
            f.write_str("; a SET of one session reached another")?;
        }
        if !self.is_as_configured() {
            write!(f, "; configured is `{}`", self.configured)?;
        }
        Ok(())
    }
}

impl SessionFactory<Postgres> {
    /// Proves what stands between the program and the server, with two connections beside the pool: do both
    /// meet the same backend, does a `SET` of one reach the other, is a backend older than its connection.
    /// Where that is not what was [configured](crate::Builder::pooler) it is logged as a warning.
    ///
    /// It takes some 30 round trips: once, when the program starts.
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
    /// [`Error::Connect`] where no connection can be made within the
    /// [`acquire_timeout`](crate::Builder::acquire_timeout), [`Error::Database`] for one that is lost.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it closes its connections.
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

/// How often the sessions take turns. Other clients of the pooler may come in between.
const ROUNDS: usize = 5;

/// Under a pooler in session mode whose connections are all in use, a further session is not let in.
const FURTHER_SESSION: Duration = Duration::from_secs(1);

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
        // A pooler cleans a connection before it lends it again.
        sleep(Duration::from_millis(20)).await;
    }
    Ok((Pooler::None, leaks))
}

const BACKEND: &str = "SELECT pg_backend_pid()::text";

/// Whether what one session sets is what the other has. It is taken back where it was found: a pooler does
/// not do so.
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

/// A session that is served: a pooler lets a client in before it has a connection to lend.
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
    // The server learns of it this way or the other; there is nobody to tell.
    connection.close().await.ok();
}

/// One text, outside any transaction.
async fn ask(connection: &mut PgConnection, sql: impl Into<String>) -> Result<String, Error> {
    let sql = sqlx::AssertSqlSafe(sql.into()).into_sql_str();
    let row = <Postgres as crate::Backend>::run_for_row(connection, sql).await?;
    match row {
        Some(row) => Ok(sqlx::Row::try_get(&row, 0)?),
        None => Err(sqlx::Error::RowNotFound.into()),
    }
}
