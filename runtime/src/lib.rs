//! *Routers own transactions, services do not*: transaction boundaries over sqlx, checked by the
//! compiler.

// The runtime of demarcate. `ARCHITECTURE.md` has the map.

#[cfg(feature = "axum")]
mod axum;
mod backend;
mod body;
mod boundary;
mod decoy;
mod error;
mod executor;
mod factory;
mod failure;
mod guard;
mod hooks;
mod job;
mod lease;
#[cfg(feature = "mysql")]
pub mod mysql;
mod nesting;
mod options;
mod pool;
#[cfg(feature = "postgres")]
pub mod postgres;
mod private;
mod probe;
mod session;
mod site;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod statement;
mod stats;

pub use backend::Backend;
pub use demarcate_macros::*;
pub use error::Error;
pub use factory::{Builder, SessionFactory};
pub use hooks::AfterCommit;
pub use job::{Job, JobError, JobHandle};
pub use options::{Isolation, TxOptions};
pub use session::Session;
pub use site::{Kind, Site};
pub use stats::BoundaryStats;

#[doc(hidden)]
pub mod __private {
    pub use crate::private::*;
    #[allow(unused_imports, reason = "nothing is in it before the macros use it")]
    pub use crate::probe::*;
}
