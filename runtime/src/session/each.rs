//! Runs a body for each of many items, so that the failure of one leaves the others.

use crate::backend::Backend;
use crate::error::Error;
use crate::session::Session;
use crate::session::transaction::Core;
use crate::util::send_closure::SendMut2;

impl<DB: Backend> Session<DB> {
    /// Runs `body` for each item, in order, so that what a failing item has written is undone and the others are kept.
    /// Returns what `body` returned for each item, in the same order; [`Error::Aborted`] for an item whose body has ignored
    /// the failure of a statement.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// use demarcate::service;
    /// use demarcate::sqlite::Session;
    ///
    /// /// Stores the lines that can be stored. Returns the numbers of the others, and why.
    /// #[service]
    /// async fn import(tx: &mut Session, skus: Vec<String>) -> Result<Vec<(usize, sqlx::Error)>, sqlx::Error> {
    ///     let stored = tx
    ///         .each(skus, async |tx, sku| {
    ///             sqlx::query("insert into orders (sku) values ($1)").bind(sku).execute(&mut *tx).await?;
    ///             Ok::<_, sqlx::Error>(())
    ///         })
    ///         .await?;
    ///     let failed = |(line, stored): (usize, Result<(), sqlx::Error>)| Some((line, stored.err()?));
    ///     Ok(stored.into_iter().enumerate().filter_map(failed).collect())
    /// }
    /// # }
    /// ```
    ///
    /// Each item has a [`savepoint`](Self::savepoint) of its own where that is cheap. PostgreSQL tracks 64 savepoints of a
    /// transaction cheaply; of more items, several share a savepoint. If one of these fails, the savepoint is rolled back,
    /// and the body runs again for the others of the group: it may run more than once for an item, so what it does outside
    /// the transaction belongs into [`after_commit`](Self::after_commit), of which the last run counts. The body is lent
    /// its item, and cannot assign to variables around it: add up what it returns. Items are owned: of a slice give
    /// `items.to_vec()`, or its indices.
    ///
    /// # Errors
    ///
    /// The error of an item whose failure could not be undone, since the connection was lost or the session had failed before;
    /// and a conflict with another transaction, such as a deadlock, which is the boundary's and not the item's:
    /// [`retry`](crate::Retry) runs the boundary again. No further item is run.
    ///
    /// # Cancel safety
    ///
    /// As [`savepoint`](Self::savepoint).
    pub async fn each<T, R, E, F>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut body: F,
    ) -> Result<Vec<Result<R, E>>, E>
    where
        F: AsyncFnMut(&mut Session<DB>, &T) -> Result<R, E>,
        F: for<'s, 't> SendMut2<&'s mut Session<DB>, &'t T, Out = Result<R, E>>,
        T: Send + Sync + 'static,
        R: Send,
        E: From<Error> + Send,
    {
        let items: Vec<T> = items.into_iter().collect();
        let mut results: Vec<Option<Result<R, E>>> = items.iter().map(|_| None).collect();
        let size = self.core.group_size(items.len());
        for (items, results) in items.chunks(size).zip(results.chunks_mut(size)) {
            while let Err(failed) = self.run_group(items, results, &mut body).await {
                let is_undone = self.core.check().is_ok();
                if !is_undone || self.core.fitness.may_run_again() {
                    return Err(failed.error);
                }
                results[failed.item] = Some(Err(failed.error));
            }
        }
        Ok(results.into_iter().flatten().collect())
    }

    /// Runs the items of a group that have not failed before, in one savepoint.
    async fn run_group<T, R, E, F>(
        &mut self,
        items: &[T],
        results: &mut [Option<Result<R, E>>],
        body: &mut F,
    ) -> Result<(), FailedItem<E>>
    where
        F: AsyncFnMut(&mut Session<DB>, &T) -> Result<R, E>,
        F: for<'s, 't> SendMut2<&'s mut Session<DB>, &'t T, Out = Result<R, E>>,
        T: Send + Sync + 'static,
        R: Send,
        E: From<Error> + Send,
    {
        let mut item = 0;
        let running = &mut item;
        let run = async |tx: &mut Session<DB>| {
            for (n, (item, result)) in items.iter().zip(results).enumerate() {
                if matches!(result, Some(Err(_))) {
                    continue;
                }
                *running = n;
                *result = Some(Ok(body(&mut *tx, item).await?));
                // What the body has left unread or ignored is this item's.
                tx.core.catch_up().await;
                tx.core.check()?;
                tx.core.prove_open().await?;
            }
            Ok(())
        };
        let done = self.savepoint(run).await;
        done.map_err(|error| FailedItem { item, error })
    }
}

/// The item that failed, by its place in the group.
struct FailedItem<E> {
    item: usize,
    error: E,
}

impl<DB: Backend> Core<DB> {
    /// Returns how many items share a savepoint, so that the server can track the savepoints of all. Where most of them are
    /// used up, the groups would be so large that each failure runs many items again.
    fn group_size(&self, items: usize) -> usize {
        let Some(most) = DB::FACTS.cheap_savepoints else {
            return 1;
        };
        let left = most.saturating_sub(self.savepoints_set);
        if left < most / 4 {
            return 1;
        }
        items
            .div_ceil(usize::try_from(left).unwrap_or(usize::MAX))
            .max(1)
    }
}
