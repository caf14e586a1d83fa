//! A hook for pools of the application's own, which finds what is taken out of them inside a boundary.

use std::backtrace::{Backtrace, BacktraceStatus};

use futures_core::future::BoxFuture;
use sqlx::pool::PoolConnectionMetadata;

use crate::scope::current;
use crate::targets;

/// A hook for an `sqlx::Pool` of the application's own: a boundary in whose body a connection of that pool is taken does not
/// commit.
///
/// A statement that is sent to such a pool inside a boundary is not part of its transaction: it stays after a rollback, does
/// not see what the transaction has written, and waits for a second connection while the first is held. The attributes find
/// it where types tell; the hook finds it wherever it is, in other crates and behind `dyn Trait` as well.
///
/// Give it to both [`before_acquire`] and [`after_connect`], since sqlx asks the one for a connection that was idle and the
/// other for a new one. Neither can refuse a connection: sqlx closes it and opens another. So the statement runs, and the
/// boundary is rolled back with [`Error::RollbackOnly`](crate::Error::RollbackOnly), whose place is the boundary and the
/// service that took the connection. An event with the target `demarcate::tripwire` is logged for the first one of each run,
/// with a backtrace where `RUST_BACKTRACE` asks for it: the caller of `acquire` is in it.
///
/// A pool with the hook can be a factory's own as well ([`Builder::pool`](crate::Builder::pool)): what the boundaries take
/// themselves passes. So does what is taken outside of a boundary, in its hooks after the commit, in the body of
/// [`SessionFactory::connection`](crate::SessionFactory::connection), and in a task that the body spawns, which the hook cannot
/// tell from any other. What is meant to be stored whatever becomes of the transaction, such as an audit trail, has a pool
/// without the hook.
///
/// ```
/// # #[cfg(feature = "sqlite")] mod example {
/// use demarcate::sqlite::SessionFactory;
/// use demarcate::{Error, tripwire};
/// use sqlx::sqlite::SqlitePoolOptions;
///
/// # pub async fn main() -> Result<(), Error> {
/// let pool = SqlitePoolOptions::new()
///     .after_connect(tripwire())
///     .before_acquire(tripwire())
///     .connect("sqlite::memory:")
///     .await?;
/// let db = SessionFactory::builder().url("sqlite::memory:").connect().await?;
///
/// let passed = db
///     .transaction(async |tx| {
///         sqlx::query("select 1").execute(&mut *tx).await?;
///         sqlx::query("select 2").execute(&pool).await?; // not in the transaction
///         Ok::<_, Error>(())
///     })
///     .await;
/// assert!(matches!(passed, Err(Error::RollbackOnly { .. })));
/// # Ok(()) }
/// # }
/// # #[cfg(feature = "sqlite")]
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example::main()).unwrap();
/// ```
///
/// [`before_acquire`]: sqlx::pool::PoolOptions::before_acquire
/// [`after_connect`]: sqlx::pool::PoolOptions::after_connect
#[must_use = "it does nothing until it is given to `before_acquire` and `after_connect` of a pool's options"]
pub fn tripwire<C, P>()
-> impl for<'c> Fn(&'c mut C, PoolConnectionMetadata) -> BoxFuture<'c, Result<P, sqlx::Error>>
+ Send
+ Sync
+ 'static
where
    C: Send + 'static,
    P: Passed,
{
    hook(true)
}

/// As [`tripwire`], and only logs: the boundary commits. To begin with, in a program that is being moved.
///
/// ```
/// # #[cfg(feature = "postgres")] {
/// let options = sqlx::postgres::PgPoolOptions::new()
///     .after_connect(demarcate::tripwire_log())
///     .before_acquire(demarcate::tripwire_log());
/// # let _ = options;
/// # }
/// ```
#[must_use = "it does nothing until it is given to `before_acquire` and `after_connect` of a pool's options"]
pub fn tripwire_log<C, P>()
-> impl for<'c> Fn(&'c mut C, PoolConnectionMetadata) -> BoxFuture<'c, Result<P, sqlx::Error>>
+ Send
+ Sync
+ 'static
where
    C: Send + 'static,
    P: Passed,
{
    hook(false)
}

/// What a hook returns for a connection that may be lent: `true` in `before_acquire`, and nothing in `after_connect`.
pub trait Passed: Send + 'static {
    /// The value.
    fn passed() -> Self;
}

impl Passed for bool {
    fn passed() -> Self {
        true
    }
}

impl Passed for () {
    fn passed() -> Self {}
}

fn hook<C, P>(
    refuses: bool,
) -> impl for<'c> Fn(&'c mut C, PoolConnectionMetadata) -> BoxFuture<'c, Result<P, sqlx::Error>>
+ Send
+ Sync
+ 'static
where
    C: Send + 'static,
    P: Passed,
{
    move |_: &mut C, _| {
        look(refuses);
        Box::pin(std::future::ready(Ok(P::passed())))
    }
}

/// Looks whether the connection is taken inside a boundary, by something else than the boundary.
fn look(refuses: bool) {
    let Some(activity) = current::past_the_session() else {
        return;
    };
    if !activity.passes(refuses) {
        return;
    }
    let (boundary, backtrace) = (activity.site(), Backtrace::capture());
    let service = activity.service().map(tracing::field::display);
    let backtrace = Some(&backtrace).filter(|trace| trace.status() == BacktraceStatus::Captured);
    tracing::warn!(
        target: targets::TRIPWIRE,
        %boundary,
        service,
        backtrace = backtrace.map(tracing::field::display),
        "a connection was taken past the session, so that its statements are not part of the transaction; give them the session, `&mut *tx`",
    );
}
