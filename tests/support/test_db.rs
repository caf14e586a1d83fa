//! An empty database for a single test, dropped at its end.

use std::fmt;
use std::marker::PhantomData;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::{ColumnIndex, Connection, Decode, Row, Type};

use crate::admin;
use crate::backend::Backend;
use crate::say::say;

/// How long dropping a database may take, usually milliseconds. A drop that hangs must not block the other tests.
const DROPPING_TAKES_AT_MOST: Duration = Duration::from_secs(10);

/// An empty database that nobody else uses. It is dropped with this value, whoever is still connected.
#[derive(Debug)]
pub struct TestDb<DB: Backend> {
    name: String,
    url: String,
    own_url: String,
    /// The server, if this test has it for itself.
    server: Option<Box<dyn fmt::Debug + Send + Sync>>,
    database: PhantomData<fn() -> DB>,
}

impl<DB: Backend> TestDb<DB> {
    /// Creates a database, and starts the server for it if none runs yet.
    ///
    /// # Panics
    ///
    /// Where there is no server on this machine, with the name of the package to install: a test that cannot run
    /// has failed.
    pub async fn create() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "t_{}_{}",
            process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        let created = admin::run({
            let name = name.clone();
            async move {
                let own_url = DB::create(name.clone()).await?;
                let url = DB::through(own_url.clone(), &name).await?;
                Ok::<_, String>((own_url, url))
            }
        });
        match created.await {
            Ok((own_url, url)) => Self {
                name,
                url,
                own_url,
                server: None,
                database: PhantomData,
            },
            Err(message) => panic!("no {} for this test: {message}", DB::NAME),
        }
    }

    /// Wraps a database together with its own server, which is dropped with it.
    pub(crate) fn of(
        server: impl fmt::Debug + Send + Sync + 'static,
        url: String,
        name: &str,
    ) -> Self {
        Self {
            name: name.to_owned(),
            own_url: url.clone(),
            url,
            server: Some(Box::new(server)),
            database: PhantomData,
        }
    }

    /// Where to connect to, with user and password. Where `DEMARCATE_TESTS_POSTGRES` says so, it goes through a
    /// pooler.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the URL of the server itself, without a pooler.
    pub fn own_url(&self) -> &str {
        &self.own_url
    }

    /// Returns the server's name of this database, as in `pg_stat_activity.datname`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Opens a connection that belongs to no pool, to lock rows from, or to look at what others see.
    ///
    /// # Panics
    ///
    /// If the server refuses it.
    pub async fn connect(&self) -> DB::Connection {
        let connection = DB::Connection::connect(&self.own_url).await;
        connection.unwrap_or_else(|error| panic!("cannot connect to the test's database: {error}"))
    }

    /// Runs a text of one or more statements on a connection of its own, and gives the number of rows that it
    /// changed. The user may do everything on the server.
    ///
    /// # Panics
    ///
    /// If a statement fails.
    pub async fn admin(&self, sql: &str) -> u64 {
        let mut connection = self.connect().await;
        let result = DB::execute(&mut connection, sql).await;
        let _ = connection.close().await;
        result.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Runs a query on a connection of its own, and returns the first column of its first row.
    ///
    /// # Panics
    ///
    /// If the query fails, gives no row, or a value of another type.
    pub async fn admin_value<T>(&self, sql: &str) -> T
    where
        T: for<'r> Decode<'r, DB> + Type<DB>,
        usize: ColumnIndex<DB::Row>,
    {
        let mut connection = self.connect().await;
        let row = DB::fetch_one(&mut connection, sql).await;
        let _ = connection.close().await;
        let value = row.and_then(|row| row.try_get(0));
        value.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}

impl<DB: Backend> Drop for TestDb<DB> {
    fn drop(&mut self) {
        if self.server.is_some() {
            return;
        }
        // Waited for, since the process may end right after its last test.
        let result = admin::run_blocking(DB::drop(self.name.clone()), DROPPING_TAKES_AT_MOST);
        // Not a panic: the test may be unwinding, and the database goes with its server in any case.
        let name = &self.name;
        match result {
            Some(Ok(())) => {}
            Some(Err(error)) => say(&format!("the database {name} was not dropped: {error}")),
            None => say(&format!(
                "the database {name} was not dropped within {DROPPING_TAKES_AT_MOST:?}"
            )),
        }
    }
}
