//! The session with a size, for functions that are generic over an executor.

use std::fmt;
use std::ops::{Deref, DerefMut};

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use sqlx::{Execute, Executor, SqlStr};

use crate::backend::{Backend, Step};
use crate::session::Session;

/// A session that was lent on, as [`Session::lent`] returns it.
///
/// It does what the session does, and has a size, which a function with a type parameter for its executor asks for.
pub struct Lent<'s, DB: Backend>(&'s mut Session<DB>);

impl<DB: Backend> Session<DB> {
    /// Lends the session to a function that takes an executor by a type parameter, such as `&mut E`.
    ///
    /// A function with a parameter `impl PgExecutor<'_>` or `impl Executor<'_>` takes `&mut *tx` as it is.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// use demarcate::sqlite::Session;
    /// use sqlx::{Executor, Sqlite};
    ///
    /// /// Of a library, or of a program that also calls it with a connection.
    /// async fn rename<E>(executor: &mut E, name: &str) -> Result<(), sqlx::Error>
    /// where
    ///     for<'c> &'c mut E: Executor<'c, Database = Sqlite>,
    /// {
    ///     sqlx::query("update customers set name = $1").bind(name).execute(&mut *executor).await?;
    ///     sqlx::query("update orders set customer = $1").bind(name).execute(&mut *executor).await?;
    ///     Ok(())
    /// }
    ///
    /// async fn marry(tx: &mut Session, name: &str) -> Result<(), sqlx::Error> {
    ///     rename(&mut tx.lent(), name).await
    /// }
    /// # }
    /// ```
    pub fn lent(&mut self) -> Lent<'_, DB> {
        Lent(self)
    }
}

impl<DB: Backend> Deref for Lent<'_, DB> {
    type Target = Session<DB>;

    fn deref(&self) -> &Session<DB> {
        self.0
    }
}

impl<DB: Backend> DerefMut for Lent<'_, DB> {
    fn deref_mut(&mut self) -> &mut Session<DB> {
        self.0
    }
}

impl<'c, DB: Backend> Executor<'c> for &'c mut Lent<'_, DB> {
    type Database = DB;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step<DB>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        (&mut *self.0).fetch_many(query)
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<DB::Row>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        (&mut *self.0).fetch_optional(query)
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [DB::TypeInfo],
    ) -> BoxFuture<'e, Result<DB::Statement, sqlx::Error>>
    where
        'c: 'e,
    {
        (&mut *self.0).prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<sqlx::Describe<DB>, sqlx::Error>>
    where
        'c: 'e,
    {
        (&mut *self.0).describe(sql)
    }
}

impl<DB: Backend> fmt::Debug for Lent<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lent").field(&self.0).finish()
    }
}
