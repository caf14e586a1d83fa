//! Where connections come from and go back to.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult, Timeouts};
use sqlx::pool::PoolConnection;
use sqlx::{ConnectOptions, Connection as _};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::backend::Backend;
use crate::error::Error;
use crate::holders::{self, Holder, Holders};
use crate::place::Place;
use crate::settings::{Options, Pooler};
use crate::site::Site;
use crate::spare::Spare;
use crate::stop::{Stop, Stopper};

/// How many connections a pool has, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) max_connections: usize,
    pub(crate) min_connections: usize,
    pub(crate) acquire_timeout: Duration,
    pub(crate) max_lifetime: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
}

impl Limits {
    /// Whether a connection that nobody uses has had its time.
    fn is_over(&self, metrics: &Metrics, returned: Instant) -> bool {
        let is_old = self.max_lifetime.is_some_and(|most| metrics.age() >= most);
        is_old
            || self
                .idle_timeout
                .is_some_and(|most| returned.elapsed() >= most)
    }

    /// How often to look for such connections, and for ones that are missing.
    fn interval(&self) -> Option<Duration> {
        let shortest = [self.max_lifetime, self.idle_timeout]
            .into_iter()
            .flatten()
            .min();
        let looks = match shortest {
            Some(shortest) => shortest / 2,
            None if self.min_connections > 0 => LONGEST_INTERVAL,
            None => return None,
        };
        Some(looks.clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL))
    }
}

/// What sending goodbye to the server may take in any case.
const CLOSING_TAKES: Duration = Duration::from_millis(500);

const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
const LONGEST_INTERVAL: Duration = Duration::from_secs(30);

/// Makes connections for [`managed::Pool`].
pub(crate) struct Maker<DB: Backend> {
    options: Arc<Options<DB>>,
    pooler: Pooler,
    limits: Limits,
}

/// A connection in the pool.
pub(crate) struct Pooled<DB: Backend> {
    connection: DB::Connection,
    fitting: Arc<DB::Fitting>,
    /// When it came back.
    returned: Instant,
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
            returned: Instant::now(),
        })
    }

    /// A pooled connection is not asked whether it lives: the begin that follows is that question, and
    /// costs nothing more.
    async fn recycle(
        &self,
        pooled: &mut Pooled<DB>,
        metrics: &Metrics,
    ) -> RecycleResult<sqlx::Error> {
        if self.limits.is_over(metrics, pooled.returned) {
            return Err(RecycleError::message("it has had its time"));
        }
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
    holders: Holders,
    waiting: AtomicUsize,
    is_closing: AtomicBool,
    /// Ends what still runs when a closing pool has waited long enough.
    stopper: (Stopper, Stop),
    wait: Duration,
}

/// What a pool is doing now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStatus {
    /// How many connections there may be at most.
    pub max_connections: usize,
    /// How many there are. The spare one, which stops statements and asks for outcomes, is not counted.
    pub connections: usize,
    /// How many of them nobody uses.
    pub idle: usize,
    /// How many boundaries wait for one.
    pub waiting: usize,
    /// Who holds the others; who has held one longest comes first.
    pub holders: Vec<Holder>,
}

