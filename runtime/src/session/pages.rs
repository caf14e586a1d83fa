//! Reads the rows of a query in pages, with the session at hand between them.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::{Query, QueryAs, QueryScalar};
use sqlx::{AssertSqlSafe, FromRow, Postgres};

use crate::backend::query::Statement;
use crate::error::Error;
use crate::session::Session;
use crate::util::send_closure::SendMut2;

/// A query whose rows can be read in [pages](Session::pages): `sqlx::query`, `query_as` and `query_scalar`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read in pages",
    note = "`tx.pages` takes `sqlx::query`, `sqlx::query_as::<_, T>` and `sqlx::query_scalar::<_, T>`",
    note = "sqlx does not give away how `query!` and `query_as!` make a value of a row; give their text to `query_as`"
)]
pub trait PagedQuery: Send {
    /// What a row becomes.
    type Item: Send;

    #[doc(hidden)]
    fn into_statement(self) -> Statement<Postgres>;

    /// Makes an item of a row.
    #[doc(hidden)]
    fn item(row: PgRow) -> Result<Self::Item, sqlx::Error>;
}

impl PagedQuery for Query<'_, Postgres, PgArguments> {
    type Item = PgRow;

    fn into_statement(self) -> Statement<Postgres> {
        Statement::from_query(self)
    }

    fn item(row: PgRow) -> Result<PgRow, sqlx::Error> {
        Ok(row)
    }
}

impl<T> PagedQuery for QueryAs<'_, Postgres, T, PgArguments>
where
    T: for<'r> FromRow<'r, PgRow> + Send,
{
    type Item = T;

    fn into_statement(self) -> Statement<Postgres> {
        Statement::from_query(self)
    }

    fn item(row: PgRow) -> Result<T, sqlx::Error> {
        T::from_row(&row)
    }
}

impl<T> PagedQuery for QueryScalar<'_, Postgres, T, PgArguments>
where
    (T,): for<'r> FromRow<'r, PgRow>,
    T: Send,
{
    type Item = T;

    fn into_statement(self) -> Statement<Postgres> {
        Statement::from_query(self)
    }

    fn item(row: PgRow) -> Result<T, sqlx::Error> {
        <(T,)>::from_row(&row).map(|(value,)| value)
    }
}

impl Session<Postgres> {
    /// Runs a query and gives its rows to `body` in pages of at most `size`, with the session, so that statements can be
    /// sent between them. Returns what `body` returned for each page.
    ///
    /// A row stream borrows the session until its end; a page is a `Vec`, and no more than one is in memory. All pages show
    /// the rows as they were when the query began, whatever `body` writes. The rows come from a cursor that lives as long as
    /// the transaction. Each page costs two round trips.
    ///
    /// ```
    /// # #[cfg(feature = "postgres")] {
    /// use demarcate::postgres::Session;
    /// use demarcate::service;
    ///
    /// #[service]
    /// async fn bill(tx: &mut Session, month: i32) -> Result<u64, sqlx::Error> {
    ///     let open = sqlx::query_scalar::<_, i64>("select id from orders where month = $1 and not billed").bind(month);
    ///     let billed = tx
    ///         .pages(open, 1000, async |tx, orders| {
    ///             let insert = sqlx::query("insert into bills (order_id) select * from unnest($1::bigint[])");
    ///             Ok::<_, sqlx::Error>(insert.bind(orders).execute(&mut *tx).await?.rows_affected())
    ///         })
    ///         .await?;
    ///     Ok(billed.iter().sum())
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The body's own error, and the errors of the statements. [`Error::Config`] for a `size` of 0.
    ///
    /// # Cancel safety
    ///
    /// As that of any statement.
    pub async fn pages<Q, R, E, F>(
        &mut self,
        query: Q,
        size: usize,
        mut body: F,
    ) -> Result<Vec<R>, E>
    where
        Q: PagedQuery,
        F: AsyncFnMut(&mut Session<Postgres>, Vec<Q::Item>) -> Result<R, E>,
        F: for<'s> SendMut2<&'s mut Session<Postgres>, Vec<Q::Item>, Out = Result<R, E>>,
        E: From<Error>,
    {
        if size == 0 {
            return Err(Error::config("a page of 0 rows; give `pages` at least 1").into());
        }
        self.core.cursors += 1;
        let name = format!("demarcate_pages_{}", self.core.cursors);
        let declare = format!("DECLARE {name} NO SCROLL CURSOR FOR ");
        let declare = query.into_statement().with_prefix(&declare);
        let declared = sqlx::Executor::execute(&mut *self, declare).await;
        declared.map_err(Error::from)?;
        // More than the server takes is all that there is.
        let size = size.min(i32::MAX as usize);
        let fetch = format!("FETCH {size} FROM {name}");
        let read = async {
            let mut results = Vec::new();
            loop {
                // By its arguments, of which there are none, the rows come in the binary format.
                let fetch = sqlx::query(AssertSqlSafe(fetch.clone()));
                let page = fetch.fetch_all(&mut *self).await.map_err(Error::from)?;
                let is_last = page.len() < size;
                if !page.is_empty() {
                    let page: Result<_, _> = page.into_iter().map(Q::item).collect();
                    results.push(body(&mut *self, page.map_err(Error::from)?).await?);
                }
                if is_last {
                    return Ok(results);
                }
            }
        };
        let done: Result<Vec<R>, E> = read.await;
        // A session that has failed has no use for it.
        if self.core.check().is_ok() {
            let closed = self.core.send(format!("CLOSE {name}")).await;
            if done.is_ok() {
                closed?;
            }
        }
        done
    }
}
