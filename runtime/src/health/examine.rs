//! Reads the state of a database: the trait that each database implements, and the connection that it asks.

use futures_core::future::BoxFuture;
use sqlx::SqlStr;

use super::history::History;
use super::kind::CheckKind;
use super::readings::Readings;
use crate::backend::Backend;
use crate::pool::control::ask_kept;
use crate::pool::{Connection, Pool};
#[cfg(feature = "sqlite")]
use crate::settings::Options;

/// A [`Backend`] whose health can be examined: each of them.
///
/// Code that is generic over the database writes `DB: Examine` to call [`health`](crate::SessionFactory::health) or
/// [`monitor`](crate::SessionFactory::monitor). Like `Backend`, it cannot be implemented outside this crate.
pub trait Examine: Backend {
    /// The checks that apply to the database.
    #[doc(hidden)]
    const CHECKS: &'static [CheckKind];

    /// Reads everything that the checks need, in as few queries as possible. Skips what this user has no privilege to
    /// read, since the connection is not used again after an error.
    #[doc(hidden)]
    fn examine<'a>(
        asker: &'a mut Asker<'_, Self>,
        history: &'a History,
    ) -> BoxFuture<'a, Result<Readings, sqlx::Error>>;
}

/// Runs the diagnostic queries on a connection.
#[doc(hidden)]
pub struct Asker<'p, DB: Backend>(pub(super) Who<'p, DB>);

/// The connection that runs the queries.
pub(super) enum Who<'p, DB: Backend> {
    /// The control connection, which is available even if the pool is exhausted.
    ControlConnection {
        pool: &'p Pool<DB>,
        /// An idle connection of the pool. It is used instead, until it turns out to be lost.
        idle: Option<Box<Connection<DB>>>,
    },
    /// The only connection of a database in memory.
    Only(Box<Connection<DB>>),
}

impl<DB: Backend> Asker<'_, DB> {
    /// Runs a query and returns the first row of its result.
    pub(super) async fn ask(&mut self, sql: SqlStr) -> Result<Option<DB::Row>, sqlx::Error> {
        match &mut self.0 {
            Who::ControlConnection { pool, idle } => {
                match ask_kept::<DB, _>(idle, |lent| &mut ***lent, &sql).await {
                    Some(answer) => answer,
                    None => pool.control().ask(sql).await,
                }
            }
            Who::Only(connection) => DB::run_for_row(connection, sql).await,
        }
    }

    /// Returns a connection of the pool to it.
    pub(super) fn give_back(self) {
        match self.0 {
            Who::Only(lent)
            | Who::ControlConnection {
                idle: Some(lent), ..
            } => lent.give_back(),
            Who::ControlConnection { idle: None, .. } => {}
        }
    }

    /// Returns the options for further connections; `None` if those would not see the same database.
    #[cfg(feature = "sqlite")]
    pub(super) fn options(&self) -> Option<&Options<DB>> {
        match &self.0 {
            Who::ControlConnection { pool, .. } => Some(pool.control().options()),
            Who::Only(_) => None,
        }
    }
}
