//! Prepares the statements of a body for sending: checks them, begins the transaction, and counts them.

use sqlx::SqlStr;

use crate::backend::Backend;
use crate::backend::query::Statement;
use crate::classify::Fate;
use crate::error::Error;
use crate::session::begin::TransactionMode;
use crate::session::failure::Failure;
use crate::session::guard::{self, Allowed, Passed, Refusal};
use crate::session::in_flight::Dispatched;
use crate::session::transaction::Core;
use crate::session::wire::BodyStatement;

impl<DB: Backend> Core<DB> {
    /// Rejects a statement that the session must not send. Returns the effects of an admitted one.
    async fn admit(&mut self, sql: &str) -> Result<Passed, Error> {
        self.admit_as(|allowed| guard::read(sql, DB::DIALECT, allowed))
            .await
    }

    /// Rejects a statement that does not pass `read`.
    async fn admit_as(
        &mut self,
        read: impl FnOnce(&Allowed) -> Result<Passed, Refusal>,
    ) -> Result<Passed, Error> {
        self.catch_up().await;
        self.check()?;
        read(self.fitness.allowed()).map_err(|refusal| {
            // The activity names the statement before, since this one is not sent.
            let place = self
                .activity
                .place_of_run()
                .with_statement(self.activity.service(), None);
            self.fitness.fail_with(Failure::Forbidden(refusal), place)
        })
    }

