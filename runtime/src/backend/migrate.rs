//! Runs sqlx's migrations on a connection.

use futures_core::future::BoxFuture;
use sqlx::migrate::{MigrateError, Migrator};

use super::transact::Transact;

/// A database on which sqlx's migrations can run.
pub trait Migrate: Transact {
    /// The statement that takes a lock against concurrent migrations, if the migrator's own lock does not work.
    const LOCK: Option<&'static str> = None;

    /// [`Migrator::run`] on the connection.
    fn migrate<'e>(
        connection: &'e mut Self::Connection,
        migrations: &'e Migrator,
    ) -> BoxFuture<'e, Result<(), MigrateError>>;
}
