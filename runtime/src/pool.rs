//! Where connections come from and go back to.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, PoolError, RecycleResult, Timeouts};
use sqlx::pool::PoolConnection;
use sqlx::{ConnectOptions, Connection as _};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::backend::Backend;
use crate::error::Error;
use crate::settings::{Options, Pooler};
use crate::spare::Spare;

/// Makes connections for [`managed::Pool`].
pub(crate) struct Maker<DB: Backend> {
    options: Arc<Options<DB>>,
    pooler: Pooler,
}

/// A connection in the pool.
pub(crate) struct Pooled<DB: Backend> {
    connection: DB::Connection,
    fitting: Arc<DB::Fitting>,
}

impl<DB: Backend> managed::Manager for Maker<DB> {
    type Type = Pooled<DB>;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Pooled<DB>, sqlx::Error> {
        let mut connection = self.options.connect().await?;
        let fitting = Arc::new(DB::fit(&mut connection, self.pooler).await?);
        Ok(Pooled {
            connection,
            fitting,
        })
    }

    /// A pooled connection is not asked whether it lives: the begin that follows is that question, and
    /// costs nothing more.
    async fn recycle(&self, _: &mut Pooled<DB>, _: &Metrics) -> RecycleResult<sqlx::Error> {
        Ok(())
    }
}

/// A pool of connections: our own, or one that the user made.
pub(crate) struct Pool<DB: Backend> {
    source: Source<DB>,
    pooler: Pooler,
    spare: Arc<Spare<DB>>,
    /// How many boundaries and lent connections there are.
    guests: watch::Sender<usize>,
    is_closing: AtomicBool,
    wait: Duration,
}

enum Source<DB: Backend> {
    /// Takes a connection back without a round trip.
    Own(managed::Pool<Maker<DB>>),
    /// The user's own keeps its habits: it pings a connection when it comes back.
    Sqlx {
        pool: sqlx::Pool<DB>,
        /// Clones of a pool share these; their address says whether two pools are one.
        identity: Arc<Options<DB>>,
    },
}

impl<DB: Backend> Pool<DB> {
    pub(crate) fn new(
        options: Options<DB>,
        pooler: Pooler,
        size: usize,
        wait: Duration,
    ) -> Result<Self, Error> {
        let size = DB::most_connections(&options, size);
        let options = Arc::new(DB::behind(options, pooler));
        let maker = Maker {
            options: Arc::clone(&options),
            pooler,
        };
        let pool = managed::Pool::builder(maker)
            .max_size(size)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| Error::config(error.to_string()))?;
        Ok(Self::over(Source::Own(pool), options, pooler, wait))
    }

    pub(crate) fn of(pool: sqlx::Pool<DB>, pooler: Pooler) -> Self {
        let identity = pool.connect_options();
        let wait = pool.options().get_acquire_timeout();
        let options = Arc::clone(&identity);
        Self::over(Source::Sqlx { pool, identity }, options, pooler, wait)
    }

    fn over(source: Source<DB>, options: Arc<Options<DB>>, pooler: Pooler, wait: Duration) -> Self {
        Self {
            source,
            pooler,
            spare: Arc::new(Spare::new(options, pooler)),
            guests: watch::Sender::new(0),
            is_closing: AtomicBool::new(false),
            wait,
        }
    }

    /// What stands before the server.
    pub(crate) fn pooler(&self) -> Pooler {
        self.pooler
    }

    /// The same for everything that draws on the same connections.
    pub(crate) fn identity(&self) -> usize {
        match &self.source {
            Source::Own(pool) => std::ptr::from_ref(pool).addr(),
            Source::Sqlx { identity, .. } => Arc::as_ptr(identity).addr(),
        }
    }

    /// How many connections there may be at most.
    pub(crate) fn size(&self) -> usize {
        match &self.source {
            Source::Own(pool) => pool.status().max_size,
            Source::Sqlx { pool, .. } => pool.options().get_max_connections() as usize,
        }
    }

    /// Lends a connection.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the queue, or the connection.
    pub(crate) async fn acquire(&self) -> Result<Connection<DB>, Error> {
        let (held, fitting) = match &self.source {
            Source::Own(pool) => {
                let patience = Timeouts {
                    wait: Some(self.wait),
                    create: Some(self.wait),
                    recycle: None,
                };
                let object = pool
                    .timeout_get(&patience)
                    .await
                    .map_err(|error| self.explain(error))?;
                let fitting = Arc::clone(&object.fitting);
                (Held::Own(object), fitting)
            }
            Source::Sqlx { pool, .. } => {
                let mut connection = pool
                    .acquire()
                    .await
                    .map_err(|error| self.explain_sqlx(error))?;
                let fitting = DB::fit(&mut connection, self.pooler)
                    .await
                    .map_err(Self::refused)?;
                (Held::Sqlx(connection), Arc::new(fitting))
            }
        };
        Ok(Connection {
            held: Some(held),
            fitting,
            pooler: self.pooler,
            spare: Arc::clone(&self.spare),
            runtime: Handle::current(),
            _guest: self.guest(),
        })
    }

    /// What can be asked while the pool's own connections are all in use.
    pub(crate) fn spare(&self) -> &Spare<DB> {
        &self.spare
    }

    fn explain(&self, error: PoolError<sqlx::Error>) -> Error {
        match error {
            PoolError::Timeout(managed::TimeoutType::Wait) => self.timed_out(),
            PoolError::Timeout(_) => Self::no_answer(self.wait),
            PoolError::Closed => Error::Closed { boundary: None },
            PoolError::Backend(error) => Self::refused(error),
            error @ (PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_)) => {
                Error::config(error.to_string())
            }
        }
    }

    fn explain_sqlx(&self, error: sqlx::Error) -> Error {
        match error {
            sqlx::Error::PoolTimedOut => self.timed_out(),
            sqlx::Error::PoolClosed => Error::Closed { boundary: None },
            error => Self::refused(error),
        }
    }

    pub(crate) fn refused(source: sqlx::Error) -> Error {
        Error::Connect {
            boundary: None,
            advice: DB::connect_advice(&source),
            source,
        }
    }

    pub(crate) fn no_answer(after: Duration) -> Error {
        Self::refused(sqlx::Error::Io(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            format!("no answer within {after:?}"),
        )))
    }

    /// How long a connection may be waited for.
    pub(crate) fn patience(&self) -> Duration {
        self.wait
    }

    fn timed_out(&self) -> Error {
        Error::PoolTimeout {
            boundary: None,
            after: self.wait,
            size: self.size(),
        }
    }

    /// Somebody whose end [`close`](Self::close) waits for.
    pub(crate) fn guest(&self) -> Guest {
        self.guests.send_modify(|guests| *guests += 1);
        Guest(self.guests.clone())
    }

    /// From now on [`is_closing`](Self::is_closing).
    pub(crate) fn start_closing(&self) {
        self.is_closing.store(true, Ordering::Release);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Acquire)
            || match &self.source {
                Source::Own(pool) => pool.is_closed(),
                Source::Sqlx { pool, .. } => pool.is_closed(),
            }
    }

    /// Waits until nobody is left, and closes each connection.
    pub(crate) async fn close(&self) {
        self.start_closing();
        // It fails only where the sender is gone, which is ours.
        self.guests
            .subscribe()
            .wait_for(|guests| *guests == 0)
            .await
            .ok();
        match &self.source {
            Source::Own(pool) => {
                let idle = pool.retain(|_, _| false).removed;
                pool.close();
                for pooled in idle {
                    // The server learns of it this way or the other; there is nobody to tell.
                    pooled.connection.close().await.ok();
                }
            }
            Source::Sqlx { pool, .. } => pool.close().await,
        }
        self.spare.close().await;
    }
}

