//! Where connections come from and go back to.

mod connection;
pub(crate) mod control;
mod holders;
pub(crate) mod lease;
pub(crate) mod own;
pub(crate) mod replicas;
mod status;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

pub(crate) use self::connection::Connection;
use self::connection::LentConnection;
pub use self::status::PoolStatus;
use crate::backend::{Backend, connect_error};
use crate::error::Error;
use crate::pool::control::ControlConnection;
use crate::pool::holders::Holders;
use crate::pool::own::{CLOSING_TAKES, Lack, Limits, OwnPool};
use crate::scope::holder::InWords;
use crate::scope::place::ErrorContext;
use crate::scope::site::Site;
use crate::settings::{Options, Pooler};
use crate::targets;
use crate::util::cancel::{CancelSource, CancelToken};

/// What is told to end is at its end by then, a commit's last wait for an answer included; unless nobody polls it.
const STOPPING_TAKES: Duration = Duration::from_secs(3);

/// A pool of connections: our own, or one that the user made.
pub(crate) struct Pool<DB: Backend> {
    source: PoolSource<DB>,
    pooler: Pooler,
    control: Arc<ControlConnection<DB>>,
    /// How many boundaries and lent connections there are.
    guests: watch::Sender<usize>,
    holders: Holders,
    waiting: AtomicUsize,
    is_closing: AtomicBool,
    /// Ends what still runs when a closing pool has waited long enough.
    stopper: (CancelSource, CancelToken),
    wait: Duration,
}

enum PoolSource<DB: Backend> {
    /// Takes a connection back without a round trip.
    Own(Arc<OwnPool<DB>>),
    /// The user's own keeps its habits: it pings a connection when it comes back.
    Sqlx {
        pool: sqlx::Pool<DB>,
        /// Clones of a pool share these; their address says whether two pools are one.
        identity: Arc<Options<DB>>,
    },
}

impl<DB: Backend> Pool<DB> {
    pub(crate) fn new(options: Options<DB>, pooler: Pooler, mut limits: Limits) -> Self {
        limits.max_connections = DB::most_connections(&options, limits.max_connections);
        limits.min_connections = limits.min_connections.min(limits.max_connections);
        if DB::is_lost_with_its_connection(&options) {
            (limits.max_lifetime, limits.idle_timeout) = (None, None);
        }
        let options = Arc::new(DB::behind(options, pooler));
        let own = OwnPool::new(Arc::clone(&options), pooler, limits);
        let source = PoolSource::Own(Arc::new(own));
        Self::over(source, options, pooler, limits.acquire_timeout)
    }

    pub(crate) fn of(pool: sqlx::Pool<DB>, pooler: Pooler) -> Self {
        let identity = pool.connect_options();
        let wait = pool.options().get_acquire_timeout();
        let options = Arc::clone(&identity);
        Self::over(PoolSource::Sqlx { pool, identity }, options, pooler, wait)
    }

    fn over(
        source: PoolSource<DB>,
        options: Arc<Options<DB>>,
        pooler: Pooler,
        wait: Duration,
    ) -> Self {
        Self {
            source,
            pooler,
            control: Arc::new(ControlConnection::new(options, pooler)),
            guests: watch::Sender::new(0),
            holders: Holders::default(),
            waiting: AtomicUsize::new(0),
            stopper: CancelSource::new(),
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
            PoolSource::Own(own) => Arc::as_ptr(own).addr(),
            PoolSource::Sqlx { identity, .. } => Arc::as_ptr(identity).addr(),
        }
    }

    /// How many connections there may be at most.
    pub(crate) fn size(&self) -> usize {
        match &self.source {
            PoolSource::Own(own) => own.limits.max_connections,
            PoolSource::Sqlx { pool, .. } => pool.options().get_max_connections() as usize,
        }
    }

    /// What it is doing now.
    pub(crate) fn status(&self) -> PoolStatus {
        let (connections, idle) = match &self.source {
            PoolSource::Own(own) => own.count(),
            PoolSource::Sqlx { pool, .. } => (pool.size() as usize, pool.num_idle()),
        };
        PoolStatus {
            max_connections: self.size(),
            connections,
            idle: idle.min(connections),
            waiting: self.waiting.load(Ordering::Relaxed),
            holders: self.holders.now(),
        }
    }

    /// Whether all connections that there may be are lent. One that is being made is not.
    pub(crate) fn is_exhausted(&self) -> bool {
        match &self.source {
            PoolSource::Own(_) => self.holders.now().len() >= self.size(),
            PoolSource::Sqlx { pool, .. } => {
                pool.num_idle() == 0 && pool.size() >= pool.options().get_max_connections()
            }
        }
    }

    /// Lends a connection to a boundary.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the queue, or the connection.
    pub(crate) async fn acquire(&self, boundary: Site) -> Result<Connection<DB>, Error> {
        let waiting = WaitCounter::new(&self.waiting);
        let held = match &self.source {
            PoolSource::Own(own) => {
                LentConnection::Own(own.take().await.map_err(|lack| self.explain(lack))?)
            }
            PoolSource::Sqlx { pool, .. } => {
                let taken = pool.acquire().await;
                LentConnection::Sqlx(taken.map_err(|error| self.explain_sqlx(error))?)
            }
        };
        let lent = self.lend(held, boundary).await?;
        drop(waiting);
        Ok(lent)
    }

