//! The connections of our own pool: those that nobody uses, those that are being made, and who waits for one.

mod attempt;

use std::any::Any;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use sqlx::Connection as _;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

pub(crate) use attempt::no_answer;

use crate::backend::Backend;
use crate::classify::Redacted;
use crate::settings::{Options, Pooler};
use crate::targets;
use crate::util::lock::lock;
use attempt::{ConnectAttempt, Starts};

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
    /// How often to look for connections whose time is over, and for ones that are missing.
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

const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
const LONGEST_INTERVAL: Duration = Duration::from_secs(30);

/// What sending goodbye to the server may take in any case.
pub(crate) const CLOSING_TAKES: Duration = Duration::from_millis(500);

/// A connection that somebody has made.
pub(crate) struct OwnConnection<DB: Backend> {
    pub(crate) connection: DB::Connection,
    pub(crate) fitting: Arc<DB::Fitting>,
    made: Instant,
    /// When it came back.
    returned: Instant,
    /// Of the runtime that it was made on.
    runtime: Lifeline,
}

impl<DB: Backend> OwnConnection<DB> {
    fn is_old(&self, limits: &Limits) -> bool {
        has_passed(self.made, limits.max_lifetime)
    }

    /// Whether it has had its time, nobody using it, where there are so many.
    fn is_over(&self, limits: &Limits, there: usize) -> bool {
        let is_idle = || has_passed(self.returned, limits.idle_timeout);
        self.is_old(limits) || (there > limits.min_connections && is_idle())
    }

    /// Whether nothing wakes who waits for it any more: the runtime that it was made on has ended.
    fn is_orphaned(&mut self) -> bool {
        DB::FACTS.lives_with_runtime && self.runtime.is_cut()
    }
}

/// Is cut when the runtime ends that it was made on.
struct Lifeline(oneshot::Receiver<()>);

