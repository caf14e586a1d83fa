//! What a transaction leaves on the server's session, which behind a transaction pooler is the next client's.

use crate::backend::Backend;
use crate::error::Error;
use crate::flight::Running;
use crate::transaction::Core;

/// What the session says to somebody who wants a statement to have a name.
pub(crate) fn no_names() -> Error {
    Error::unsupported(
        "PostgreSQL behind a pooler in transaction mode",
        "session that a prepared statement could be kept on",
        "give the text to `sqlx::query`, which sends it anew each time",
    )
}

impl<DB: Backend> Core<DB> {
    /// Removes what would meet the next client, while the server's session is still ours.
    ///
    /// sqlx gives names to the queries with which it looks up a type that it does not know, whatever our
    /// own statements have. What [`unguarded`](crate::Session::unguarded) and a lifted rule of the guard
    /// have left, nobody knows.
    pub(crate) async fn leave_no_traces(&mut self) -> Result<(), Error> {
        let Some(lease) = &mut self.lease else {
            return Ok(());
        };
        if !self.db.pool().pooler().shares_sessions() {
            return Ok(());
        }
        if lease.is_tainted() {
            return self.send(DB::SWEEP.to_owned()).await;
        }
        if DB::prepared(lease.parts().0) == 0 {
            return Ok(());
        }
        self.count_prepared();
        self.prepared = 0;
        let site = self.site;
        let Running { connection, flight } = self.take_off();
        let forgotten = flight.watch(DB::forget_prepared(connection)).await;
        forgotten.map_err(|source| Error::Database {
            boundary: Some(site),
            source,
        })
    }
}
