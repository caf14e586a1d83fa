//! Migrations: the tables that the program's statements are written for.

use std::panic::Location;
use std::sync::Arc;

use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migrator};

use crate::backend::Backend;
use crate::error::Error;
use crate::factory::SessionFactory;
use crate::lease::Lease;
use crate::options::TxOptions;
use crate::place::Place;
use crate::site::{Kind, Site};

impl<DB: Backend> SessionFactory<DB> {
    /// Brings the database to where the program's migrations have it: runs those that were not run yet, in their
    /// order, each in a transaction of its own, and refuses to where one that was run has changed since.
    ///
    /// It is no boundary: it is sqlx's own [`Migrator`], on a connection of the pool that nobody else has meanwhile,
    /// and that is closed afterwards (except on SQLite). Several programs may do it at once: on PostgreSQL, MySQL and
    /// MariaDB the others wait for the first; SQLite has no such lock. It has no timeout but that for the connection. On MySQL, where a change to a table
    /// commits by itself, a migration that fails leaves what it did before that.
    ///
    /// Behind a pooler in transaction mode the lock that keeps others out has no session to live in: migrate over
    /// a URL of the server itself.
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
    /// // `&sqlx::migrate!()` takes the folder `migrations` into the program when it is compiled.
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
    /// [`Error::Migration`], which says which migration and what to do; [`Error::NestedBoundary`] inside a boundary of
    /// this factory, and what keeps a connection from being had.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the connection is closed, and the server rolls back the migration that was running; those before
    /// it stay.
    #[track_caller]
    pub fn migrate(&self, migrations: &Migrator) -> impl Future<Output = Result<(), Error>> + Send {
        let caller = Location::caller();
        let site = Site::new("migrate", Kind::Migration, caller.file(), caller.line());
        async move {
            run(self, site, migrations)
                .await
                .map_err(|error| error.at(|| Place::of_boundary(site)))
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
    // A lease, though there is no transaction of ours: what was dropped half-way is rolled back, and settings that a
    // migration leaves on the server's session are nobody else's.
    let mut lease = Lease::new(pool.acquire(site).await?, Arc::new(TxOptions::new()));
    lease.taint();
    let (connection, _) = lease.parts();
    let migrated = async {
        if let Some(lock) = DB::MIGRATION_LOCK {
            DB::run(connection, lock.into_sql_str()).await?;
        }
        DB::migrate(connection, migrations).await
    };
    db.replicas().writes(tokio::task::try_id());
    migrated.await.map_err(|error| Error::Migration {
        place: Place::default(),
        advice: advice(&error),
        source: error.into(),
    })
}

fn advice(error: &MigrateError) -> &'static str {
    match error {
        MigrateError::ExecuteMigration(..) => {
            "those before it were run and will not be again: correct this one, and migrate again"
        }
        MigrateError::VersionMismatch(_) => {
            "put its file back as it was, and write a new migration for the change"
        }
        MigrateError::VersionMissing(_) => {
            "is the program older than the database? otherwise put the migration back"
        }
        MigrateError::Dirty(_) => "it failed half-way: put right by hand what it left",
        MigrateError::Execute(_) => {
            "may this user create tables, and is it the server and no pooler in transaction mode that it talks to?"
        }
        _ => "look at the folder of the migrations",
    }
}
