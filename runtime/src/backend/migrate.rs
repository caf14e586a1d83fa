//! Runs sqlx's migrations on a connection.

use futures_core::future::BoxFuture;
use sqlx::migrate::{MigrateError, Migrator};

use super::transact::Transact;

/// A database that sqlx's migrations can be run on.
pub trait Migrate: Transact {
    /// The statement that keeps others from migrating meanwhile, if the migrator's own lock does not.
    const LOCK: Option<&'static str> = None;

    /// [`Migrator::run`] on the connection.
    fn migrate<'e>(
        connection: &'e mut Self::Connection,
        migrations: &'e Migrator,
    ) -> BoxFuture<'e, Result<(), MigrateError>>;
}