enum Source<DB: Backend> {
    /// Takes a connection back without a round trip. It is looked after from its first use on.
    Own(managed::Pool<Maker<DB>>, AtomicBool),
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
        mut limits: Limits,
    ) -> Result<Self, Error> {
        limits.max_connections = DB::most_connections(&options, limits.max_connections);
        limits.min_connections = limits.min_connections.min(limits.max_connections);
        if DB::is_lost_with_its_connection(&options) {
            (limits.max_lifetime, limits.idle_timeout) = (None, None);
        }
        let options = Arc::new(DB::behind(options, pooler));
        let maker = Maker {
            options: Arc::clone(&options),
            pooler,
            limits,
        };
        let pool = managed::Pool::builder(maker)
            .max_size(limits.max_connections)
            // The one that was used last: what is not needed comes to its idle timeout.
            .queue_mode(managed::QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| Error::config(error.to_string()))?;
        Ok(Self::over(
            Source::Own(pool, AtomicBool::new(false)),
            options,
            pooler,
            limits.acquire_timeout,
        ))
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
            holders: Holders::default(),
            waiting: AtomicUsize::new(0),
            stopper: Stopper::new(),
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
            Source::Own(pool, _) => std::ptr::from_ref(pool).addr(),
            Source::Sqlx { identity, .. } => Arc::as_ptr(identity).addr(),
        }
    }

    /// How many connections there may be at most.
    pub(crate) fn size(&self) -> usize {
        match &self.source {
            Source::Own(pool, _) => pool.status().max_size,
            Source::Sqlx { pool, .. } => pool.options().get_max_connections() as usize,
        }
    }

    /// What it is doing now.
    pub(crate) fn status(&self) -> PoolStatus {
        let (connections, idle) = match &self.source {
            Source::Own(pool, _) => {
                let status = pool.status();
                (status.size, status.available)
            }
            Source::Sqlx { pool, .. } => (pool.size() as usize, pool.num_idle()),
        };
        PoolStatus {
            max_connections: self.size(),
            connections,
            idle: idle.min(connections),
            waiting: self.waiting.load(Ordering::Relaxed),
            holders: self.holders.now(),
        }
    }

    /// Lends a connection to a boundary.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the queue, or the connection.
    pub(crate) async fn acquire(&self, boundary: Site) -> Result<Connection<DB>, Error> {
        let waiting = Waiting::new(&self.waiting);
        let (held, fitting) = match &self.source {
            Source::Own(pool, is_looked_after) => {
                if !is_looked_after.swap(true, Ordering::Relaxed) {
                    look_after(pool);
                }
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
        drop(waiting);
        Ok(Connection {
            held: Some(held),
            fitting,
            spare: Arc::clone(&self.spare),
            runtime: Handle::current(),
            _holder: self.holders.enter(boundary),
            _guest: self.guest(),
        })
    }

    /// Makes as many connections as there are to be at least, and one in any case.
    pub(crate) async fn warm_up(&self) -> Result<(), Error> {
        match &self.source {
            Source::Own(pool, _) => {
                let least = pool.manager().limits.min_connections.max(1);
                fill(pool, least).await.map_err(|error| self.explain(error))
            }
            Source::Sqlx { .. } => Ok(()),
        }
    }

    /// Looks whether what was connected to is a database.
    pub(crate) async fn prove(&self) -> Result<(), Error> {
        let Source::Own(pool, _) = &self.source else {
            return Ok(());
        };
        let mut pooled = pool.get().await.map_err(|error| self.explain(error))?;
        let proven = DB::prove(&mut pooled.connection).await;
        proven.map_err(Error::connect::<DB>)
    }

    /// What can be asked while the pool's own connections are all in use.
    pub(crate) fn spare(&self) -> &Spare<DB> {
        &self.spare
    }

    fn explain(&self, error: PoolError<sqlx::Error>) -> Error {
        match error {
            PoolError::Timeout(managed::TimeoutType::Wait) => self.timed_out(),
            PoolError::Timeout(_) => Self::no_answer(self.wait),
            PoolError::Closed => Error::Closed {
                place: Place::default(),
            },
            PoolError::Backend(error) => Self::refused(error),
            error @ (PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_)) => {
                Error::config(error.to_string())
            }
        }
    }

    fn explain_sqlx(&self, error: sqlx::Error) -> Error {
        match error {
            sqlx::Error::PoolTimedOut => self.timed_out(),
            sqlx::Error::PoolClosed => Error::Closed {
                place: Place::default(),
            },
            error => Self::refused(error),
        }
    }

    pub(crate) fn refused(source: sqlx::Error) -> Error {
        Error::connect::<DB>(source)
    }

    pub(crate) fn no_answer(after: Duration) -> Error {
        Self::refused(sqlx::Error::Io(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            format!("no answer within {after:?}"),
        )))
    }

    /// How long a connection may be waited for.
    #[cfg(feature = "postgres")]
    pub(crate) fn patience(&self) -> Duration {
        self.wait
    }

    fn timed_out(&self) -> Error {
        Error::PoolTimeout {
            place: Place::default(),
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
                Source::Own(pool, _) => pool.is_closed(),
                Source::Sqlx { pool, .. } => pool.is_closed(),
            }
    }

    /// What everything that runs on this pool listens to.
    pub(crate) fn stop(&self) -> &Stop {
        &self.stopper.1
    }

    /// Waits until nobody is left, ends what is left after a time, and closes each connection.
    pub(crate) async fn close(&self, grace: Duration) {
        self.start_closing();
        if tokio::time::timeout(grace, self.is_left()).await.is_err() {
            let holders = self.holders.now();
            tracing::warn!(
                ?grace,
                holders = %holders::InWords(&holders),
                "the session factory closes, and ends what still runs",
            );
            self.stopper.0.stop();
            self.is_left().await;
        }
        match &self.source {
            Source::Own(pool, _) => {
                let idle = pool.retain(|_, _| false).removed;
                pool.close();
                for pooled in idle {
                    // The server learns of it this way or the other; there is nobody to tell.
                    pooled.connection.close().await.ok();
                }
            }
            Source::Sqlx { pool, .. } => {
                // It waits for the connections that the user has taken from it, too.
                let grace = grace.max(CLOSING_TAKES);
                if tokio::time::timeout(grace, pool.close()).await.is_err() {
                    tracing::warn!(
                        ?grace,
                        "connections are still lent by the pool that was given"
                    );
                }
            }
        }
        self.spare.close().await;
    }
}

