//! Connection pools: lends connections to boundaries, takes them back, and closes them at shutdown.

pub(crate) mod access_mode;
mod connection;
pub(crate) mod control;
mod guests;
mod holders;
mod learned;
pub(crate) mod lease;
pub(crate) mod overload;
pub(crate) mod own;
pub(crate) mod replicas;
mod shares;
mod status;
pub(crate) mod tripwire;

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures_util::future::select;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

pub(crate) use self::connection::Connection;
use self::connection::LentConnection;
pub(crate) use self::guests::Guest;
use self::guests::Guests;
pub use self::status::PoolStatus;
use crate::backend::connect::Fitted;
use crate::backend::forward::last_row;
use crate::backend::{Backend, connect_error};
use crate::classify::Fate;
use crate::error::Error;
use crate::options::effective::Effective;
use crate::pool::access_mode::AccessMode;
use crate::pool::control::ControlConnection;
use crate::pool::holders::Holders;
use crate::pool::learned::Learned;
use crate::pool::overload::{Overload, Queueing, WaitCounter};
use crate::pool::own::{AfterConnect, CLOSING_TAKES, Lack, Limits, OwnPool};
use crate::pool::shares::{Share, SharePermit, Shares};
use crate::scope::current;
use crate::scope::holder::InWords;
use crate::scope::place::ErrorContext;
use crate::scope::site::Site;
use crate::settings::{Options, Pooler, TargetSessionAttrs};
use crate::targets;
use crate::util::cancel::{CancelSource, CancelToken};
use crate::util::wrong_server::wrong_server;

/// How long stopped work may take to finish, including the wait for a commit's answer. A future that nobody polls can
/// exceed it.
const STOPPING_TAKES: Duration = Duration::from_secs(3);

/// A pool of connections: demarcate's own, or an `sqlx::Pool` given by the user.
pub(crate) struct Pool<DB: Backend> {
    source: PoolSource<DB>,
    learned: Arc<Learned>,
    control: Arc<ControlConnection<DB>>,
    /// The number of boundaries and lent connections, which `close` waits for.
    guests: Guests,
    holders: Holders,
    waiting: AtomicUsize,
    /// The kind of server that each transaction asks for.
    target: TargetSessionAttrs,
    /// Whether the factory is closing.
    closing: watch::Sender<bool>,
    /// The grace period of [`close`](Self::close), once it is over.
    grace: OnceLock<Duration>,
    /// Stops the work that still runs when the grace period of [`close`](Self::close) is over.
    stopper: (CancelSource, CancelToken),
    wait: Duration,
    /// Of the connections of a pool of the user's.
    fitted: Fitted<DB>,
    /// The number of boundaries that may wait for a connection, if one was given.
    max_waiting: Option<usize>,
    shares: Shares,
}

enum PoolSource<DB: Backend> {
    /// The own pool, which takes a connection back without a round trip.
    Own(Arc<OwnPool<DB>>),
    /// The user's pool, which pings a connection when it is returned.
    Sqlx {
        pool: sqlx::Pool<DB>,
        /// The pool's connect options, which its clones share: their address identifies the pool.
        identity: Arc<Options<DB>>,
    },
}

impl<DB: Backend> Pool<DB> {
    /// Creates an own pool. Opens no connection yet.
    pub(crate) fn new(
        options: Options<DB>,
        after_connect: Option<AfterConnect<DB>>,
        pooler: Pooler,
        mut limits: Limits,
    ) -> Self {
        limits.max_connections = DB::most_connections(&options, limits.max_connections);
        limits.min_connections = limits.min_connections.min(limits.max_connections);
        if DB::is_lost_with_its_connection(&options) {
            (limits.max_lifetime, limits.idle_timeout) = (None, None);
        }
        let options = Arc::new(DB::behind(options, pooler));
        let learned = Arc::new(Learned::new(pooler));
        let own = OwnPool::new(
            Arc::clone(&options),
            after_connect,
            Arc::clone(&learned),
            limits,
        );
        let source = PoolSource::Own(Arc::new(own));
        let max_waiting = limits.max_waiting;
        Self::over(source, options, learned, limits.acquire_timeout).admitting(max_waiting)
    }

    /// Wraps the user's pool.
    pub(crate) fn from_sqlx(pool: sqlx::Pool<DB>, pooler: Pooler) -> Self {
        let identity = pool.connect_options();
        let wait = pool.options().get_acquire_timeout();
        let options = Arc::clone(&identity);
        let learned = Arc::new(Learned::new(pooler));
        Self::over(PoolSource::Sqlx { pool, identity }, options, learned, wait)
    }

