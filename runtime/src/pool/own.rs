//! The own pool: its idle connections, the attempts to open further ones, and the queue of waiters.

mod attempt;
mod breaker;
mod limit;

use std::any::Any;
use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use futures_core::future::BoxFuture;
use sqlx::{Connection as _, Database};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

pub(crate) use attempt::no_answer;

use crate::backend::Backend;
use crate::classify::{Redacted, classify};
use crate::pool::access_mode::AccessMode;
use crate::pool::learned::Learned;
use crate::pool::overload::{Overload, Queueing};
use crate::settings::Options;
use crate::targets;
use crate::util::backoff;
use crate::util::lock::lock;
use attempt::{ConnectAttempt, Starts};
use breaker::Breaker;
use limit::Limit;

/// The size of a pool, and the lifetimes of its connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) max_connections: usize,
    pub(crate) min_connections: usize,
    pub(crate) acquire_timeout: Duration,
    pub(crate) max_lifetime: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    /// The number of boundaries that may wait for a connection. `None` for a multiple of the connections.
    pub(crate) max_waiting: Option<usize>,
}

impl Limits {
    /// Returns how often to close expired connections and to open missing ones. `None` if neither can occur.
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

/// How many attempts to reach a database that refuses connections may be unanswered at once.
const ATTEMPTS_WHILE_REFUSED: usize = 4;

const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
const LONGEST_INTERVAL: Duration = Duration::from_secs(30);

/// How long closing a connection properly may take.
pub(crate) const CLOSING_TAKES: Duration = Duration::from_millis(500);

/// A connection of the own pool.
pub(crate) struct OwnConnection<DB: Backend> {
    pub(crate) connection: DB::Connection,
    pub(crate) fitting: Arc<DB::Fitting>,
    made: Instant,
    /// When the connection was last returned to the pool.
    returned: Instant,
    /// When the attempt to open the connection began.
    begun: Instant,
    /// Whether the statements that are prepared on the connection may not fit the schema.
    pub(crate) is_stale: bool,
    /// Whether the server accepts writes on the connection outside any transaction.
    pub(crate) access_mode: AccessMode,
    /// The server's number of the connection, once it has told that statements may run in transactions of their own.
    pub(crate) process: Option<u64>,
    /// The statements, by the hash of their text, that were run on the connection behind a pooler: it knows their types.
    pub(crate) types_of: HashSet<u64>,
    /// Shows whether the runtime on which the connection was opened still runs.
    runtime: Lifeline,
}

impl<DB: Backend> OwnConnection<DB> {
    fn is_old(&self, limits: &Limits) -> bool {
        has_passed(self.made, limits.max_lifetime)
    }

    /// Whether the connection, while idle, is to be closed: it is too old, or idle for too long and not needed for the
    /// minimum. `there` is the current number of connections.
    fn is_over(&self, limits: &Limits, there: usize) -> bool {
        let is_idle = || has_passed(self.returned, limits.idle_timeout);
        self.is_old(limits) || (there > limits.min_connections && is_idle())
    }

    /// Whether the runtime that drives this connection's I/O has shut down.
    fn is_orphaned(&mut self) -> bool {
        DB::FACTS.lives_with_runtime && self.runtime.is_cut()
    }
}

/// Detects the shutdown of the runtime on which it was created.
struct Lifeline(oneshot::Receiver<()>);

impl Lifeline {
    fn new() -> Self {
        let (mut end, held) = oneshot::channel();
        // The task ends when the receiver is dropped, or when its runtime shuts down.
        tokio::spawn(async move { end.closed().await });
        Self(held)
    }

