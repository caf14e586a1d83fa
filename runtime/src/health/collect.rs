//! Collects the readings of the database within a time limit.

use std::borrow::Cow;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use sqlx::SqlSafeStr;
use tokio::time::{Instant, timeout, timeout_at};

use super::examine::{Asker, Examine, Who};
use super::history::{History, ReplicaHistories};
use super::readings::{Reading, Readings};
use crate::backend::Backend;
use crate::classify::Redacted;
use crate::factory::SessionFactory;
use crate::pool::{Connection, Pool};
use crate::scope::site::{Site, SiteKind};
use crate::settings::Pooler;

/// The result of one collection.
pub(super) struct Collected {
    /// Whether the database answered, and how fast.
    pub(super) contact: Contact,
    /// The readings, or why there are none.
    pub(super) readings: Reading<Readings>,
}

/// Whether the database answered.
pub(super) enum Contact {
    /// Reachable: the round-trip time.
    Answered(Duration),
    /// Reachable, but a diagnostic query failed: the round-trip time, and the error.
    Incomplete(Duration, String),
    /// Reachable, but the diagnostic queries timed out: the round-trip time, and the time that they had.
    Slow(Duration, Duration),
    /// Not reachable: the error, and advice if there is any for it.
    Failed(String, Option<&'static str>),
    /// Not asked: the reason.
    Busy(Cow<'static, str>),
}

impl Collected {
    fn failed(evidence: String, advice: Option<&'static str>) -> Self {
        Self {
            contact: Contact::Failed(evidence, advice),
            readings: Err("the database could not be asked".into()),
        }
    }
}

/// How long the collection waits for the only connection of a database in memory.
const TURN: Duration = Duration::from_millis(100);

/// The boundary that is shown as the holder of a pool connection during the collection.
const SITE: Site = Site::new("health", SiteKind::Closure, file!(), line!());

/// Collects the readings. It takes at most `limit`.
///
/// # Cancel safety
///
/// If it is dropped, the connection in use is closed; the next collection opens another.
pub(super) async fn collect<DB: Examine>(db: &SessionFactory<DB>, limit: Duration) -> Collected {
    let pool = db.pool();
    if pool.is_closing() {
        return Collected::failed(
            "the session factory closes, or is closed".to_owned(),
            Some("connect another factory, unless the program ends"),
        );
    }
    let deadline = Instant::now() + limit;
    if DB::is_lost_with_its_connection(pool.control().options()) {
        return collect_from_only_connection(db.clone(), deadline).await;
    }
    let history = db.extensions().get_or_default::<History>();
    collect_from(pool, &history, deadline, limit).await
}

/// Collects the readings of each replica of the factory, all at once. It takes at most `limit`.
///
/// # Cancel safety
///
/// As [`collect`].
pub(super) async fn collect_from_replicas<DB: Examine>(
    db: &SessionFactory<DB>,
    limit: Duration,
) -> Vec<Collected> {
    let histories = db.extensions().get_or_default::<ReplicaHistories>();
    let deadline = Instant::now() + limit;
    let replicas = db.replicas().pools().iter().enumerate();
    let collected = replicas.map(|(number, pool)| {
        let history = histories.of(number);
        async move { collect_from(pool, &history, deadline, limit).await }
    });
    join_all(collected).await
}

/// Collects over the control connection of a pool, or over an idle connection of it.
async fn collect_from<DB: Examine>(
    pool: &Pool<DB>,
    history: &History,
    deadline: Instant,
    limit: Duration,
) -> Collected {
    // If the connections of the pool hold all sessions of a pooler in session mode, a further one would not be served.
    let idle = match pool.pooler() {
        Pooler::Session => free_or_served(pool, Instant::now() + limit / 2).await,
        Pooler::None | Pooler::Transaction => None,
    };
    let mut asker = Asker(Who::ControlConnection { pool, idle });
    let collected = ask(&mut asker, pool, history, deadline, limit).await;
    asker.give_back();
    if pool.is_closing() {
        // The connection may have been opened after the pool closed the others.
        pool.control().close().await;
    }
    collected
}

/// Returns a connection of the pool if one is idle, or becomes idle before a pooler serves the control connection; `None` at
/// `latest`.
async fn free_or_served<DB: Backend>(
    pool: &Pool<DB>,
    latest: Instant,
) -> Option<Box<Connection<DB>>> {
    if let Some(idle) = pool.acquire_idle(SITE).await {
        return Some(Box::new(idle));
    }
    let free = pin!(pool.acquire(SITE));
    let served = pin!(pool.control().ask("select 1".into_sql_str()));
    match timeout_at(latest, select(free, served)).await {
        Ok(Either::Left((Ok(free), _))) => Some(Box::new(free)),
        // Whatever is wrong, the control connection says it when it is asked.
        Ok(_) | Err(_) => None,
    }
}

/// Collects over the only connection of a database in memory. The database is lost with that connection, so a task owns it
/// and always returns it to the pool, even after the deadline.
async fn collect_from_only_connection<DB: Examine>(
    db: SessionFactory<DB>,
    deadline: Instant,
) -> Collected {
    let Ok(lent) = timeout(TURN, db.pool().acquire(SITE)).await else {
        return Collected {
            contact: Contact::Busy("its only connection is in use".into()),
            readings: Err("the only connection of a database in memory is in use".into()),
        };
    };
    let connection = match lent {
        Ok(connection) => connection,
        Err(error) => return Collected::failed(error.to_string(), None),
    };
    let limit = deadline.saturating_duration_since(Instant::now());
    let task = tokio::spawn(async move {
        let mut asker = Asker(Who::Only(Box::new(connection)));
        let far = Instant::now() + Duration::from_secs(60 * 60);
        let history = db.extensions().get_or_default::<History>();
        let collected = ask(&mut asker, db.pool(), &history, far, limit).await;
        asker.give_back();
        collected
    });
    match timeout_at(deadline, task).await {
        Ok(Ok(collected)) => collected,
        Ok(Err(panicked)) => Collected::failed(panicked.to_string(), None),
        Err(_) => no_answer(limit, Pooler::None),
    }
}

/// Measures a round trip, and then reads everything that the checks need, until `deadline`.
async fn ask<DB: Examine>(
    asker: &mut Asker<'_, DB>,
    pool: &Pool<DB>,
    history: &History,
    deadline: Instant,
    limit: Duration,
) -> Collected {
    // The control connection may be dead without an error. After half of the time it is dropped, and a new one is opened.
    let half_time = Instant::now() + limit / 2;
    let answered = match timeout_at(half_time.min(deadline), round_trip(asker)).await {
        Ok(answered) => Ok(answered),
        Err(_) => timeout_at(deadline, round_trip(asker)).await,
    };
    let round_trip = match answered {
        Ok(Ok(round_trip)) => round_trip,
        Ok(Err(error)) => {
            let advice = DB::diagnose(&error).advice;
            return Collected::failed(Redacted(&error).to_string(), Some(advice));
        }
        Err(_) => return no_answer(limit, pool.pooler()),
    };
    let had = deadline.saturating_duration_since(Instant::now());
    match timeout_at(deadline, DB::examine(asker, history)).await {
        Ok(Ok(mut readings)) => {
            if let (Ok(None), Some(ago)) = (&readings.read_only, pool.learned().refused_write()) {
                readings.read_only = Ok(Some(refused_write(ago)));
            }
            Collected {
                contact: Contact::Answered(round_trip),
                readings: Ok(readings),
            }
        }
        Ok(Err(error)) => Collected {
            contact: Contact::Incomplete(round_trip, Redacted(&error).to_string()),
            readings: Err("the database did not answer a diagnostic query".into()),
        },
        Err(_) => Collected {
            contact: Contact::Slow(round_trip, had),
            readings: Err(format!("the database had no answer within {had:.1?}").into()),
        },
    }
}

/// Measures a round trip with `select 1`. If that took long enough for a connection to be opened, measures a second time.
async fn round_trip<DB: Backend>(asker: &mut Asker<'_, DB>) -> Result<Duration, sqlx::Error> {
    const CONNECT_TAKES: Duration = Duration::from_millis(5);
    let began = Instant::now();
    asker.ask("select 1".into_sql_str()).await?;
    let first = began.elapsed();
    if first < CONNECT_TAKES {
        return Ok(first);
    }
    let again = Instant::now();
    asker.ask("select 1".into_sql_str()).await?;
    Ok(first.min(again.elapsed()))
}

/// The evidence that a boundary could not write, where the connection of the health check leads to a server that can.
fn refused_write(ago: Duration) -> String {
    format!(
        "the server refused a write of a boundary {} s ago, and no boundary has written since: does the address lead to a \
         standby at times?",
        ago.as_secs()
    )
}

/// The result if there was no answer within `limit`.
fn no_answer(limit: Duration, pooler: Pooler) -> Collected {
    let advice = match pooler {
        Pooler::Session => {
            "has the pooler a session left? In session mode it needs one more than its clients' pools have connections"
        }
        Pooler::None | Pooler::Transaction => {
            "are host and port right, does a firewall let it through, and is the server well?"
        }
    };
    Collected::failed(
        format!("there was no answer within {limit:.1?}"),
        Some(advice),
    )
}