    fn over(
        source: PoolSource<DB>,
        options: Arc<Options<DB>>,
        learned: Arc<Learned>,
        wait: Duration,
    ) -> Self {
        Self {
            source,
            control: Arc::new(ControlConnection::new(options, Arc::clone(&learned))),
            learned,
            guests: Guests::default(),
            holders: Holders::default(),
            waiting: AtomicUsize::new(0),
            fitted: Fitted::<DB>::default(),
            target: TargetSessionAttrs::Any,
            stopper: CancelSource::new(),
            closing: watch::Sender::new(false),
            grace: OnceLock::new(),
            wait,
            max_waiting: None,
            shares: Shares::default(),
        }
    }

    /// Sets the number of boundaries that may wait for a connection. `None` for a multiple of the connections.
    pub(crate) fn admitting(self, max_waiting: Option<usize>) -> Self {
        Self {
            max_waiting,
            ..self
        }
    }

    /// Sets how many connections jobs may hold at once, and how many everybody else. `None` for all.
    pub(crate) fn shared_between(self, jobs: Option<usize>, requests: Option<usize>) -> Self {
        Self {
            shares: Shares::new(jobs, requests),
            ..self
        }
    }

    /// Sets the kind of server that each transaction asks for.
    pub(crate) fn asking_for(self, target: TargetSessionAttrs) -> Self {
        Self { target, ..self }
    }

    /// Returns the kind of server that each transaction asks for.
    pub(crate) fn target(&self) -> TargetSessionAttrs {
        self.target
    }

    /// Returns the error of a transaction that got no server of the kind that it asks for. `found` says what the server
    /// is: `a standby`.
    pub(crate) fn wrong_server(&self, found: &str) -> Error {
        let target = self.target;
        let message =
            format!("the server is {found}, and `target_session_attrs` asks for `{target}`");
        Self::refused(sqlx::Error::Io(wrong_server(message)))
    }

    /// Rejects work that needs a session of the server's for itself, behind a pooler that shares them among its clients.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`], with what the pooler has not, and what to do instead.
    pub(crate) fn require_session(
        &self,
        lacks: &'static str,
        instead: &'static str,
    ) -> Result<(), Error> {
        match self.pooler().shares_sessions() {
            true => Err(Error::unsupported(
                "a pooler in transaction mode",
                lacks,
                instead,
            )),
            false => Ok(()),
        }
    }

    /// Returns the kind of pooler between this pool and the server.
    pub(crate) fn pooler(&self) -> Pooler {
        self.learned.pooler()
    }

    /// Whether statements may run in transactions of their own on a connection that is made read-only for those that read.
    ///
    /// Not where another client uses the server's session or the connection as well, nor where somebody else prepares it,
    /// whose settings that would undo; and not where each begin asks for the kind of the server.
    pub(crate) fn may_run_alone(&self) -> bool {
        let is_ours_alone = match &self.source {
            PoolSource::Own(own) => !own.is_prepared(),
            PoolSource::Sqlx { .. } => false,
        };
        is_ours_alone && self.pooler() == Pooler::None && self.target == TargetSessionAttrs::Any
    }

    /// Returns what boundaries have learned about the server.
    pub(crate) fn learned(&self) -> &Learned {
        &self.learned
    }

    /// Returns a number that identifies the underlying pool, shared by all handles to it.
    pub(crate) fn identity(&self) -> usize {
        match &self.source {
            PoolSource::Own(own) => Arc::as_ptr(own).addr(),
            PoolSource::Sqlx { identity, .. } => Arc::as_ptr(identity).addr(),
        }
    }

    /// Returns the maximum number of connections.
    pub(crate) fn size(&self) -> usize {
        match &self.source {
            PoolSource::Own(own) => own.limits.max_connections,
            PoolSource::Sqlx { pool, .. } => pool.options().get_max_connections() as usize,
        }
    }

    /// Returns the maximum number of connections, as the server allows it just now.
    pub(crate) fn limit(&self) -> usize {
        match &self.source {
            PoolSource::Own(own) => own.limit(),
            PoolSource::Sqlx { .. } => self.size(),
        }
    }

    /// Returns the current number of connections, of waiting boundaries, and the holders.
    pub(crate) fn status(&self) -> PoolStatus {
        let (connections, idle) = match &self.source {
            PoolSource::Own(own) => own.count(),
            PoolSource::Sqlx { pool, .. } => (pool.size() as usize, pool.num_idle()),
        };
        let unreachable_for = match &self.source {
            PoolSource::Own(own) => own.unreachable_for(),
            PoolSource::Sqlx { .. } => None,
        };
        PoolStatus {
            max_connections: self.size(),
            limit: self.limit(),
            connections,
            idle: idle.min(connections),
            waiting: self.waiting.load(Ordering::Relaxed),
            refused: self.learned.load.count_refused(),
            unreachable_for,
            holders: self.holders.list(),
        }
    }