    fn is_cut(&mut self) -> bool {
        self.0.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }
}

fn has_passed(since: Instant, most: Option<Duration>) -> bool {
    most.is_some_and(|most| since.elapsed() >= most)
}

/// Why no connection could be lent.
pub(crate) enum Lack {
    /// The pool is closed.
    Closed,
    /// All connections were in use until the timeout.
    Exhausted,
    /// Too many boundaries wait for a connection already.
    Overloaded(Overload),
    /// No connection could be opened.
    Refused(sqlx::Error),
    /// The attempt panicked, for example because the runtime has no I/O driver.
    Panicked(Box<dyn Any + Send>),
}

/// Prepares each new connection, as the user asks for it.
pub(crate) type AfterConnect<DB> = Arc<
    dyn for<'c> Fn(&'c mut <DB as Database>::Connection) -> BoxFuture<'c, Result<(), sqlx::Error>>
        + Send
        + Sync,
>;

/// Opens connections, lends them, and takes them back without a round trip.
///
/// A boundary that finds no idle connection waits in a queue. The first waiter is served with the next connection,
/// either returned or newly opened. As far as the maximum allows, an attempt to open a connection runs for each waiter.
/// If the waiter is served otherwise, the attempt goes on, and the next waiter without an attempt takes it over.
pub(crate) struct OwnPool<DB: Backend> {
    options: Arc<Options<DB>>,
    after_connect: Option<AfterConnect<DB>>,
    learned: Arc<Learned>,
    pub(crate) limits: Limits,
    state: Mutex<PoolState<DB>>,
    /// Whether the maintenance task runs. The first use of the pool starts it.
    is_looked_after: AtomicBool,
}

struct PoolState<DB: Backend> {
    /// The idle connections; empty while a waiter is queued. The one used last is lent first, so that surplus
    /// connections reach their idle timeout.
    idle: Vec<OwnConnection<DB>>,
    /// The waiters, in the order of their arrival, which is the order of their numbers.
    waiting: VecDeque<Waiter<DB>>,
    /// The running attempts to open a connection.
    making: Vec<Making>,
    /// The number of open connections, lent or idle.
    there: usize,
    /// The number last given to a waiter or an attempt.
    number: u64,
    is_closed: bool,
    breaker: Breaker,
    limit: Limit,
}

/// A boundary in the queue.
struct Waiter<DB: Backend> {
    number: u64,
    since: Instant,
    /// The number of the attempt that runs for this waiter.
    attempt: Option<u64>,
    /// The waiter's runtime, on which attempts for it run.
    runtime: Handle,
    answer: oneshot::Sender<Result<Lent<DB>, Lack>>,
}

/// A running attempt to open a connection, as the pool records it.
struct Making {
    number: u64,
    begun: Instant,
    /// Whether the attempt runs for a waiter.
    is_claimed: bool,
    /// Dropping the sender ends the attempt.
    _stop: oneshot::Sender<()>,
}

/// The age up to which a waiter takes over an unclaimed attempt. An older attempt may be stuck, so a new one is begun.
const FRESH: Duration = Duration::from_secs(1);

/// How long an idle connection is taken to live without being asked.
const TAKEN_TO_LIVE: Duration = Duration::from_secs(1);

impl<DB: Backend> PoolState<DB> {
    /// Takes the idle connection that was used last, if possible one whose access mode need not be changed. Drops those
    /// whose runtime has shut down, and outdated ones.
    fn pop_idle(&mut self, learned: &Learned, wanted: AccessMode) -> Option<OwnConnection<DB>> {
        loop {
            let fits = |own: &OwnConnection<DB>| own.access_mode == wanted;
            let at = self.idle.iter().rposition(fits);
            let mut own = match at {
                Some(at) => self.idle.remove(at),
                None => self.idle.pop()?,
            };
            if !own.is_orphaned() && !learned.is_outdated(own.begun) {
                return Some(own);
            }
            self.there -= 1;
        }
    }

    fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    fn has_room(&self, limits: &Limits) -> bool {
        self.there + self.making.len() < self.limit.now(limits.max_connections)
    }

    fn is_being_made(&mut self, number: u64) -> Option<&mut Making> {
        self.making
            .iter_mut()
            .find(|making| making.number == number)
    }

