//! Methods that a session must not have: `commit`, `rollback` and `begin`.
//!
//! Each is declared with a bound that nothing satisfies, so that the compiler reports in a sentence who
//! owns the transaction, in place of "no method named `commit`". The methods are hidden from documentation
//! and completion. Their messages carry the code of the rule that an attribute would have reported, and
//! their return type is concrete, so that one mistake gives one error.

use crate::backend::Backend;
use crate::session::Session;

#[diagnostic::on_unimplemented(
    message = "D010: a session cannot commit",
    label = "only the boundary that lent this session commits",
    note = "the boundary commits when its body returns `Ok`: remove the call"
)]
pub trait Commits {}

#[diagnostic::on_unimplemented(
    message = "D011: a session cannot roll back",
    label = "only the boundary that lent this session rolls back",
    note = "the boundary rolls back when its body returns `Err`: return the error",
    note = "to undo a part and go on, give that part a scope of its own: `tx.savepoint(async |tx| ..)`"
)]
pub trait RollsBack {}

#[diagnostic::on_unimplemented(
    message = "D012: a session cannot begin a transaction",
    label = "the boundary that lent this session has begun its transaction",
    note = "run statements on the session as it is, or give a part a scope of its own: `tx.savepoint(async |tx| ..)`"
)]
pub trait Begins {}

/// The return type of all three, which is never produced.
type Never = std::future::Ready<Result<(), sqlx::Error>>;

fn never() -> Never {
    std::future::ready(Ok(()))
}

#[doc(hidden)]
impl<DB: Backend> Session<DB> {
    pub fn commit(&mut self) -> Never
    where
        Self: Commits,
    {
        never()
    }

    pub fn rollback(&mut self) -> Never
    where
        Self: RollsBack,
    {
        never()
    }

    pub fn begin(&mut self) -> Never
    where
        Self: Begins,
    {
        never()
    }
}