/// One that is counted until it is dropped.
pub(crate) struct Guest(watch::Sender<usize>);

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.send_modify(|guests| *guests -= 1);
    }
}

/// A lent connection. Dropped, it is closed: only [`give_back`](Self::give_back), which says that
/// nothing is open and nothing outstanding on it, lets another boundary have it.
pub(crate) struct Connection<DB: Backend> {
    held: Option<Held<DB>>,
    fitting: Arc<DB::Fitting>,
    pooler: Pooler,
    spare: Arc<Spare<DB>>,
    /// The runtime that it was taken on. It may be dropped outside any.
    runtime: Handle,
    _guest: Guest,
}

enum Held<DB: Backend> {
    Own(Object<Maker<DB>>),
    Sqlx(PoolConnection<DB>),
}

impl<DB: Backend> Connection<DB> {
    /// Whether it may have died in the pool.
    pub(crate) fn is_reused(&self) -> bool {
        match &self.held {
            Some(Held::Own(object)) => Object::metrics(object).recycle_count > 0,
            Some(Held::Sqlx(_)) => true,
            None => false,
        }
    }

    pub(crate) fn fitting(&self) -> &Arc<DB::Fitting> {
        &self.fitting
    }

    pub(crate) fn pooler(&self) -> Pooler {
        self.pooler
    }

    pub(crate) fn spare(&self) -> &Arc<Spare<DB>> {
        &self.spare
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub(crate) fn give_back(mut self) {
        // sqlx's pool takes it back on a task, and panics where there is no runtime to have one.
        let _runtime = self.runtime.enter();
        drop(self.held.take());
    }
}

const HELD: &str = "a lent connection is held until it is given back or dropped";

impl<DB: Backend> Deref for Connection<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        match self.held.as_ref().expect(HELD) {
            Held::Own(pooled) => &pooled.connection,
            Held::Sqlx(connection) => connection,
        }
    }
}

impl<DB: Backend> DerefMut for Connection<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        match self.held.as_mut().expect(HELD) {
            Held::Own(pooled) => &mut pooled.connection,
            Held::Sqlx(connection) => connection,
        }
    }
}

impl<DB: Backend> Drop for Connection<DB> {
    fn drop(&mut self) {
        // sqlx's pool replaces it on a task, and panics where there is no runtime to have one.
        let _runtime = self.runtime.enter();
        match self.held.take() {
            Some(Held::Own(object)) => drop(Object::take(object)),
            Some(Held::Sqlx(connection)) => drop(connection.detach()),
            None => {}
        }
    }
}
