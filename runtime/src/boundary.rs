//! The boundary: what happens between the call of a router, job or closure and its return.

use tokio::time::Instant;

use crate::backend::Backend;
use crate::body::SendOnce;
use crate::error::Error;
use crate::factory::SessionFactory;
use crate::hooks;
use crate::nesting::{self, Frame};
use crate::options::TxOptions;
use crate::session::Session;
use crate::site::Site;
use crate::to_the_end::ToTheEnd;

/// Why a boundary did not commit: the body said so, or the boundary did.
pub(crate) enum Failed<E> {
    Body(E),
    Boundary(Error),
}

impl<E> Failed<E> {
    /// The boundary's reason as the body's type of error.
    pub(crate) fn into_error(self, from: impl FnOnce(Error) -> E) -> E {
        match self {
            Self::Body(error) => error,
            Self::Boundary(error) => from(error),
        }
    }
}

/// Runs a body in a transaction of its own. `Ok` commits, `Err` rolls back.
///
/// # Cancel safety
///
/// Dropped before its body is done, it is rolled back. Dropped after that, the commit and the hooks go
/// on without it.
pub(crate) async fn run<DB, T, E, F>(
    site: Site,
    db: &SessionFactory<DB>,
    options: TxOptions,
    body: F,
) -> Result<T, Failed<E>>
where
    DB: Backend,
    F: AsyncFnOnce(&mut Session<DB>) -> Result<T, E>,
    F: for<'s> SendOnce<&'s mut Session<DB>, Out = Result<T, E>>,
{
    let site = site.renamed(options.name);
    admit(site, db, &options).map_err(|error| Failed::Boundary(error.at(site)))?;

    let limit = options.time_limit();
    let deadline = Instant::now() + limit;
    let frame = Frame::new(site, db.pool().identity());
    let mut session = Session::new(db.clone(), site, options);
    let value = {
        let tx: &mut Session<DB> = &mut session;
        tokio::time::timeout_at(deadline, frame.scope(body(tx))).await
    };
    let value = match value {
        Ok(Ok(value)) => value,
        // The session is dropped, and rolls back off the caller's path.
        Ok(Err(error)) => return Err(Failed::Body(error)),
        Err(_) => return Err(Failed::Boundary(session.core.timed_out(limit, deadline))),
    };
    let end = async move {
        let hooks = session.core.commit(limit, deadline).await?;
        hooks::run(&session.core.db, site, hooks).await;
        Ok(())
    };
    ToTheEnd::new(end).await.map_err(Failed::Boundary)?;
    Ok(value)
}

/// Refuses what can be seen to fail before a connection is taken.
fn admit<DB: Backend>(
    site: Site,
    db: &SessionFactory<DB>,
    options: &TxOptions,
) -> Result<(), Error> {
    options.check()?;
    DB::check(options)?;
    if db.pool().is_closing() {
        return Err(Error::Closed { boundary: None });
    }
    match nesting::holder(db.pool().identity()) {
        Some(outer) if !options.independent => Err(Error::NestedBoundary {
            boundary: Some(site),
            outer,
        }),
        _ => Ok(()),
    }
}
