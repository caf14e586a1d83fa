//! *Routers own transactions, services do not*: transaction boundaries over sqlx, checked by the
//! compiler.
//!
//! A **boundary** is the one function that owns begin, commit and rollback: a [router](macro@router_tx),
//! a [background job](macro@background_job), or the closure given to [`SessionFactory::transaction`].
//! It lends a **session**, `&mut` [`Session`], to the **services** that it calls. A
//! [service](macro@service) runs statements on the session that it was lent, and has no way to begin,
//! commit or roll back. `Ok` commits, `Err` rolls back.
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
//! // The router takes the factory where it has the session: as an axum handler, or called by hand.
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
//! # What to read next
//!
//! * The guide, one page a topic, in reading order: the module `guide` here, `docs/guide` in the repository
//! * [`Session`]: statements, [savepoints](Session::savepoint), [what runs after the commit](Session::after_commit)
//! * [`Settings`]: the database, from the environment or in code
//! * [`SessionFactory`]: connections, boundaries from closures, running jobs
//! * [`TxOptions`]: isolation, read-only, timeout
//! * [`Error`]: why a boundary did not commit; [`classify`]: what that means, and what to say of it; [`Problem`]: over HTTP
//! * [`Job`]: what runs outside the request
//!
//! # Features
//!
//! `sqlite`, `postgres` and `mysql` bring the module of their name, `axum` and `actix` make routers handlers of
//! axum and actix-web, `json` writes a [`Problem`] as JSON, `migrate` brings
//! `SessionFactory::migrate`, `metrics` tells the facade of that name what boundaries do. None is on by default.

#[cfg(feature = "actix")]
mod actix;
mod answer;
#[cfg(feature = "axum")]
mod axum;
mod backend;
mod body;
mod boundary;
mod builder;
mod cause;
pub mod classify;
mod comments;
mod commit;
mod decoy;
mod durations;
mod echo;
mod error;
mod executor;
mod factory;
mod failure;
mod flight;
mod guard;
// Its code is tested in `demarcate-tests`.
#[cfg(all(doc, not(doctest)))]
pub mod guide;
pub mod health;
mod holders;
mod hooks;
mod job;
mod lease;
#[cfg(feature = "metrics")]
mod meters;
#[cfg(feature = "migrate")]
mod migrate;
#[cfg(feature = "mysql")]
pub mod mysql;
mod needs;
mod nesting;
mod options;
mod place;
mod pool;
#[cfg(feature = "postgres")]
pub mod postgres;
mod private;
mod probe;
mod problem;
mod register;
mod replicas;
mod retry;
mod savepoint;
mod session;
pub mod settings;
mod site;
mod spans;
mod spare;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod startup;
mod statement;
mod stats;
mod stock;
mod stop;
mod targets;
mod to_the_end;
mod traces;
mod trail;
mod transaction;
#[cfg(feature = "postgres")]
mod verify;
mod watched;

pub use answer::HttpStatus;
pub use backend::Backend;
pub use builder::Builder;
pub use comments::SqlComments;
pub use demarcate_macros::{background_job, router_tx, service};
pub use durations::Durations;
pub use error::Error;
pub use factory::SessionFactory;
pub use holders::Holder;
pub use hooks::AfterCommit;
pub use job::{Job, JobError, JobHandle};
pub use options::{Isolation, TxOptions};
pub use place::{Place, TransactionId};
pub use pool::PoolStatus;
pub use problem::Problem;
pub use replicas::Replica;
pub use retry::Retry;
pub use session::Session;
pub use settings::Settings;
pub use site::{Kind, Site};
pub use stats::{BoundaryStats, LastError, SlowestRun};
pub use trail::OpenBoundary;
#[cfg(feature = "postgres")]
pub use verify::PoolerReport;

#[doc(hidden)]
pub mod __private {
    pub use crate::private::*;
    #[allow(unused_imports, reason = "nothing is in it before the macros use it")]
    pub use crate::probe::*;
}