    /// Removes an attempt. Returns `None` if it was given up before.
    fn remove_attempt(&mut self, number: u64) -> Option<Making> {
        let at = self.making.iter().position(|it| it.number == number)?;
        Some(self.making.swap_remove(at))
    }

    fn waiter_at(&self, number: u64) -> Option<usize> {
        let at = self
            .waiting
            .binary_search_by_key(&number, |waiter| waiter.number);
        at.ok()
    }

    fn remove_waiter(&mut self, at: usize) -> Option<Waiter<DB>> {
        self.leave_attempt(at);
        self.waiting.remove(at)
    }

    /// Releases the attempt of the waiter at this index, so that another waiter can take it over.
    fn leave_attempt(&mut self, at: usize) {
        let waiter = self.waiting.get_mut(at);
        let attempt = waiter.and_then(|waiter| waiter.attempt.take());
        if let Some(making) = attempt.and_then(|number| self.is_being_made(number)) {
            making.is_claimed = false;
        }
    }

    /// Returns when the waiter's attempt began.
    fn begun_for(&self, waiter: &Waiter<DB>) -> Option<Instant> {
        let attempt = waiter.attempt?;
        let mut making = self.making.iter();
        Some(making.find(|it| it.number == attempt)?.begun)
    }

    /// Returns the index of the waiter for which the attempt runs.
    fn waiter_of(&self, attempt: u64) -> Option<usize> {
        let mut waiting = self.waiting.iter();
        waiting.position(|waiter| waiter.attempt == Some(attempt))
    }

    /// Claims an unclaimed attempt that is not older than [`FRESH`], and returns its number.
    fn claim_attempt(&mut self) -> Option<u64> {
        let mut making = self.making.iter_mut();
        let free = making.find(|it| !it.is_claimed && it.begun.elapsed() < FRESH)?;
        free.is_claimed = true;
        Some(free.number)
    }

    /// Removes the waiters for which no attempt runs and none is begun, because the breaker is open.
    fn turn_away(&mut self) -> Vec<(Waiter<DB>, Lack)> {
        let mut turned_away = Vec::new();
        while self.breaker.is_open() {
            let mut waiting = self.waiting.iter();
            let Some(at) = waiting.position(|waiter| waiter.attempt.is_none()) else {
                break;
            };
            let gone = self.waiting.remove(at).zip(self.breaker.refuse());
            turned_away.extend(gone.map(|(waiter, error)| (waiter, Lack::Refused(error))));
        }
        turned_away
    }

    /// Gives up an unclaimed attempt, to make room for a new one. Returns whether there was one.
    fn give_up_attempt(&mut self) -> bool {
        let stuck = self.making.iter().position(|making| !making.is_claimed);
        let stuck = stuck.map(|at| self.making.swap_remove(at));
        stuck.is_some()
    }
}

impl<DB: Backend> OwnPool<DB> {
    pub(crate) fn new(
        options: Arc<Options<DB>>,
        after_connect: Option<AfterConnect<DB>>,
        learned: Arc<Learned>,
        limits: Limits,
    ) -> Self {
        Self {
            options,
            after_connect,
            learned,
            limits,
            state: Mutex::new(PoolState {
                idle: Vec::new(),
                waiting: VecDeque::new(),
                making: Vec::new(),
                there: 0,
                number: 0,
                is_closed: false,
                breaker: Breaker::default(),
                limit: Limit::default(),
            }),
            is_looked_after: AtomicBool::new(false),
        }
    }

    /// Returns the number of connections, and how many of them are idle.
    pub(crate) fn count(&self) -> (usize, usize) {
        let state = self.state();
        (state.there, state.idle.len())
    }

