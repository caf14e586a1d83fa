//! Methods that a session must not have: `commit`, `rollback` and `begin`, `pool`, `acquire` and `connection`.
//!
//! Each is declared with a bound that nothing satisfies, so that the compiler reports in a sentence who
//! owns the transaction, in place of "no method named `commit`". The methods are hidden from documentation
//! and completion. Their messages carry the code of the rule that an attribute would have reported, and
//! their return type is concrete, so that one mistake gives one error.

use crate::backend::Backend;
use crate::macro_support::probe::unreached;
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

#[diagnostic::on_unimplemented(
    message = "a session does not give out its pool; run statements on the session, `&mut *tx`",
    label = "what is sent to a pool is not part of the transaction",
    note = "for code that is generic over an executor, write `tx.lent()`; for what must stay whatever becomes of the transaction, \
            open a boundary behind it, or start a job: `tx.after_commit(job(..))`"
)]
pub trait GivesPool {}

#[diagnostic::on_unimplemented(
    message = "a session does not take another connection; run statements on the session, `&mut *tx`",
    label = "the session has a connection, and takes it at its first statement",
    note = "for code that is generic over an executor, write `tx.lent()`"
)]
pub trait Acquires {}

#[diagnostic::on_unimplemented(
    message = "a session does not give out its connection; run statements on the session, `&mut *tx`",
    label = "the connection stays with the session",
    note = "for code that is generic over an executor, write `tx.lent()`; for what sqlx offers on a connection alone, \
            write `tx.unguarded()`, with `allow(unguarded, reason = \"..\")`; for what does not run inside a transaction, write \
            `db.connection(..)` outside of it"
)]
pub trait GivesConnection {}

/// The return type of all three, which is never produced.
type Never = std::future::Ready<Result<(), sqlx::Error>>;

fn never() -> Never {
    std::future::ready(Ok(()))
}

// Each of them is hidden by itself: an editor offers what is hidden by its `impl` alone.
impl<DB: Backend> Session<DB> {
    #[doc(hidden)]
    pub fn commit(&mut self) -> Never
    where
        Self: Commits,
    {
        never()
    }

    #[doc(hidden)]
    pub fn rollback(&mut self) -> Never
    where
        Self: RollsBack,
    {
        never()
    }

    #[doc(hidden)]
    pub fn begin(&mut self) -> Never
    where
        Self: Begins,
    {
        never()
    }
}

// Of these a trait of the user's may have one, which is then found first: a session is `tx: &mut Session`, and the receiver here
// is a reference to that. They give a session, so that what is done with it is not reported as well.
impl<DB: Backend> Session<DB> {
    #[doc(hidden)]
    pub fn pool(self: &&mut Self) -> &'static mut Self
    where
        Self: GivesPool,
    {
        unreached()
    }

    #[doc(hidden)]
    pub fn acquire(self: &&mut Self) -> std::future::Ready<Result<&'static mut Self, sqlx::Error>>
    where
        Self: Acquires,
    {
        unreached()
    }

    #[doc(hidden)]
    pub fn connection(self: &&mut Self) -> &'static mut Self
    where
        Self: GivesConnection,
    {
        unreached()
    }
}