    /// Admits a statement of the body and begins the transaction. `preparing` is the number of additional round trips
    /// that prepare it.
    async fn start(
        &mut self,
        sql: &SqlStr,
        preparing: u64,
    ) -> Result<Dispatched<'_, DB>, sqlx::Error> {
        let passed = self.begin_for(sql).await?;
        self.guard_types(sql.as_str(), preparing > 0).await?;
        if passed.is_opaque {
            self.set_witness().await?;
        }
        self.recorder.totals.round_trips += preparing;
        Ok(self.dispatch_statement(sql, passed, true))
    }

    /// Admits a statement of the body, and begins the transaction that it runs in.
    async fn begin_for(&mut self, sql: &SqlStr) -> Result<Passed, Error> {
        let passed = self.admit(sql.as_str()).await?;
        self.admit_to_single(passed)?;
        self.begin(self.mode_for(sql.as_str(), passed)).await?;
        self.forget_stale_statements().await?;
        if passed.leaves_state {
            self.begun().taint();
        }
        if passed.changes_schema {
            self.begun().changes_schema();
        }
        Ok(passed)
    }

    /// Rejects whatever is more than one statement in a boundary that has said `single_statement`.
    fn admit_to_single(&mut self, passed: Passed) -> Result<(), Error> {
        if self.options.single_statement && (self.has_sent || !passed.is_single) {
            return Err(self.refuse_in_single("second statement"));
        }
        Ok(())
    }

    /// Rejects what needs a longer transaction in a boundary that has said `single_statement`.
    pub(crate) fn require_transaction(&mut self, what: &'static str) -> Result<(), Error> {
        match self.options.single_statement {
            true => Err(self.refuse_in_single(what)),
            false => Ok(()),
        }
    }

    fn refuse_in_single(&mut self, what: &'static str) -> Error {
        let place = self
            .activity
            .place_of_run()
            .with_statement(self.activity.service(), None);
        self.fitness.fail_with(Failure::NotSingle(what), place)
    }

    /// Counts a statement of the body, and marks the connection busy for it.
    fn dispatch_statement(
        &mut self,
        text: &SqlStr,
        passed: Passed,
        is_run: bool,
    ) -> Dispatched<'_, DB> {
        self.recorder.totals.statements += 1;
        self.has_sent |= is_run;
        self.fitness.sends();
        self.dispatch(Some(BodyStatement {
            text,
            is_single: passed.is_single,
            is_run,
        }))
    }

    /// Admits a COPY of this kind, and begins the transaction. A prepared statement is not involved.
    #[cfg(feature = "postgres")]
    pub(crate) async fn start_copy(
        &mut self,
        sql: &SqlStr,
        kind: demarcate_sql::Kind,
    ) -> Result<Dispatched<'_, DB>, sqlx::Error> {
        let read = |allowed: &Allowed| guard::read_copy(sql.as_str(), kind, allowed);
        let passed = self.admit_as(read).await?;
        self.admit_to_single(passed)?;
        self.begin(TransactionMode::Explicit).await?;
        if passed.leaves_state {
            self.begun().taint();
        }
        Ok(self.dispatch_statement(sql, passed, true))
    }

    /// Admits a prepared statement that stays on the server's session.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] if a pooler shares the server's session with other clients, and for a statement whose columns
    /// are not its own.
    pub(crate) async fn start_named(
        &mut self,
        sql: &SqlStr,
    ) -> Result<Dispatched<'_, DB>, sqlx::Error> {
        self.admit(sql.as_str()).await?;
        let lacks = if demarcate_sql::columns_vary(sql.as_str(), DB::DIALECT) {
            (
                DB::TITLE,
                "prepared statement whose columns are those of a cursor or of another statement",
            )
        } else if self.pool().pooler().shares_sessions() {
            (
                "PostgreSQL behind a pooler in transaction mode",
                "session that a prepared statement could be kept on",
            )
        } else {
            let passed = self.begin_for(sql).await?;
            return Ok(self.dispatch_statement(sql, passed, false));
        };
        let instead = "give the text to `sqlx::query`, which sends it anew each time";
        let error = Error::unsupported(lacks.0, lacks.1, instead);
        Err(error.at(|| self.activity.place_of_run()).into())
    }

    /// Copies a statement that may have to be sent again: the first of a transaction, on another connection, and behind a
    /// pooler one that meets a new type. `None` for any other.
    pub(crate) fn copy_to_send_again(&self, query: &Statement<DB>) -> Option<Statement<DB>> {
        let is_first = self.connection.as_ref().is_none_or(|on| !on.is_used);
        let pool = self.pool();
        let may_be_sent_again = is_first || pool.pooler().shares_sessions();
        (DB::PREPARES && may_be_sent_again && self.sent_again <= pool.size())
            .then(|| query.try_clone())
            .flatten()
    }

    /// Makes it possible to send a statement again that failed without an effect.
    pub(crate) async fn prepare_to_send_again(
        &mut self,
        text: &SqlStr,
        fate: Fate,
    ) -> Result<(), Error> {
        if fate == Fate::Unprepared {
            // Once for each text, since the connection knows its types then.
            return self.knows_types_now(text.as_str()).await;
        }
        self.sent_again += 1;
        self.has_sent = false;
        // The next statement begins on another connection.
        self.count_prepared();
        if let Some(on) = self.connection.take() {
            on.lease.discard_as(fate);
        }
        Ok(())
    }

    /// Admits a query. A value that cannot be encoded is returned as an error and does not mark the session.
    pub(crate) async fn start_query(
        &mut self,
        mut query: Statement<DB>,
    ) -> Result<(Statement<DB>, Dispatched<'_, DB>), sqlx::Error> {
        if let Some(error) = query.encoding_error() {
            return Err(error);
        }
        let varies = demarcate_sql::columns_vary(query.text().as_str(), DB::DIALECT);
        if varies || self.pool().pooler().shares_sessions() {
            query.send_unnamed();
        }
        let comments = self.engine.watch().sql_comments.as_ref();
        let comments = comments.filter(|_| query.takes_comment());
        let comment = comments.map(|comments| {
            let inside = self.activity.span().clone();
            inside.in_scope(|| comments.next(&self.activity))
        });
        if comment.as_ref().is_some_and(|comment| comment.is_unique) {
            query.send_unnamed();
        }
        let preparing = u64::from(DB::PREPARES && query.is_prepared_once());
        let running = self.start(query.text(), preparing).await?;
        if let Some(comment) = comment {
            query.append(&comment.text);
        }
        Ok((query, running))
    }

    /// Lends the raw connection to the body, after setting the savepoint that later proves the transaction open.
    pub(crate) async fn lend_connection(&mut self) -> Result<&mut DB::Connection, Error> {
        self.catch_up().await;
        self.check()?;
        self.require_transaction("raw connection")?;
        self.begin(TransactionMode::Explicit).await?;
        self.set_witness().await?;
        self.fitness.sends();
        let lease = self.begun();
        lease.taint();
        lease.changes_schema();
        Ok(lease.parts().connection)
    }
}
