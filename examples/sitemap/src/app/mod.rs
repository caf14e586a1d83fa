//! The program itself.
//!
//! | folder | what is in it | may it begin, commit, roll back? |
//! |---|---|---|
//! | `routers` | what answers a request | it is a transaction: `Ok` commits, `Err` rolls back |
//! | `services` | what works on the tables | no: it is lent a session |
//! | `jobs` | what goes on after the answer | it opens a transaction for each unit of work |
//!
//! `Session` and `SessionFactory` are those of the database that this module is compiled for; see
//! `sqlite.rs` and `postgres.rs`.

mod by_hand;
mod jobs;
mod routers;
mod services;

use axum::{Router, extract::FromRef};

pub(crate) use self::by_hand::{prepare, recover, scan};
use super::{Database, SCHEMA, Session, SessionFactory};
use crate::{crawl::Crawler, limit::ScanLimit, metrics::Metrics};

/// What the routers share. `#[router_tx]` finds the session factory in it.
#[derive(Debug, Clone, FromRef)]
struct AppState {
    db: SessionFactory,
    crawler: Crawler,
    scans: ScanLimit,
    metrics: Metrics,
}

/// The HTTP API, the probes and the metrics.
pub(crate) fn router(
    db: SessionFactory,
    crawler: Crawler,
    scans: ScanLimit,
    metrics: Metrics,
) -> Router {
    routers::all(db.clone()).with_state(AppState {
        db,
        crawler,
        scans,
        metrics,
    })
}