    /// Lends one that nobody uses, where there is one.
    pub(crate) async fn acquire_idle(&self, who: Site) -> Option<Connection<DB>> {
        let held = match &self.source {
            PoolSource::Own(own) => LentConnection::Own(own.take_idle()?),
            PoolSource::Sqlx { pool, .. } => LentConnection::Sqlx(pool.try_acquire()?),
        };
        self.lend(held, who).await.ok()
    }

    async fn lend(&self, mut held: LentConnection<DB>, to: Site) -> Result<Connection<DB>, Error> {
        let fitting = match &mut held {
            LentConnection::Own(lent) => Arc::clone(&lent.own().fitting),
            LentConnection::Sqlx(connection) => {
                let fitting = DB::fit(connection, self.pooler).await;
                Arc::new(fitting.map_err(Self::refused)?)
            }
        };
        Ok(Connection {
            held: Some(held),
            fitting,
            control: Arc::clone(&self.control),
            runtime: Handle::current(),
            _holder: self.holders.enter(to),
            _guest: self.guest(),
        })
    }

    /// Makes as many connections as there are to be at least, and one in any case.
    pub(crate) async fn warm_up(&self) -> Result<(), Error> {
        match &self.source {
            PoolSource::Own(own) => {
                let least = own.limits.min_connections.max(1);
                own.fill(least).await.map_err(|lack| self.explain(lack))
            }
            PoolSource::Sqlx { .. } => Ok(()),
        }
    }

    /// Looks whether what was connected to is a database.
    pub(crate) async fn prove(&self) -> Result<(), Error> {
        let PoolSource::Own(own) = &self.source else {
            return Ok(());
        };
        let mut lent = own.take().await.map_err(|lack| self.explain(lack))?;
        let proven = DB::prove(&mut lent.own_mut().connection).await;
        proven.map_err(connect_error::<DB>)
    }

    /// What can be asked while the pool's own connections are all in use.
    pub(crate) fn control(&self) -> &ControlConnection<DB> {
        &self.control
    }

    fn explain(&self, lack: Lack) -> Error {
        match lack {
            Lack::Exhausted => self.timed_out(),
            Lack::Closed => Error::Closed {
                place: ErrorContext::default(),
            },
            Lack::Refused(error) => Self::refused(error),
            Lack::Panicked(panic) => std::panic::resume_unwind(panic),
        }
    }

    fn explain_sqlx(&self, error: sqlx::Error) -> Error {
        match error {
            sqlx::Error::PoolTimedOut => self.timed_out(),
            sqlx::Error::PoolClosed => Error::Closed {
                place: ErrorContext::default(),
            },
            error => Self::refused(error),
        }
    }

    pub(crate) fn refused(source: sqlx::Error) -> Error {
        connect_error::<DB>(source)
    }

    pub(crate) fn no_answer(after: Duration) -> Error {
        Self::refused(crate::pool::own::no_answer(after))
    }

    /// How long a connection may be waited for.
    #[cfg(feature = "postgres")]
    pub(crate) fn patience(&self) -> Duration {
        self.wait
    }

    fn timed_out(&self) -> Error {
        Error::PoolTimeout {
            place: ErrorContext::default(),
            after: self.wait,
            size: self.size(),
            holders: self.holders.now(),
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
                PoolSource::Own(own) => own.is_closed(),
                PoolSource::Sqlx { pool, .. } => pool.is_closed(),
            }
    }

    /// What everything that runs on this pool listens to.
    pub(crate) fn stop(&self) -> &CancelToken {
        &self.stopper.1
    }

    /// Waits until nobody is left, ends what is left after a time, and closes each connection.
    pub(crate) async fn close(&self, grace: Duration) {
        self.start_closing();
        if timeout(grace, self.is_left()).await.is_err() {
            let holders = self.holders.now();
            tracing::warn!(
                target: targets::POOL,
                ?grace,
                holders = %InWords(&holders),
                "the session factory closes, and ends what still runs",
            );
            self.stopper.0.stop();
            if timeout(STOPPING_TAKES, self.is_left()).await.is_err() {
                // Its connection is closed when it is dropped.
                let holders = self.holders.now();
                tracing::warn!(
                    target: targets::POOL,
                    holders = %InWords(&holders),
                    "nobody polls what still runs, or it does not come to an await: the session factory is closed without it",
                );
            }
        }
        match &self.source {
            PoolSource::Own(own) => own.close().await,
            PoolSource::Sqlx { pool, .. } => {
                // It waits for the connections that the user has taken from it, too.
                let grace = grace.max(CLOSING_TAKES);
                if timeout(grace, pool.close()).await.is_err() {
                    tracing::warn!(
                        target: targets::POOL,
                        ?grace,
                        "connections are still lent by the pool that was given"
                    );
                }
            }
        }
        self.control.close().await;
    }
}

impl<DB: Backend> Pool<DB> {
    async fn is_left(&self) {
        let mut guests = self.guests.subscribe();
        // It fails only where the sender is gone, which is ours.
        guests.wait_for(|guests| *guests == 0).await.ok();
    }
}

/// One that waits is counted until this is dropped.
struct WaitCounter<'a>(&'a AtomicUsize);

impl<'a> WaitCounter<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for WaitCounter<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One that is counted until it is dropped.
pub(crate) struct Guest(watch::Sender<usize>);

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.send_modify(|guests| *guests -= 1);
    }
}
