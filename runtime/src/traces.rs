//! What a transaction leaves on the server's session, which behind a transaction pooler is the next client's.

use crate::backend::Backend;
use crate::error::Error;
use crate::lease::Lease;
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
    /// Removes what [`unguarded`](crate::Session::unguarded) or a lifted rule of the guard may have left,
    /// while the server's session is still ours. Elsewhere the connection is closed, and takes it along.
    pub(crate) async fn leave_no_traces(&mut self) -> Result<(), Error> {
        let shares = self.engine.pool().pooler().shares_sessions();
        let is_tainted = self.lease.as_ref().is_some_and(Lease::is_tainted);
        if shares && is_tainted {
            self.send(DB::SWEEP.to_owned()).await?;
        }
        Ok(())
    }
}