    /// Returns the number of connections that the caller may have, if all of them are lent. A connection that is still being
    /// opened is not lent.
    pub(crate) fn exhausted(&self) -> Option<usize> {
        let share = self.shares.of_caller();
        match share.filter(|share| share.is_exhausted()) {
            Some(share) => Some(share.size()),
            None => self.is_exhausted().then(|| self.limit()),
        }
    }

    fn is_exhausted(&self) -> bool {
        match &self.source {
            PoolSource::Own(_) => self.holders.list().len() >= self.limit(),
            PoolSource::Sqlx { pool, .. } => {
                pool.num_idle() == 0 && pool.size() >= pool.options().get_max_connections()
            }
        }
    }

    /// Lends a connection to a boundary.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the queue, or returns the connection.
    pub(crate) async fn acquire(&self, boundary: Site) -> Result<Connection<DB>, Error> {
        self.acquire_or_refuse(boundary, Queueing::Always, AccessMode::Configured)
            .await
    }

    /// Lends a connection to a boundary, or refuses it at once if too many wait for one already. If several are idle, one
    /// is preferred that has the `wanted` access mode.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    pub(crate) async fn acquire_or_refuse(
        &self,
        boundary: Site,
        queueing: Queueing,
        wanted: AccessMode,
    ) -> Result<Connection<DB>, Error> {
        let waiting = WaitCounter::new(&self.waiting);
        let share = match self.shares.of_caller() {
            Some(share) => Some(self.enter(share, queueing).await?),
            None => None,
        };
        let held = match &self.source {
            PoolSource::Own(own) => {
                let taken = own.take(queueing, wanted).await;
                LentConnection::Own(taken.map_err(|lack| self.explain(lack))?)
            }
            PoolSource::Sqlx { pool, .. } => {
                // What sqlx does not tell: which of those that wait are served by a connection that is being opened.
                let others = waiting.before;
                if self.is_exhausted() {
                    let load = &self.learned.load;
                    load.judge(others, self.size(), self.max_waiting, queueing, self.wait)
                        .map_err(Self::overloaded)?;
                }
                let taken = current::taking(pool.acquire()).await;
                LentConnection::Sqlx(taken.map_err(|error| self.explain_sqlx(error))?)
            }
        };
        let mut lent = self.lend(held, boundary).await?;
        lent.share = share;
        drop(waiting);
        Ok(lent)
    }

    /// Waits for a part of a share, unless too many do so already.
    async fn enter(&self, share: &Share, queueing: Queueing) -> Result<SharePermit, Error> {
        if share.is_exhausted() {
            let (load, waiting) = (&self.learned.load, share.waiting());
            load.judge(waiting, share.size(), self.max_waiting, queueing, self.wait)
                .map_err(Self::overloaded)?;
        }
        match timeout(self.wait, share.enter()).await {
            Ok(Some(permit)) => Ok(permit),
            Ok(None) | Err(_) => Err(self.timed_out(share.size())),
        }
    }

    /// Lends an idle connection, if there is one, without waiting.
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
                let fitting = DB::fit_lent(connection, self.pooler(), &self.fitted).await;
                fitting.map_err(Self::refused)?
            }
        };
        let lent_at = Instant::now();
        Ok(Connection {
            held: Some(held),
            lent_at,
            wait: self.wait,
            fitting,
            control: Arc::clone(&self.control),
            learned: Arc::clone(&self.learned),
            runtime: Handle::current(),
            share: None,
            _holder: self.holders.enter(to, lent_at),
            _guest: self.guest(),
        })
    }

    /// Opens the minimum number of connections, and at least one. Does nothing for a pool of the user's.
    pub(crate) async fn warm_up(&self) -> Result<(), Error> {
        match &self.source {
            PoolSource::Own(own) => {
                let least = own.limits.min_connections.max(1);
                own.fill(least).await.map_err(|lack| self.explain(lack))
            }
            PoolSource::Sqlx { .. } => Ok(()),
        }
    }

    /// Checks that the other end of a connection is a database, where connecting alone does not show it.
    pub(crate) async fn prove(&self) -> Result<(), Error> {
        let PoolSource::Own(own) = &self.source else {
            return Ok(());
        };
        let taken = own.take(Queueing::Always, AccessMode::Configured).await;
        let mut lent = taken.map_err(|lack| self.explain(lack))?;
        let proven = DB::prove(&mut lent.own_mut().connection).await;
        proven.map_err(connect_error::<DB>)
    }

    /// Checks that the server is of the kind that is asked for, in a transaction that does nothing else. `who` is shown as
    /// the holder of the connection.
    pub(crate) async fn check_server(&self, who: Site) -> Result<(), Error> {
        if self.target == TargetSessionAttrs::Any {
            return Ok(());
        }
        let mut connection = self.acquire(who).await?;
        let (options, fitting) = (Effective::default(), Arc::clone(connection.fitting()));
        let begin = DB::begin(&options, &fitting, self.target);
        let row = last_row::<DB>(&mut connection, begin).await;
        let begun = row.and_then(DB::begun).map_err(Self::refused)?;
        if let Some(found) = begun.unwanted {
            self.learned.learn(Fate::ReadOnly);
            return Err(self.wrong_server(&found));
        }
        let rolled_back = DB::roll_back(&mut connection, &options, &fitting).await;
        rolled_back.map_err(Self::refused)?;
        connection.give_back();
        Ok(())
    }

    /// Returns the control connection, which is available while all connections of the pool are in use.
    pub(crate) fn control(&self) -> &ControlConnection<DB> {
        &self.control
    }

    /// Converts the own pool's reason for having no connection to an error. Resumes a panic of the connection attempt.
    fn explain(&self, lack: Lack) -> Error {
        match lack {
            Lack::Exhausted => self.timed_out(self.limit()),
            Lack::Overloaded(overload) => Self::overloaded(overload),
            Lack::Closed => Error::Closed {
                place: ErrorContext::default(),
            },
            Lack::Refused(error) => Self::refused(error),
            Lack::Panicked(panic) => std::panic::resume_unwind(panic),
        }
    }

    fn explain_sqlx(&self, error: sqlx::Error) -> Error {
        match error {
            sqlx::Error::PoolTimedOut => self.timed_out(self.limit()),
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

    /// Returns how long a boundary waits for a connection.
    pub(crate) fn patience(&self) -> Duration {
        self.wait
    }

    fn overloaded(overload: Overload) -> Error {
        Error::Overloaded {
            place: ErrorContext::default(),
            waiting: overload.waiting,
            size: overload.connections,
            wait: overload.wait,
        }
    }

    fn timed_out(&self, size: usize) -> Error {
        Error::PoolTimeout {
            place: ErrorContext::default(),
            after: self.wait,
            size,
            holders: self.holders.list(),
        }
    }

    /// Registers a boundary or a connection for whose end [`close`](Self::close) waits.
    pub(crate) fn guest(&self) -> Guest {
        self.guests.enter()
    }

    /// Makes [`is_closing`](Self::is_closing) return `true` from now on.
    pub(crate) fn start_closing(&self) {
        self.closing.send_replace(true);
    }

    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.borrow()
            || match &self.source {
                PoolSource::Own(own) => own.is_closed(),
                PoolSource::Sqlx { pool, .. } => pool.is_closed(),
            }
    }

    /// Waits until [`is_closing`](Self::is_closing) returns `true`.
    pub(crate) async fn closing(&self) {
        let mut closing = self.closing.subscribe();
        // Waiting fails only if the sender is dropped, and `self` holds it.
        let closing = closing.wait_for(|closing| *closing);
        match &self.source {
            PoolSource::Own(_) => drop(closing.await),
            PoolSource::Sqlx { pool, .. } => {
                drop(select(pin!(closing), pin!(pool.close_event())).await);
            }
        }
    }

    /// Returns the grace period whose end has stopped everything that ran on this pool, if it is over.
    pub(crate) fn stopped_after(&self) -> Option<Duration> {
        self.grace.get().copied()
    }

    /// Returns the token that cancels everything that runs on this pool.
    pub(crate) fn stop_token(&self) -> &CancelToken {
        &self.stopper.1
    }

    /// Waits for boundaries to end for at most `grace`, stops those that still run, and closes every connection.
    pub(crate) async fn close(&self, grace: Duration) {
        self.start_closing();
        if timeout(grace, self.guests.none()).await.is_err() {
            let holders = self.holders.list();
            tracing::warn!(
                target: targets::POOL,
                ?grace,
                holders = %InWords(&holders),
                "the session factory is closing: boundaries that still run are stopped",
            );
            self.grace.get_or_init(|| grace);
            self.stopper.0.stop();
            if timeout(STOPPING_TAKES, self.guests.none()).await.is_err() {
                // A future that nobody polls closes its connection when it is dropped.
                let holders = self.holders.list();
                tracing::warn!(
                    target: targets::POOL,
                    holders = %InWords(&holders),
                    "boundaries still run, because nobody polls them or they do not reach an await: the session factory is closed without waiting for them",
                );
            }
        }
        match &self.source {
            PoolSource::Own(own) => own.close().await,
            PoolSource::Sqlx { pool, .. } => {
                // sqlx's pool also waits for connections that the user has taken from it.
                let grace = grace.max(CLOSING_TAKES);
                if timeout(grace, pool.close()).await.is_err() {
                    tracing::warn!(
                        target: targets::POOL,
                        ?grace,
                        "connections of the given `sqlx::Pool` are still in use: it is not waited for any longer"
                    );
                }
            }
        }
        self.control.close().await;
    }
}
