//! *Routers own transactions, services do not*: transaction boundaries over sqlx, checked by the
//! compiler.
//!
//! A **boundary** is the one function that owns begin, commit and rollback: a [router](macro@router_tx),
//! a [background job](macro@background_job), or the closure given to [`SessionFactory::transaction`], which
//! [`boundary`](macro@boundary) on the function around it holds to the same rules.
//! A boundary lends a **session**, `&mut` [`Session`], to the **services** that it calls. A
//! [service](macro@service) runs statements on the session that it was lent, and cannot begin, commit or roll back.
//! `Ok` commits, `Err` rolls back.
//!
//! ```
//! # #[cfg(feature = "sqlite")] mod example {
//! use demarcate::sqlite::{Session, SessionFactory};
//! use demarcate::{Error, router_tx, service};
//!
//! #[service]
//! async fn debit(tx: &mut Session, account: i64, cents: i64) -> Result<(), sqlx::Error> {
//!     sqlx::query("update accounts set cents = cents - $1 where id = $2")
//!         .bind(cents)
//!         .bind(account)
//!         .execute(&mut *tx)
//!         .await?;
//!     Ok(())
//! }
//!
//! #[router_tx]
//! async fn transfer(tx: &mut Session, from: i64, to: i64, cents: i64) -> Result<(), Error> {
//!     debit(tx, from, cents).await?;
//!     debit(tx, to, -cents).await?;
//!     Ok(())
//! }
//!
//! # pub async fn main() -> Result<(), Error> {
//! let db = SessionFactory::connect("sqlite::memory:").await?;
//! # db.transaction(async |tx| {
//! #     sqlx::raw_sql("create table accounts (id integer primary key, cents integer check (cents >= 0));
//! #                    insert into accounts values (1, 500), (2, 0)").execute(&mut *tx).await?;
//! #     Ok::<_, Error>(())
//! # }).await?;
//! // The expanded router takes the factory in place of the session, as an axum handler or when called directly.
//! transfer(db.clone(), 1, 2, 300).await?;
//! assert!(transfer(db.clone(), 1, 2, 300).await.is_err(), "the account would be overdrawn");
//! # let cents: i64 = db.transaction(async |tx| {
//! #     Ok::<_, Error>(sqlx::query_scalar("select cents from accounts where id = 2").fetch_one(&mut *tx).await?)
//! # }).await?;
//! # assert_eq!(cents, 300);
//! # Ok(()) }
//! # }
//! # #[cfg(feature = "sqlite")]
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example::main()).unwrap();
//! ```
//!
//! # Further reading
//!
//! * The guide, one page per topic, in reading order: the module `guide` here, `docs/guide` in the repository
//! * [`Session`]: statements, [savepoints](Session::savepoint), [hooks](Session::after_commit)
//! * [`Settings`]: the database, from the environment or in code
//! * [`SessionFactory`]: connections, boundaries from closures, running jobs
//! * [`TxOptions`]: isolation, read-only, timeout
//! * [`Error`]: why a boundary did not commit; [`classify`]: the cause, whether to retry, and the message for the user;
//!   [`Problem`]: the answer over HTTP
//! * [`Job`]: work that runs outside the request
//!
//! # Features
//!
//! `sqlite`, `postgres` and `mysql` each add the module of that name. `axum` and `actix` make routers usable as handlers
//! of axum and actix-web. `json` serializes a [`Problem`] as JSON. `migrate` adds `SessionFactory::migrate`. `metrics`
//! records metrics of boundaries through the crate of that name. No feature is enabled by default.

mod backend;
mod boundary;
pub mod classify;
mod engine;
mod error;
mod factory;
// The code in the guide is tested in `demarcate-tests`.
#[cfg(all(doc, not(doctest)))]
pub mod guide;
pub mod health;
mod http;
mod job;
mod macro_support;
mod observe;
mod options;
mod pool;
mod scope;
mod session;
pub mod settings;
#[allow(
    dead_code,
    reason = "each feature has targets of its own; a test finds those that nothing uses"
)]
mod targets;
mod util;

pub use backend::Backend;
pub use demarcate_macros::{background_job, boundary, router_tx, service};
pub use error::Error;
pub use factory::SessionFactory;
pub use factory::builder::Builder;
pub use factory::stream::StreamSender;
#[cfg(feature = "postgres")]
pub use factory::verify_pooler::PoolerReport;
#[cfg(any(feature = "axum", feature = "actix"))]
pub use http::extract;
pub use http::problem::Problem;
pub use http::rolled_back::RolledBack;
pub use http::status::HttpStatus;
pub use job::{Job, JobError, JobHandle};
pub use macro_support::FactoryOf;
pub use observe::histogram::LatencyHistogram;
pub use observe::sql_comments::SqlComments;
pub use observe::stats::{BoundaryStats, LastError, SlowestRun};
pub use options::{Isolation, ReadPreference, Retry, RetryAfter, RetryBudget, TxOptions};
pub use pool::PoolStatus;
pub use pool::tripwire::{tripwire, tripwire_log};
pub use scope::activity::OpenBoundary;
pub use scope::holder::ConnectionHolder;
pub use scope::place::{ErrorContext, TransactionId};
pub use scope::site::{Site, SiteKind};
pub use session::Session;
pub use session::hooks::Hook;
pub use session::lent::Lent;
#[cfg(feature = "postgres")]
pub use session::pages::PagedQuery;
pub use settings::Settings;

/// MySQL and MariaDB.
#[cfg(feature = "mysql")]
pub mod mysql {
    /// A session of MySQL or MariaDB.
    pub type Session = crate::Session<sqlx::MySql>;

