//! The boundary that something happens to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use demarcate::{Session, SessionFactory, TxOptions};
use futures_util::TryStreamExt;
use sqlx::AssertSqlSafe;
use tokio::sync::Notify;

use crate::case::{Case, Cause, Database, Point};
use crate::target::Target;

/// What the boundary is called in the statistics.
pub(crate) const NAME: &str = "victim";

/// A half-open connection is found out by the boundary's own timeout alone.
const HALF_OPEN_TIMEOUT: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(20);

/// How the boundary and what happens to it take turns.
pub(crate) struct Script {
    pub(crate) case: Case,
    /// The point is reached.
    pub(crate) reached: Notify,
    /// Panic, fail, or go on.
    pub(crate) go: Notify,
    /// The caller loses its patience.
    pub(crate) give_up: Notify,
    /// The hook may end.
    pub(crate) hook_may_end: Notify,
    pub(crate) hooks: AtomicU32,
}

impl Script {
    pub(crate) fn of(case: Case) -> Arc<Self> {
        Arc::new(Self {
            case,
            reached: Notify::new(),
            go: Notify::new(),
            give_up: Notify::new(),
            hook_may_end: Notify::new(),
            hooks: AtomicU32::new(0),
        })
    }

    /// Waits for a statement, unless the body is meant to end before that.
    async fn race<T, E>(&self, statement: impl Future<Output = Result<T, E>>) -> Result<T, Failed>
    where
        Failed: From<E>,
    {
        if !self.case.cause.is_of_the_body() {
            return Ok(statement.await?);
        }
        tokio::select! {
            biased;
            done = statement => Ok(done?),
            () = self.pause() => Err(Failed::Meant),
        }
    }

    /// Waits for something else than the database.
    async fn pause(&self) {
        self.go.notified().await;
        if self.case.cause == Cause::Panic {
            // As a panic, without its words on standard error.
            std::panic::resume_unwind(Box::new("meant"));
        }
    }

    /// The same, where the body may end there.
    async fn pause_here(&self) -> Result<(), Failed> {
        self.reached.notify_one();
        self.pause().await;
        match self.case.cause {
            Cause::Error => Err(Failed::Meant),
            _ => Ok(()),
        }
    }
}

/// Why the body failed.
#[derive(Debug)]
pub(crate) enum Failed {
    Meant,
    Told(demarcate::Error),
}

impl From<demarcate::Error> for Failed {
    fn from(error: demarcate::Error) -> Self {
        Self::Told(error)
    }
}

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Self::Told(error.into())
    }
}

/// Takes a lock, stores two items, and has a hook.
pub(crate) async fn open<DB: Target>(
    db: SessionFactory<DB>,
    script: Arc<Script>,
) -> Result<(), Failed> {
    let timeout = match script.case.cause {
        Cause::HalfOpen => HALF_OPEN_TIMEOUT,
        _ => TIMEOUT,
    };
    let options = TxOptions::new().name(NAME).timeout(timeout);
    db.transaction_with(options, async |tx: &mut Session<DB>| {
        body(tx, &script).await
    })
    .await
}

async fn body<DB: Target>(tx: &mut Session<DB>, script: &Arc<Script>) -> Result<(), Failed> {
    tx.after_commit(hook(Arc::clone(script)));
    let point = script.case.point;
    let first = run(tx, "update locks set n = n + 1 where id = 1");
    match point {
        // It takes a connection and begins.
        Point::Acquire | Point::Begin => script.race(noticed(script, first)).await?,
        _ => first.await?,
    }
    run(tx, "insert into items (id) values (1)").await?;
    match point {
        Point::Running => script.race(noticed(script, run(tx, DB::SLOW))).await?,
        Point::Locked => {
            script
                .race(run(tx, "update locks set n = n + 1 where id = 2"))
                .await?
        }
        Point::Rows => {
            let mut rows = sqlx::raw_sql(DB::ROWS).fetch(&mut *tx);
            rows.try_next().await?;
            script.pause_here().await?;
            while rows.try_next().await?.is_some() {}
        }
        Point::Between => script.pause_here().await?,
        Point::Savepoint | Point::Release => {
            let is_inside = script.case.database == Database::Sqlite;
            let scope = tx.savepoint(async |tx: &mut Session<DB>| {
                if is_inside {
                    script.pause_here().await?;
                }
                run(tx, "insert into items (id) values (3)").await?;
                run(tx, "delete from items where id = 3").await?;
                Ok::<_, Failed>(())
            });
            script.race(scope).await?;
        }
        _ => {}
    }
    run(tx, "insert into items (id) values (2)").await?;
    if point == Point::CommitDone {
        // Where there is no message to look for: what follows is sent before anybody else has a turn.
        script.reached.notify_one();
    }
    Ok(())
}

/// Says that the point is reached as soon as the statement is under way.
async fn noticed(
    script: &Script,
    statement: impl Future<Output = Result<(), Failed>>,
) -> Result<(), Failed> {
    let mut statement = std::pin::pin!(statement);
    std::future::poll_fn(|cx| {
        let polled = statement.as_mut().poll(cx);
        script.reached.notify_one();
        polled
    })
    .await
}

async fn run<DB: Target>(tx: &mut Session<DB>, sql: &'static str) -> Result<(), Failed> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await?;
    Ok(())
}

async fn hook(script: Arc<Script>) {
    script.hooks.fetch_add(1, Ordering::Relaxed);
    if script.case.point == Point::Hook {
        script.reached.notify_one();
        script.hook_may_end.notified().await;
        if script.case.cause == Cause::Panic {
            std::panic::resume_unwind(Box::new("meant"));
        }
    }
}