impl Lifeline {
    fn new() -> Self {
        let (mut end, held) = oneshot::channel();
        // It ends when the other end is dropped, and with its runtime.
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

/// Why there is no connection.
pub(crate) enum Lack {
    Closed,
    /// All were in use for as long as one is waited for.
    Exhausted,
    /// None could be made.
    Refused(sqlx::Error),
    /// What makes one has panicked, as where the runtime has no network.
    Panicked(Box<dyn Any + Send>),
}

/// Makes connections, lends those that there are, and takes them back without a round trip.
///
/// Whoever finds none waits in a queue, and its first is served with whatever comes first: one that comes back, or one
/// that was made. Each that waits has one being made, as far as there is room: one that nobody has waited for in
/// the end goes to whoever comes next, who then has none made anew.
pub(crate) struct OwnPool<DB: Backend> {
    options: Arc<Options<DB>>,
    pooler: Pooler,
    pub(crate) limits: Limits,
    state: Mutex<PoolState<DB>>,
    /// From the first use on.
    is_looked_after: AtomicBool,
}

struct PoolState<DB: Backend> {
    /// Those that nobody uses, while nobody waits. The one that was used last is lent first: what is not needed comes to
    /// its idle timeout.
    idle: Vec<OwnConnection<DB>>,
    /// In the order in which they came, which is that of their numbers.
    waiting: VecDeque<Waiter<DB>>,
    making: Vec<Making>,
    /// How many there are, lent or idle.
    there: usize,
    /// The next waiter's, or attempt's.
    number: u64,
    is_closed: bool,
}

struct Waiter<DB: Backend> {
    number: u64,
    since: Instant,
    /// The attempt that is made for it.
    attempt: Option<u64>,
    /// Where attempts for it run.
    runtime: Handle,
    answer: oneshot::Sender<Result<Lent<DB>, Lack>>,
}

/// A connection that is being made.
struct Making {
    number: u64,
    begun: Instant,
    /// Somebody waits for whom it is made.
    is_claimed: bool,
    /// Dropped, it ends the attempt.
    _stop: oneshot::Sender<()>,
}

/// An attempt that nobody has waited for in the end and that takes longer than this may be stuck: whoever comes next
/// does not rely on it.
const FRESH: Duration = Duration::from_secs(1);

impl<DB: Backend> PoolState<DB> {
    /// One that nobody uses.
    fn pop_idle(&mut self) -> Option<OwnConnection<DB>> {
        loop {
            let mut own = self.idle.pop()?;
            if !own.is_orphaned() {
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
        self.there + self.making.len() < limits.max_connections
    }

    fn is_being_made(&mut self, number: u64) -> Option<&mut Making> {
        self.making
            .iter_mut()
            .find(|making| making.number == number)
    }

    /// Ends an attempt. There is none where it was given up.
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

    /// What is being made for one that does not wait for it any longer is made for whoever comes next.
    fn leave_attempt(&mut self, at: usize) {
        let waiter = self.waiting.get_mut(at);
        let attempt = waiter.and_then(|waiter| waiter.attempt.take());
        if let Some(making) = attempt.and_then(|number| self.is_being_made(number)) {
            making.is_claimed = false;
        }
    }

    /// When the attempt was begun that is made for a waiter.
    fn begun_for(&self, waiter: &Waiter<DB>) -> Option<Instant> {
        let attempt = waiter.attempt?;
        let mut making = self.making.iter();
        Some(making.find(|it| it.number == attempt)?.begun)
    }

    /// Who waits for an attempt.
    fn waiter_of(&self, attempt: u64) -> Option<usize> {
        let mut waiting = self.waiting.iter();
        waiting.position(|waiter| waiter.attempt == Some(attempt))
    }

    /// An attempt that is made for nobody, and may yet succeed soon.
    fn claim_attempt(&mut self) -> Option<u64> {
        let mut making = self.making.iter_mut();
        let free = making.find(|it| !it.is_claimed && it.begun.elapsed() < FRESH)?;
        free.is_claimed = true;
        Some(free.number)
    }

    /// Gives up an attempt that is made for nobody, and takes long.
    fn give_up_attempt(&mut self) -> bool {
        let stuck = self.making.iter().position(|making| !making.is_claimed);
        let stuck = stuck.map(|at| self.making.swap_remove(at));
        stuck.is_some()
    }
}

impl<DB: Backend> OwnPool<DB> {
    pub(crate) fn new(options: Arc<Options<DB>>, pooler: Pooler, limits: Limits) -> Self {
        Self {
            options,
            pooler,
            limits,
            state: Mutex::new(PoolState {
                idle: Vec::new(),
                waiting: VecDeque::new(),
                making: Vec::new(),
                there: 0,
                number: 0,
                is_closed: false,
            }),
            is_looked_after: AtomicBool::new(false),
        }
    }

    /// How many there are, and how many of them nobody uses.
    pub(crate) fn count(&self) -> (usize, usize) {
        let state = self.state();
        (state.there, state.idle.len())
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    /// The first that can be had.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the queue. What was being made for it is made for whoever comes next.
    pub(crate) async fn take(self: &Arc<Self>) -> Result<Lent<DB>, Lack> {
        self.look_after();
        let mut place = loop {
            match self.enter() {
                Queued::Served(over) if over.is_over() => over.close().await,
                Queued::Served(lent) => return Ok(lent),
                Queued::Waits(place) => break place,
                Queued::Closed => return Err(Lack::Closed),
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

    /// One that nobody uses, where there is one.
    pub(crate) fn take_idle(self: &Arc<Self>) -> Option<Lent<DB>> {
        let own = self.state().pop_idle()?;
        Some(Lent::new(self, own, true))
    }

    fn enter(self: &Arc<Self>) -> Queued<DB> {
        let mut state = self.state();
        if state.is_closed {
            return Queued::Closed;
        }
        if let Some(own) = state.pop_idle() {
            return Queued::Served(Lent::new(self, own, true));
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

    /// Sees that for each that waits one is being made, as far as there is room.
    fn provide(self: &Arc<Self>, state: &mut PoolState<DB>) -> Starts<DB> {
        let mut starts = Vec::new();
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

    /// Begins one that somebody waits for, or nobody.
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

    /// Makes what is missing to a number of connections. Those that there are can be lent meanwhile.
    pub(crate) async fn fill(self: &Arc<Self>, least: usize) -> Result<(), Lack> {
        let least = least.min(self.limits.max_connections);
        loop {
            let attempt = {
                let mut state = self.state();
                if state.is_closed || state.there + state.making.len() >= least {
                    return Ok(());
                }
                self.begin(&mut state, None)
            };
            attempt.make().await?;
        }
    }

    /// Gives a connection to the first that waits, or puts it by.
    fn put(self: &Arc<Self>, mut own: OwnConnection<DB>, is_reused: bool) {
        let mut state = self.state();
        // One that nobody has used yet is never too old.
        let is_old = is_reused && own.is_old(&self.limits);
        if state.is_closed || is_old || own.is_orphaned() {
            drop(state);
            drop(own);
            return self.make_room();
        }
        let Some(first) = state.remove_waiter(0) else {
            state.idle.push(own);
            return;
        };
        // What was being made for the first may be made for another now.
        let starts = self.provide(&mut state);
        drop(state);
        starts.run();
        // Where it has just gone this is dropped, and so put once more.
        drop(first.answer.send(Ok(Lent::new(self, own, is_reused))));
    }

    /// A connection is there no more.
    fn make_room(self: &Arc<Self>) {
        let mut state = self.state();
        state.there -= 1;
        let starts = self.provide(&mut state);
        drop(state);
        starts.run();
    }

    /// Closes those whose time is over.
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

    /// Starts what replaces connections whose time is over, for as long as somebody has the pool.
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
                    tracing::debug!(target: targets::POOL, error = %Redacted(&error), "the pool could not be filled up");
                }
            }
        });
    }

    /// Lends nothing more, makes nothing more, and closes what nobody uses.
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

/// Somebody looks after the pool. Dropped with its runtime, it lets the next begin.
struct Looks<DB: Backend>(Weak<OwnPool<DB>>);

impl<DB: Backend> Drop for Looks<DB> {
    fn drop(&mut self) {
        if let Some(pool) = self.0.upgrade() {
            pool.is_looked_after.store(false, Ordering::Relaxed);
        }
    }
}

enum Queued<DB: Backend> {
    Served(Lent<DB>),
    Waits(QueueTicket<DB>),
    Closed,
}

/// A place in the queue.
struct QueueTicket<DB: Backend> {
    number: u64,
    answer: oneshot::Receiver<Result<Lent<DB>, Lack>>,
    pool: Arc<OwnPool<DB>>,
}

impl<DB: Backend> QueueTicket<DB> {
    /// What was begun before it came has had its time. Another is made.
    fn rely_on_no_other(&self) {
        let mut state = self.pool.state();
        let Some(at) = state.waiter_at(self.number) else {
            return;
        };
        let begun = state.begun_for(&state.waiting[at]);
        if begun.is_some_and(|begun| begun < state.waiting[at].since) {
            state.leave_attempt(at);
            let starts = self.pool.provide(&mut state);
            drop(state);
            starts.run();
        }
    }

    /// The time is over. What was it spent on?
    fn give_up(mut self, most: Duration) -> Result<Lent<DB>, Lack> {
        let state = self.pool.state();
        let Some(at) = state.waiter_at(self.number) else {
            drop(state);
            // It came at the last moment.
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
        // What was sent to it meanwhile goes back when the answer is dropped.
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

/// A connection out of the pool. Dropped, it goes back.
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

    /// Whether it was lent before or lay idle, and may have died.
    pub(crate) fn is_reused(&self) -> bool {
        self.is_reused
    }

    pub(crate) fn own(&self) -> &OwnConnection<DB> {
        self.own.as_ref().expect(LENT)
    }

    pub(crate) fn own_mut(&mut self) -> &mut OwnConnection<DB> {
        self.own.as_mut().expect(LENT)
    }

    /// Closes it without a word.
    pub(crate) fn discard(mut self) {
        drop(self.own.take());
    }

    /// Dropped without one, the server would log that it was lost.
    async fn close(mut self) {
        if let Some(own) = self.own.take() {
            // The server learns of it this way or the other; there is nobody to tell.
            timeout(CLOSING_TAKES, own.connection.close()).await.ok();
        }
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