    /// Whether the user prepares each new connection.
    pub(crate) fn is_prepared(&self) -> bool {
        self.after_connect.is_some()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    /// Returns the largest number of connections, as the server allows it just now.
    pub(crate) fn limit(&self) -> usize {
        self.state().limit.now(self.limits.max_connections)
    }

    /// Lowers the limit if `error`, with which an attempt that began at `begun` has failed, says that there are too many
    /// connections.
    fn learn_limit(&self, error: &sqlx::Error, begun: Instant) {
        let found = classify(error);
        if found.category.refuses_connections(found.retryable) {
            let most = self.limits.max_connections;
            let lowered = self.state().limit.lower(most, begun);
            if let Some((before, limit)) = lowered {
                tracing::warn!(
                    target: targets::POOL,
                    before,
                    limit,
                    max_connections = most,
                    "the server has too many connections: the pool opens fewer, and one more each minute",
                );
            }
        }
    }

    /// Returns for how long boundaries have failed at once because no connection can be opened.
    pub(crate) fn unreachable_for(&self) -> Option<Duration> {
        self.state().breaker.open_for()
    }

    /// Lends an idle connection, or waits in the queue for one, unless the queue is too long.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the queue. Its attempt is left to the next waiter.
    pub(crate) async fn take(
        self: &Arc<Self>,
        queueing: Queueing,
        wanted: AccessMode,
    ) -> Result<Lent<DB>, Lack> {
        self.look_after();
        let mut place = loop {
            match self.enter(queueing, wanted) {
                Queued::Served(over) if over.is_over() => over.close().await,
                Queued::Served(lent) => return Ok(lent),
                Queued::Waits(place) => break place,
                Queued::Refused(lack) => return Err(lack),
            }
        };
        let most = self.limits.acquire_timeout;
        let mut answer = timeout(most.min(FRESH), &mut place.answer).await;
        if answer.is_err() && most > FRESH {
            place.rely_on_no_other();
            answer = timeout(most - FRESH, &mut place.answer).await;
        }
        match answer {
            Ok(answer) => answer.unwrap_or(Err(Lack::Closed)),
            Err(_) => place.give_up(most),
        }
    }

    /// Lends an idle connection, if there is one.
    pub(crate) fn take_idle(self: &Arc<Self>) -> Option<Lent<DB>> {
        let own = self
            .state()
            .pop_idle(&self.learned, AccessMode::Configured)?;
        Some(Lent::new(self, own, true))
    }

    /// Lends an idle connection, or enters the queue.
    fn enter(self: &Arc<Self>, queueing: Queueing, wanted: AccessMode) -> Queued<DB> {
        let mut state = self.state();
        if state.is_closed {
            return Queued::Refused(Lack::Closed);
        }
        if let Some(own) = state.pop_idle(&self.learned, wanted) {
            return Queued::Served(Lent::new(self, own, true));
        }
        if let Some(error) = state.breaker.refuse() {
            let needs_trying = state.breaker.needs_trying();
            drop(state);
            self.learned.load.refused();
            if needs_trying {
                self.keep_trying();
            }
            return Queued::Refused(Lack::Refused(error));
        }
        if let Err(overload) = self.judge(&state, queueing) {
            return Queued::Refused(Lack::Overloaded(overload));
        }
        let (sender, answer) = oneshot::channel();
        let number = state.next_number();
        state.waiting.push_back(Waiter {
            number,
            since: Instant::now(),
            attempt: None,
            runtime: Handle::current(),
            answer: sender,
        });
        let starts = self.provide(&mut state);
        drop(state);
        starts.run();
        Queued::Waits(QueueTicket {
            number,
            answer,
            pool: Arc::clone(self),
        })
    }

    /// Refuses a boundary that would wait for what others hold, if too many do so already.
    fn judge(&self, state: &PoolState<DB>, queueing: Queueing) -> Result<(), Overload> {
        // Whoever has an attempt of their own waits for nobody.
        let waiting = state.waiting.len().checked_sub(state.making.len());
        match waiting {
            Some(waiting) if !state.has_room(&self.limits) => self.learned.load.judge(
                waiting,
                state.limit.now(self.limits.max_connections),
                self.limits.max_waiting,
                queueing,
                self.limits.acquire_timeout,
            ),
            _ => Ok(()),
        }
    }

    /// Ensures that an attempt runs for each waiter, as far as the maximum allows. Returns the new attempts, to be
    /// started after the lock is released.
    fn provide(self: &Arc<Self>, state: &mut PoolState<DB>) -> Starts<DB> {
        let mut starts = Vec::new();
        if state.breaker.is_open() {
            return Starts(starts);
        }
        for at in 0..state.waiting.len() {
            if state.waiting[at].attempt.is_some() {
                continue;
            }
            let mut attempt = state.claim_attempt();
            if attempt.is_none() && (state.has_room(&self.limits) || state.give_up_attempt()) {
                let waiter = state.waiting[at].number;
                let begun = self.begin(state, Some(waiter));
                attempt = Some(begun.number);
                starts.push((begun, state.waiting[at].runtime.clone()));
            }
            if attempt.is_none() {
                break;
            }
            state.waiting[at].attempt = attempt;
        }
        Starts(starts)
    }

    /// Registers a new attempt, for a waiter or for the pool itself.
    fn begin(
        self: &Arc<Self>,
        state: &mut PoolState<DB>,
        waiter: Option<u64>,
    ) -> ConnectAttempt<DB> {
        let (stop, stopped) = oneshot::channel();
        let number = state.next_number();
        let begun = Instant::now();
        state.making.push(Making {
            number,
            begun,
            is_claimed: waiter.is_some(),
            _stop: stop,
        });
        ConnectAttempt {
            number,
            waiter,
            begun,
            is_started: false,
            stopped,
            pool: Arc::clone(self),
        }
    }

    /// Opens connections one after the other until there are `least`. Existing ones can be lent meanwhile.
    pub(crate) async fn fill(self: &Arc<Self>, least: usize) -> Result<(), Lack> {
        loop {
            let attempt = {
                let mut state = self.state();
                let least = least.min(state.limit.now(self.limits.max_connections));
                if state.is_closed || state.there + state.making.len() >= least {
                    return Ok(());
                }
                self.begin(&mut state, None)
            };
            attempt.make().await?;
        }
    }

    /// Spawns the task that goes on to open a connection while boundaries are refused, with the delays of a start.
    fn keep_trying(self: &Arc<Self>) {
        let pool = Arc::downgrade(self);
        let trying = Trying(Weak::clone(&pool));
        tokio::spawn(async move {
            let _trying = trying;
            for delay in backoff::of_startup() {
                tokio::time::sleep(delay).await;
                let Some(pool) = pool.upgrade() else {
                    return;
                };
                let attempt = {
                    let mut state = pool.state();
                    if state.is_closed || !state.breaker.is_open() {
                        return;
                    }
                    let most = state.limit.now(pool.limits.max_connections);
                    if state.making.len() >= most.min(ATTEMPTS_WHILE_REFUSED) {
                        continue;
                    }
                    pool.begin(&mut state, None)
                };
                // A server that goes down while it is asked may never answer: the next attempt does not wait for that.
                tokio::spawn(async move {
                    if let Err(Lack::Refused(error)) = attempt.make().await {
                        pool.state().breaker.fail_again(&error);
                    }
                });
            }
        });
    }

    /// Gives a connection to the first waiter, or keeps it as idle.
    fn put(self: &Arc<Self>, mut own: OwnConnection<DB>, is_reused: bool) {
        let mut state = self.state();
        // A new connection is never too old, however short the lifetime.
        let is_old = (is_reused && own.is_old(&self.limits)) || self.learned.is_outdated(own.begun);
        let is_surplus = state.there > state.limit.now(self.limits.max_connections);
        if state.is_closed || is_old || is_surplus || own.is_orphaned() {
            drop(state);
            drop(own);
            return self.make_room();
        }
        let Some(first) = state.remove_waiter(0) else {
            state.idle.push(own);
            return;
        };
        // Another waiter may take over the attempt of the first.
        let starts = self.provide(&mut state);
        drop(state);
        starts.run();
        // If the waiter has just gone, the unsent connection is dropped, and so returns to the pool again.
        drop(first.answer.send(Ok(Lent::new(self, own, is_reused))));
    }

    /// Records that a connection is gone, and begins an attempt for a waiter in its place.
    fn make_room(self: &Arc<Self>) {
        let mut state = self.state();
        state.there -= 1;
        let starts = self.provide(&mut state);
        drop(state);
        starts.run();
    }

    /// Closes expired idle connections.
    async fn clear(self: &Arc<Self>) {
        loop {
            let over = {
                let mut state = self.state();
                let there = state.there;
                let mut idle = state.idle.iter_mut();
                let over = idle.position(|it| it.is_orphaned() || it.is_over(&self.limits, there));
                let Some(over) = over else {
                    return;
                };
                Lent::new(self, state.idle.remove(over), true)
            };
            over.close().await;
        }
    }

    /// Spawns the maintenance task, unless it runs: it closes expired connections and opens missing ones until the pool
    /// is closed or dropped.
    fn look_after(self: &Arc<Self>) {
        if self.is_looked_after.swap(true, Ordering::Relaxed) {
            return;
        }
        let Some(interval) = self.limits.interval() else {
            return;
        };
        let pool = Arc::downgrade(self);
        let looks = Looks(Weak::clone(&pool));
        tokio::spawn(async move {
            let _looks = looks;
            loop {
                tokio::time::sleep(interval).await;
                let Some(pool) = pool.upgrade().filter(|pool| !pool.is_closed()) else {
                    return;
                };
                pool.clear().await;
                if let Err(Lack::Refused(error)) = pool.fill(pool.limits.min_connections).await {
                    tracing::debug!(target: targets::POOL, error = %Redacted(&error), "the minimum number of connections could not be opened");
                }
            }
        });
    }

    /// Refuses further requests, ends all attempts, and closes the idle connections.
    pub(crate) async fn close(self: &Arc<Self>) {
        let (idle, waiting, making) = {
            let mut state = self.state();
            state.is_closed = true;
            (
                std::mem::take(&mut state.idle),
                std::mem::take(&mut state.waiting),
                std::mem::take(&mut state.making),
            )
        };
        drop((waiting, making));
        for own in idle {
            Lent::new(self, own, true).close().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, PoolState<DB>> {
        lock(&self.state)
    }
}

/// Marks the maintenance task as running. If the task is dropped with its runtime, the next use starts another.
struct Looks<DB: Backend>(Weak<OwnPool<DB>>);

impl<DB: Backend> Drop for Looks<DB> {
    fn drop(&mut self) {
        if let Some(pool) = self.0.upgrade() {
            pool.is_looked_after.store(false, Ordering::Relaxed);
        }
    }
}

/// Marks that a task goes on to open a connection. If the task is dropped with its runtime, the next boundary starts another.
struct Trying<DB: Backend>(Weak<OwnPool<DB>>);

impl<DB: Backend> Drop for Trying<DB> {
    fn drop(&mut self) {
        if let Some(pool) = self.0.upgrade() {
            pool.state().breaker.is_given_up();
        }
    }
}

/// The result of asking for a connection without waiting.
enum Queued<DB: Backend> {
    Served(Lent<DB>),
    Waits(QueueTicket<DB>),
    Refused(Lack),
}

/// A place in the queue. Dropping it leaves the queue.
struct QueueTicket<DB: Backend> {
    number: u64,
    answer: oneshot::Receiver<Result<Lent<DB>, Lack>>,
    pool: Arc<OwnPool<DB>>,
}

impl<DB: Backend> QueueTicket<DB> {
    /// Stops relying on an attempt that began before this waiter came and has not succeeded since: a new one is begun.
    fn rely_on_no_other(&self) {
        let mut state = self.pool.state();
        let Some(at) = state.waiter_at(self.number) else {
            return;
        };
        let begun = state.begun_for(&state.waiting[at]);
        let is_older = begun.is_some_and(|begun| begun < state.waiting[at].since);
        if is_older && !state.breaker.is_open() {
            state.leave_attempt(at);
            let starts = self.pool.provide(&mut state);
            drop(state);
            starts.run();
        }
    }

    /// Returns why the wait timed out: [`Lack::Refused`] if the attempt took at least half of it, else
    /// [`Lack::Exhausted`].
    fn give_up(mut self, most: Duration) -> Result<Lent<DB>, Lack> {
        let state = self.pool.state();
        let Some(at) = state.waiter_at(self.number) else {
            drop(state);
            // The answer arrived at the last moment.
            return self.answer.try_recv().unwrap_or(Err(Lack::Exhausted));
        };
        let waiter = &state.waiting[at];
        Err(match state.begun_for(waiter) {
            Some(begun) if begun <= waiter.since + most / 2 => Lack::Refused(no_answer(most)),
            _ => Lack::Exhausted,
        })
    }
}

impl<DB: Backend> Drop for QueueTicket<DB> {
    fn drop(&mut self) {
        // A connection that was sent meanwhile returns to the pool when the receiver is dropped.
        let mut state = self.pool.state();
        let Some(at) = state.waiter_at(self.number) else {
            return;
        };
        state.remove_waiter(at);
        let starts = self.pool.provide(&mut state);
        drop(state);
        starts.run();
    }
}

/// A connection lent by the pool. Dropping it returns it to the pool.
pub(crate) struct Lent<DB: Backend> {
    own: Option<OwnConnection<DB>>,
    is_reused: bool,
    pool: Arc<OwnPool<DB>>,
}

impl<DB: Backend> Lent<DB> {
    fn new(pool: &Arc<OwnPool<DB>>, own: OwnConnection<DB>, is_reused: bool) -> Self {
        Self {
            own: Some(own),
            is_reused,
            pool: Arc::clone(pool),
        }
    }

    /// Whether the connection was used before or lay idle, and so may have been lost unnoticed.
    pub(crate) fn is_reused(&self) -> bool {
        self.is_reused
    }

    pub(crate) fn own(&self) -> &OwnConnection<DB> {
        self.own.as_ref().expect(LENT)
    }

    /// Prepares the connection again, after its session was reset.
    pub(crate) async fn prepare_again(&mut self) -> Result<(), sqlx::Error> {
        let after_connect = self.pool.after_connect.clone();
        match after_connect {
            Some(prepare) => prepare(&mut self.own_mut().connection).await,
            None => Ok(()),
        }
    }

    pub(crate) fn own_mut(&mut self) -> &mut OwnConnection<DB> {
        self.own.as_mut().expect(LENT)
    }

    /// Closes the connection at once, without saying goodbye to the server.
    pub(crate) fn discard(mut self) {
        drop(self.own.take());
    }

    /// Says goodbye to the server and closes the connection. Without the goodbye the server logs a lost connection.
    async fn close(mut self) {
        if let Some(own) = self.own.take() {
            // If saying goodbye fails, the server notices the closed socket instead.
            timeout(CLOSING_TAKES, own.connection.close()).await.ok();
        }
    }

    /// Whether the connection lay idle for longer than [`TAKEN_TO_LIVE`], so that it may have died unnoticed.
    pub(crate) fn has_lain_idle(&self) -> bool {
        self.own().returned.elapsed() > TAKEN_TO_LIVE
    }

    fn is_over(&self) -> bool {
        let there = self.pool.state().there;
        self.own().is_over(&self.pool.limits, there)
    }
}

impl<DB: Backend> Drop for Lent<DB> {
    fn drop(&mut self) {
        match self.own.take() {
            Some(mut own) => {
                own.returned = Instant::now();
                self.pool.put(own, true);
            }
            None => self.pool.make_room(),
        }
    }
}

const LENT: &str = "what is lent holds its connection until it is dropped";

#[cfg(all(test, feature = "sqlite"))]
mod tests;
