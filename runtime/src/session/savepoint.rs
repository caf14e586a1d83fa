//! Runs a part of a body in a savepoint, so that the transaction survives its failure.

use crate::backend::Backend;
use crate::error::Error;
use crate::session::Session;
use crate::session::begin::TransactionMode;
use crate::session::failure::Failure;
use crate::session::transaction::Core;
use crate::targets;
use crate::util::send_closure::SendOnce;

impl<DB: Backend> Session<DB> {
    /// Runs `body` in a savepoint. If it returns `Err`, its statements are undone, and the transaction around it
    /// continues.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// use demarcate::sqlite::Session;
    ///
    /// /// Stores the tag. Returns `false` if it existed already.
    /// async fn add_tag(tx: &mut Session, tag: &str) -> Result<bool, sqlx::Error> {
    ///     let added = tx
    ///         .savepoint(async |tx| {
    ///             sqlx::query("insert into tags (name) values ($1)").bind(tag).execute(&mut *tx).await?;
    ///             Ok(())
    ///         })
    ///         .await;
    ///     match added {
    ///         Ok(()) => Ok(true),
    ///         Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
    ///         Err(error) => Err(error),
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// On PostgreSQL a transaction with more than 64 savepoints that wrote something, released or not, slows down the
    /// reads of every other transaction until it ends
    /// ([subtransactions](https://www.postgresql.org/docs/current/subxacts.html)); this is logged once. For a loop over
    /// thousands of rows, set one savepoint for each hundred of them, or use a single statement.
    ///
    /// # Errors
    ///
    /// The body's own error. [`Error::Aborted`] if a statement of the body failed and the body returned `Ok`, or if the
    /// session had failed before.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the session is marked as if a statement had been dropped, and the
    /// boundary is rolled back.
    pub async fn savepoint<T, E, F>(&mut self, body: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Session<DB>) -> Result<T, E>,
        F: for<'s> SendOnce<&'s mut Session<DB>, Out = Result<T, E>>,
        E: From<Error>,
    {
        let depth = self.core.fitness.depth();
        let hooks = self.core.hooks.counts();
        let set_before = self.core.savepoints_set;
        let name = self.core.enter_savepoint().await?;
        let mut scope = Scope {
            session: self,
            done: false,
        };
        let result = body(&mut *scope.session).await;
        scope.done = true;
        let core = &mut scope.session.core;
        if result.is_ok() {
            core.catch_up().await;
        }
        core.detect_abandoned(depth + 1);
        let result = match (result, core.fitness.failure()) {
            (Ok(_), Some(mark)) => Err(mark.to_error().into()),
            (result, _) => result,
        };
        match result {
            Ok(value) => {
                // The release fails if the transaction is gone, so no other proof is needed.
                core.fitness.set_unproven(false);
                // The savepoint inside goes with it.
                core.has_run_guarded();
                core.send(format!("RELEASE SAVEPOINT {name}")).await?;
                core.fitness.set_depth(depth);
                Ok(value)
            }
            Err(error) => {
                core.hooks.undo(hooks);
                Box::pin(core.leave_savepoint(&name, depth)).await;
                core.forget_savepoints(set_before);
                Err(error)
            }
        }
    }
}

/// Marks the session if the savepoint's future is dropped before its body is done.
struct Scope<'a, DB: Backend> {
    session: &'a mut Session<DB>,
    done: bool,
}

impl<DB: Backend> Drop for Scope<'_, DB> {
    fn drop(&mut self) {
        if !self.done {
            self.session.core.fail(Failure::dropped("a savepoint"));
        }
    }
}

impl<DB: Backend> Core<DB> {
    /// Sets a savepoint and returns its name.
    async fn enter_savepoint(&mut self) -> Result<String, Error> {
        self.catch_up().await;
        self.check()?;
        self.require_transaction("savepoint")?;
        self.begin(TransactionMode::Explicit).await?;
        self.guard_types("", false).await?;
        let depth = self.fitness.depth();
        let name = format!("demarcate_{depth}");
        self.send(format!("SAVEPOINT {name}")).await?;
        self.fitness.set_depth(depth + 1);
        self.savepoints_set += 1;
        if Some(self.savepoints_set) == DB::FACTS.cheap_savepoints.map(|most| most + 1) {
            tracing::warn!(
                target: targets::SAVEPOINT,
                boundary = %self.site(),
                "more savepoints in one transaction than the server tracks cheaply; other transactions are slower \
                 until this one ends",
            );
        }
        Ok(name)
    }

    /// Rolls back to the savepoint and clears the failure. If the rollback fails, the failure stays, and the boundary
    /// does not commit.
    async fn leave_savepoint(&mut self, name: &str, depth: u32) {
        self.fitness.set_depth(depth);
        self.guards_types = None;
        // Its failure, if it has one, is undone as well.
        self.catch_up().await;
        let undo = self.fitness.begin_undo();
        let is_undone = self.settle().await.is_ok()
            && self
                .send(format!("ROLLBACK TO SAVEPOINT {name}"))
                .await
                .is_ok()
            && self.send(format!("RELEASE SAVEPOINT {name}")).await.is_ok();
        if let Some(on) = &mut self.connection {
            on.lease.restores_schema();
        }
        self.fitness.end_undo(undo, is_undone);
    }

    /// Stops counting the savepoints that were rolled back. A server that has lost track of them stays slow.
    fn forget_savepoints(&mut self, set_before: u64) {
        if DB::FACTS
            .cheap_savepoints
            .is_none_or(|most| self.savepoints_set <= most)
        {
            self.savepoints_set = set_before;
        }
    }

    /// Stops an abandoned statement, and reads the rest of its answer.
    async fn settle(&mut self) -> Result<(), sqlx::Error> {
        match &mut self.connection {
            Some(on) => on.lease.settle().await,
            None => Ok(()),
        }
    }
}