    /// A session factory for MySQL or MariaDB.
    pub type SessionFactory = crate::SessionFactory<sqlx::MySql>;
}

/// PostgreSQL.
#[cfg(feature = "postgres")]
pub mod postgres {
    /// A session of PostgreSQL.
    pub type Session = crate::Session<sqlx::Postgres>;

    /// A session factory for PostgreSQL.
    pub type SessionFactory = crate::SessionFactory<sqlx::Postgres>;
}

/// SQLite.
#[cfg(feature = "sqlite")]
pub mod sqlite {
    /// A session of SQLite.
    pub type Session = crate::Session<sqlx::Sqlite>;

    /// A session factory for SQLite.
    pub type SessionFactory = crate::SessionFactory<sqlx::Sqlite>;
}

// The name contains the patch version, so that only expansions of this release's macros can use the items.
#[doc(hidden)]
pub mod __private0 {
    // Items that expansions name.
    #[cfg(feature = "actix")]
    pub use crate::http::actix::ClientAnswer;
    pub use crate::http::status::Answer;
    pub use crate::macro_support::outcome::{
        counted, cut_off, discarded_held, discarded_items, discarded_lent, discarded_open,
        discards, dropped_held, dropped_lent, dropped_open, later_held, later_lent, leaves_alone,
        made, of_error, swallowed_held, swallowed_inside_held, swallowed_inside_lent,
        swallowed_inside_open, swallowed_later_held, swallowed_later_lent, swallowed_lent,
        swallowed_open, swallows, swallows_own,
    };
    pub use crate::macro_support::probe::{
        again, begins, begins_by, commits, extractor_again, handed, handed_on, is_fallible,
        is_session, job_takes, opens, passes_on, receives, refused, returns, rolls_back,
        router_keeps, router_takes, sends, service_takes, spawns, starts, stays_here, unreached,
        uses, uses_by,
    };
    pub use crate::macro_support::texts::{
        OnMySql, OnPostgres, OnSqlite, SqlOf, sql_begins, sql_changes_reading, sql_commits,
        sql_commits_implicitly, sql_copies, sql_ends_in_two_phases, sql_holds_nul,
        sql_is_ambiguous, sql_is_ambiguous_on_mysql, sql_leaves_config, sql_leaves_cursor_on_mysql,
        sql_leaves_cursor_on_postgres, sql_leaves_file, sql_leaves_file_on_postgres,
        sql_leaves_foreign, sql_leaves_listener, sql_leaves_lock_on_mysql,
        sql_leaves_lock_on_postgres, sql_leaves_setting_on_mysql, sql_leaves_setting_on_postgres,
        sql_leaves_setting_on_sqlite, sql_leaves_statement, sql_leaves_statement_on_postgres,
        sql_leaves_table, sql_leaves_table_on_postgres, sql_leaves_variable, sql_nests,
        sql_rolls_back, sql_rolls_back_on_conflict, sql_sets_access_mode, sql_sets_isolation,
    };
    pub use crate::macro_support::verdict::{Late, Probe, ProbeReceiver, ProbeTask, any_of};
    pub use crate::macro_support::{
        Again, DatabaseOf, FactoryDatabaseOf, FactoryJobOf, Fallible, JobOf, LentSession, Lifted,
        Once, PlainFactoryJobOf, PlainJobOf, SessionOf, WithFactory, allow, job, keeps_nothing,
        on_error, requires, router, router_again,
    };
    pub use crate::scope::site::{Site, SiteKind};
    pub use crate::session::requirements::Requirements;
    #[cfg(feature = "actix")]
    pub use actix_web;

    // Items that compiler messages name: the compiler shows the path under which an item is public.
    #[cfg(feature = "actix")]
    pub use crate::http::status::Finished;
    pub use crate::macro_support::outcome::{Discarded, LeftAlone, Swallowed, SwallowedOwn};
    pub use crate::macro_support::probe::{
        Begun, Committed, HandedOn, KeptByRouter, Opened, OpenedBeside, PassedOn, Received,
        Returned, RolledBack, Sent, Spawned, Started, StaysHere, TakenBeside, TakenByJob,
        TakenByRouter, TakenByService, TakenOut, Used, UsedAgain,
    };
    pub use crate::macro_support::texts::{
        NoBegins, NoChangesReading, NoCommits, NoCommitsImplicitly, NoCopies, NoEndsInTwoPhases,
        NoHoldsNul, NoIsAmbiguous, NoIsAmbiguousOnMysql, NoLeavesCursorOnMysql,
        NoLeavesCursorOnPostgres, NoLeavesForeign, NoLeavesListener, NoLeavesLockOnMysql,
        NoLeavesLockOnPostgres, NoLeavesSettingOnMysql, NoLeavesSettingOnPostgres,
        NoLeavesSettingOnSqlite, NoLeavesStatement, NoLeavesStatementOnPostgres, NoLeavesTable,
        NoLeavesTableOnPostgres, NoNests, NoRollsBack, NoRollsBackOnConflict, NoSetsAccessMode,
        NoSetsIsolation, SentElsewhere, SentThere, Speaks, SqlElsewhere, SqlOn,
    };
    pub use crate::macro_support::verdict::{
        Bounds, BoundsElsewhere, Finding, Harmless, Idle, Lost, Opens, OpensElsewhere, Own,
        Receives, Runs, Task,
    };
    pub use crate::macro_support::{JobPolicy, OpensSessions, RouterError};
}
