//! Looks at the database, for a bounded time.

use std::borrow::Cow;
use std::time::Duration;

use sqlx::SqlSafeStr;
use tokio::time::{Instant, timeout, timeout_at};

use super::readings::{Asker, Readings, Seen, Who};
use crate::backend::Backend;
use crate::classify::Redacted;
use crate::factory::SessionFactory;
use crate::settings::Pooler;
use crate::site::{Kind, Site};

/// What was seen.
pub(super) struct Look {
    pub(super) contact: Contact,
    /// What the database says of itself.
    pub(super) readings: Seen<Readings>,
}

/// Whether there was an answer.
pub(super) enum Contact {
    /// After so long.
    Answered(Duration),
    /// It answers, but not all questions: after so long, and what it said to the others.
    Stammers(Duration, String),
    /// It answers, and has no time for the other questions: after so long, and how long they had.
    Slow(Duration, Duration),
    /// There is none: why, and what to look at where that is known.
    Failed(String, Option<&'static str>),
    /// Nobody could ask, and why.
    Busy(Cow<'static, str>),
}

impl Look {
    fn failed(evidence: String, advice: Option<&'static str>) -> Self {
        Self {
            contact: Contact::Failed(evidence, advice),
            readings: Err("the database could not be asked".into()),
        }
    }
}

/// How long the only connection of a database in memory is waited for.
const TURN: Duration = Duration::from_millis(100);

/// What stands among the holders of a connection meanwhile.
const SITE: Site = Site::new("health", Kind::Closure, file!(), line!());

/// Looks at it. It takes `limit` and no longer.
///
/// # Cancel safety
///
/// Dropped, it closes the connection that was being asked; the next look makes another.
pub(super) async fn look<DB: Backend>(db: &SessionFactory<DB>, limit: Duration) -> Look {
    let pool = db.pool();
    if pool.is_closing() {
        return Look::failed(
            "the session factory closes, or is closed".to_owned(),
            Some("connect another factory, unless the program ends"),
        );
    }
    let deadline = Instant::now() + limit;
    if DB::is_lost_with_its_connection(pool.spare().options()) {
        return look_at_the_only_one(db.clone(), deadline).await;
    }
    // A pooler in session mode has no session for a further connection where the pool's own hold them all.
    let idle = match pool.pooler() {
        Pooler::Session => pool.acquire_idle(SITE).await.map(Box::new),
        Pooler::None | Pooler::Transaction => None,
    };
    let mut asker = Asker(Who::Spare { pool, idle });
    let look = ask(&mut asker, db, deadline, limit).await;
    asker.give_back();
    if pool.is_closing() {
        // It may have been made after the others were closed.
        pool.spare().close().await;
    }
    look
}

/// A database in memory is seen by its only connection, and gone with it: it is never dropped, but given back by a task
/// that ends by itself.
async fn look_at_the_only_one<DB: Backend>(db: SessionFactory<DB>, deadline: Instant) -> Look {
    let Ok(lent) = timeout(TURN, db.pool().acquire(SITE)).await else {
        return Look {
            contact: Contact::Busy("its only connection is in use".into()),
            readings: Err("the only connection of a database in memory is in use".into()),
        };
    };
    let connection = match lent {
        Ok(connection) => connection,
        Err(error) => return Look::failed(error.to_string(), None),
    };
    let limit = deadline.saturating_duration_since(Instant::now());
    let looking = tokio::spawn(async move {
        let mut asker = Asker(Who::Only(Box::new(connection)));
        let far = Instant::now() + Duration::from_secs(60 * 60);
        let look = ask(&mut asker, &db, far, limit).await;
        asker.give_back();
        look
    });
    match timeout_at(deadline, looking).await {
        Ok(Ok(look)) => look,
        Ok(Err(panicked)) => Look::failed(panicked.to_string(), None),
        Err(_) => no_answer(limit, Pooler::None),
    }
}

async fn ask<DB: Backend>(
    asker: &mut Asker<'_, DB>,
    db: &SessionFactory<DB>,
    deadline: Instant,
    limit: Duration,
) -> Look {
    // The spare connection may have died without a word. Dropped, it is replaced by a new one.
    let half_time = Instant::now() + limit / 2;
    let answered = match timeout_at(half_time.min(deadline), greet(asker)).await {
        Ok(answered) => Ok(answered),
        Err(_) => timeout_at(deadline, greet(asker)).await,
    };
    let round_trip = match answered {
        Ok(Ok(round_trip)) => round_trip,
        Ok(Err(error)) => {
            let advice = DB::diagnose(&error).advice;
            return Look::failed(Redacted(&error).to_string(), Some(advice));
        }
        Err(_) => return no_answer(limit, db.pool().pooler()),
    };
    let had = deadline.saturating_duration_since(Instant::now());
    match timeout_at(deadline, DB::examine(asker, db.history())).await {
        Ok(Ok(readings)) => Look {
            contact: Contact::Answered(round_trip),
            readings: Ok(readings),
        },
        Ok(Err(error)) => Look {
            contact: Contact::Stammers(round_trip, Redacted(&error).to_string()),
            readings: Err("the database did not answer what it was asked".into()),
        },
        Err(_) => Look {
            contact: Contact::Slow(round_trip, had),
            readings: Err(format!("the database had no answer within {had:.1?}").into()),
        },
    }
}

/// The shortest question there is. Where a connection had to be made first, the question is put again.
async fn greet<DB: Backend>(asker: &mut Asker<'_, DB>) -> Result<Duration, sqlx::Error> {
    const A_CONNECTION_TAKES: Duration = Duration::from_millis(5);
    let began = Instant::now();
    asker.ask("select 1".into_sql_str()).await?;
    let first = began.elapsed();
    if first < A_CONNECTION_TAKES {
        return Ok(first);
    }
    let again = Instant::now();
    asker.ask("select 1".into_sql_str()).await?;
    Ok(first.min(again.elapsed()))
}

fn no_answer(limit: Duration, pooler: Pooler) -> Look {
    let advice = match pooler {
        Pooler::Session => {
            "has the pooler a session left? In session mode it needs one more than its clients' pools have connections"
        }
        Pooler::None | Pooler::Transaction => {
            "are host and port right, does a firewall let it through, and is the server well?"
        }
    };
    Look::failed(
        format!("there was no answer within {limit:.1?}"),
        Some(advice),
    )
}