impl<DB: Backend> Pool<DB> {
    async fn is_left(&self) {
        let mut guests = self.guests.subscribe();
        // It fails only where the sender is gone, which is ours.
        guests.wait_for(|guests| *guests == 0).await.ok();
    }
}

/// Starts what replaces connections whose time is over, for as long as there is the pool.
fn look_after<DB: Backend>(pool: &managed::Pool<Maker<DB>>) {
    let Some(interval) = pool.manager().limits.interval() else {
        return;
    };
    let pool = pool.weak();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(interval).await;
            let Some(pool) = pool.upgrade().filter(|pool| !pool.is_closed()) else {
                return;
            };
            let limits = pool.manager().limits;
            let over = pool
                .retain(|pooled, metrics| !limits.is_over(&metrics, pooled.returned))
                .removed;
            for pooled in over {
                // Dropped, it would be closed as well, and the server would log that it was lost.
                pooled.connection.close().await.ok();
            }
            if let Err(error) = fill(&pool, limits.min_connections).await {
                tracing::debug!(%error, "the pool could not be filled up");
            }
        }
    });
}

/// Makes what is missing to the least number of connections.
async fn fill<DB: Backend>(
    pool: &managed::Pool<Maker<DB>>,
    least: usize,
) -> Result<(), PoolError<sqlx::Error>> {
    if pool.status().size >= least {
        return Ok(());
    }
    let patience = Timeouts {
        // Where all are in use there are enough.
        wait: Some(Duration::ZERO),
        create: Some(pool.manager().limits.acquire_timeout),
        recycle: None,
    };
    let mut taken = Vec::new();
    while taken.len() < least {
        match pool.timeout_get(&patience).await {
            Ok(connection) => taken.push(connection),
            Err(PoolError::Timeout(managed::TimeoutType::Wait)) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// One that waits is counted until this is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
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

/// A lent connection. Dropped, it is closed: only [`give_back`](Self::give_back), which says that
/// nothing is open and nothing outstanding on it, lets another boundary have it.
pub(crate) struct Connection<DB: Backend> {
    held: Option<Held<DB>>,
    fitting: Arc<DB::Fitting>,
    spare: Arc<Spare<DB>>,
    /// The runtime that it was taken on. It may be dropped outside any.
    runtime: Handle,
    _holder: holders::Held,
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

    pub(crate) fn spare(&self) -> &Arc<Spare<DB>> {
        &self.spare
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub(crate) fn give_back(mut self) {
        // sqlx's pool takes it back on a task, and panics where there is no runtime to have one.
        let _runtime = self.runtime.enter();
        if let Some(Held::Own(pooled)) = &mut self.held {
            pooled.returned = Instant::now();
        }
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
