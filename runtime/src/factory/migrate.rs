//! Runs migrations.

use std::panic::Location;
use std::sync::Arc;

use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migrator};

use crate::backend::{Backend, BeginReply};
use crate::error::Error;
use crate::factory::SessionFactory;
use crate::options::effective::Effective;
use crate::pool::lease::{ConnectionState, Lease};
use crate::scope::current;
use crate::scope::place::ErrorContext;
use crate::scope::site::{Site, SiteKind};

impl<DB: Backend> SessionFactory<DB> {
    /// Runs the migrations that have not been run yet, in order, each in a transaction of its own. Fails if a migration that
    /// was run has changed since.
    ///
    /// A migration is not a boundary. sqlx's [`Migrator`] runs on a connection of the pool, which is closed afterwards (except on
    /// SQLite). Several programs may migrate at once: on PostgreSQL, MySQL and MariaDB the others wait for the first; SQLite
    /// has no such lock. Only the wait for the connection has a timeout. On MySQL, where a change of a table commits
    /// implicitly, the changes that a failed migration made before its failure remain.
    ///
    /// Behind a pooler in transaction mode there is no session that could hold the lock: migrate with a URL of the server
    /// itself.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use demarcate::sqlite::SessionFactory;
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path();
    /// # std::fs::write(folder.join("1_orders.sql"), "create table orders (id integer primary key, sku text)")?;
    ///
    /// let db = SessionFactory::connect("sqlite::memory:").await?;
    /// // `&sqlx::migrate!()` embeds the folder `migrations` into the program at compile time.
    /// let migrations = sqlx::migrate::Migrator::new(folder).await?;
    /// db.migrate(&migrations).await?;
    /// # let orders: i64 = db.transaction(async |tx| {
    /// #     Ok::<_, sqlx::Error>(sqlx::query_scalar("select count(*) from orders").fetch_one(&mut *tx).await?)
    /// # }).await?;
    /// # assert_eq!(orders, 0);
    /// # Ok(())
    /// # }
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] behind a pooler in transaction mode; [`Error::Migration`], which names the migration and what
    /// to do; [`Error::NestedBoundary`] inside a boundary of this
    /// factory; and the errors of getting a connection.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the connection is closed and the server rolls back the migration in progress. Those before
    /// it remain.
    #[track_caller]
    pub fn migrate(&self, migrations: &Migrator) -> impl Future<Output = Result<(), Error>> + Send {
        let caller = Location::caller();
        let site = Site::new("migrate", SiteKind::Migration, caller.file(), caller.line());
        async move {
            run(self, site, migrations)
                .await
                .map_err(|error| error.at(|| ErrorContext::of_boundary(site)))
        }
    }
}

async fn run<DB: Backend>(
    db: &SessionFactory<DB>,
    site: Site,
    migrations: &Migrator,
) -> Result<(), Error> {
    db.engine().admit(site, false)?;
    let pool = db.pool();
    // A lock of the session's, and prepared statements with names.
    pool.require_session(
        "session that migrations could lock",
        "connect to the server itself for them: with a factory of their own, or as a step before the program starts",
    )?;
    // A lease, though there is no transaction of ours: what was dropped half-way is rolled back, and settings that a
    // migration leaves on the server's session are nobody else's.
    let mut lease = Lease::new(pool.acquire(site).await?, Arc::new(Effective::default()));
    lease.retire();
    lease.changes_schema();
    lease.begin(BeginReply::default());
    *lease.parts().state = ConnectionState::Busy;
    let migrated = async {
        lease.write_again().await?;
        let connection = lease.parts().connection;
        if let Some(lock) = DB::LOCK {
            DB::run(connection, lock.into_sql_str()).await?;
        }
        DB::migrate(connection, migrations).await
    };
    db.replicas().writes(current::task());
    let migrated = migrated.await;
    *lease.parts().state = ConnectionState::Open;
    migrated.map_err(|error| Error::Migration {
        place: ErrorContext::default(),
        advice: advice(&error),
        source: error.into(),
    })
}

/// Returns what to do about the error.
fn advice(error: &MigrateError) -> &'static str {
    match error {
        MigrateError::ExecuteMigration(..) => {
            "the migrations before it have been run; correct this one, and migrate again"
        }
        MigrateError::VersionMismatch(_) => {
            "restore its file, and write a new migration for the change"
        }
        MigrateError::VersionMissing(_) => {
            "is the program older than the database? otherwise restore the migration"
        }
        MigrateError::Dirty(_) => "it failed half-way; repair by hand what it left",
        MigrateError::Execute(_) => {
            "may this user create tables, and does it connect to the server itself and not to a pooler in transaction mode?"
        }
        _ => "check the folder of the migrations",
    }
}
