//! One case, from an empty database to the verdict.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use demarcate::{BoundaryStats, Error, Session, SessionFactory, TxOptions};
use demarcate_tests::TestDb;
use demarcate_tests::proxy::{Proxy, Way};
use sqlx::AssertSqlSafe;
use tokio::sync::Barrier;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::boundary::{NAME, Script};
use crate::case::{Case, Cause, Point};
use crate::cause::{Caller, Told};
use crate::obstacle::Obstacle;
use crate::plain::Plain;
use crate::report::{Outcome, Verdict};
use crate::target::Target;

/// After the caller went away, or the body ended: locks that are held for longer are leaked. It is less than a statement
/// takes that is left to run to its end, and more than it takes to have one stopped on a machine that does much else; the
/// table says how long it took.
const LOCKS_ARE_GONE_WITHIN: Duration = Duration::from_secs(2);

/// The same after the connection went. The server learns of that when it next has something to say, which is when its
/// statement ends.
const THE_SERVER_NOTICES_WITHIN: Duration = Duration::from_secs(20);

/// Everything else that happens off the caller's path, on a machine that does much else.
const SOON: Duration = Duration::from_secs(30);

const WARM_UP: Duration = Duration::from_millis(100);

/// A case that has not ended by then never will.
const ONE_CASE: Duration = Duration::from_secs(240);

pub(crate) async fn run<DB: Target>(case: Case) -> Verdict {
    match timeout(ONE_CASE, examine::<DB>(case)).await {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(reason)) => Verdict::not_tried(reason),
        Err(_) => Verdict::not_tried(format!("not done after {ONE_CASE:?}")),
    }
}

async fn examine<DB: Target>(case: Case) -> Result<Verdict, String> {
    let db = TestDb::<DB>::create().await;
    db.admin(
        "create table items (id bigint primary key); create table locks (id bigint primary key, n bigint); \
         insert into locks values (1, 0), (2, 0)",
    )
    .await;
    let proxy = DB::proxy(&db).await;
    let url = proxy.as_ref().map_or(db.url(), Proxy::url);
    let connections = if case.point == Point::Acquire { 1 } else { 2 };
    let factory = SessionFactory::<DB>::builder()
        .url(url)
        .max_connections(connections);
    let mut trial = Trial {
        script: Script::of(case),
        observer: Plain::connect(&db).await,
        factory: factory.connect().await.map_err(|error| error.to_string())?,
        proxy,
        connections,
        verdict: Verdict::default(),
    };
    Box::pin(trial.warm_up()).await?;
    let obstacle = Obstacle::put(case, &db, &trial.factory, trial.proxy.as_ref()).await;
    let hit = match case.cause.is_of_the_wire() {
        true => trial.hit_the_connection(obstacle).await?,
        false => trial.hit_the_boundary(obstacle).await?,
    };
    trial.wait_for_the_locks(hit.since).await;
    if let Some(lock) = hit.lock {
        lock.await.map_err(|error| error.to_string())?;
    }
    let alone = trial.observer.is_alone();
    if timeout(SOON, alone).await.is_err() {
        trial.leaks("a session is still in a transaction");
    }
    trial.judge(&hit.told).await;
    trial.use_the_whole_pool().await;
    trial.close().await;
    Ok(trial.verdict)
}

struct Trial<DB: Target> {
    script: Arc<Script>,
    observer: Plain<DB>,
    factory: SessionFactory<DB>,
    connections: usize,
    proxy: Option<Proxy>,
    verdict: Verdict,
}

/// The boundary has been hit, and has returned or is gone.
struct Hit {
    told: Told,
    /// From here on nobody has a use for the locks.
    since: Instant,
    /// Somebody else's lock, which goes by itself.
    lock: Option<JoinHandle<()>>,
}

impl<DB: Target> Trial<DB> {
    /// Has a statement stopped once: what is measured is a factory that has done that before, and has a connection to do
    /// it with.
    async fn warm_up(&mut self) -> Result<(), String> {
        let slow = self.factory.transaction(async |tx| {
            sqlx::raw_sql(DB::SLOW).execute(&mut *tx).await?;
            Ok::<_, demarcate::Error>(())
        });
        if timeout(WARM_UP, slow).await.is_ok() {
            return Err(format!("`{}` ended within {WARM_UP:?}", DB::SLOW));
        }
        let alone = async {
            self.observer.is_alone().await;
            while !self.factory.pool_status().holders.is_empty() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let done = timeout(SOON, alone).await;
        done.map_err(|_| "a statement could not be stopped".to_owned())?;
        // Where its connection had to be closed, the pool has one again.
        let quick = self.factory.transaction(async |tx| {
            sqlx::raw_sql("select 1").execute(&mut *tx).await?;
            Ok::<_, demarcate::Error>(())
        });
        quick.await.map_err(|error| error.to_string())
    }

    /// The caller goes away, or the body ends, while the boundary is held up at its point.
    async fn hit_the_boundary(&mut self, obstacle: Obstacle<DB>) -> Result<Hit, String> {
        let mut caller = Caller::call(self.factory.clone(), Arc::clone(&self.script)).await;
        self.reach(&caller, &obstacle).await?;
        let since = Instant::now();
        match self.script.case.cause {
            Cause::Panic if self.script.case.point == Point::Hook => {
                self.script.hook_may_end.notify_one()
            }
            Cause::Panic | Cause::Error => self.script.go.notify_one(),
            _ => caller.leave(&self.script),
        }
        self.wait_for(&caller).await;
        self.script.hook_may_end.notify_one();
        let lock = obstacle.remove();
        let told = caller.told();
        Ok(Hit { told, since, lock })
    }

    /// The connection goes, and the boundary goes on until it finds that out. At the point where it has none yet, the
    /// one that lies in the pool goes.
    async fn hit_the_connection(&mut self, obstacle: Obstacle<DB>) -> Result<Hit, String> {
        let lies_in_the_pool = self.script.case.point == Point::Acquire;
        if lies_in_the_pool {
            self.strike(&obstacle).await;
        }
        let caller = Caller::call(self.factory.clone(), Arc::clone(&self.script)).await;
        if !lies_in_the_pool {
            self.reach(&caller, &obstacle).await?;
            self.strike(&obstacle).await;
        }
        // What was held up goes on to a connection that is gone.
        let lock = obstacle.remove();
        self.script.go.notify_one();
        self.script.hook_may_end.notify_one();
        self.wait_for(&caller).await;
        if let (Cause::HalfOpen, Some(proxy)) = (self.script.case.cause, &self.proxy) {
            // The server learns of it when its kernel gives up on the other side.
            proxy.cut();
        }
        let (told, since) = (caller.told(), Instant::now());
        Ok(Hit { told, since, lock })
    }

    /// Waits until the boundary is where it is to be hit.
    async fn reach(&mut self, caller: &Caller, obstacle: &Obstacle<DB>) -> Result<(), String> {
        let reached = async {
            match (self.script.case.point, obstacle, DB::RUNNING) {
                (_, Obstacle::Message(held), _) => held.reached().await,
                (Point::Running, _, Some(running)) => {
                    self.observer.until(running, |sessions| sessions > 0).await
                }
                (Point::Locked, ..) => {
                    self.observer
                        .until(DB::WAITING, |sessions| sessions > 0)
                        .await
                }
                _ => self.script.reached.notified().await,
            }
        };
        if timeout(SOON, reached).await.is_err() {
            let told = caller.told();
            return Err(format!(
                "the point was not reached; the caller was told {told:?}"
            ));
        }
        tokio::time::sleep(self.script.case.jitter()).await;
        Ok(())
    }

    async fn strike(&mut self, obstacle: &Obstacle<DB>) {
        match (self.script.case.cause, &self.proxy) {
            (Cause::Cut, Some(proxy)) => proxy.cut(),
            (Cause::HalfOpen, Some(proxy)) => proxy.half_open(Way::Both),
            (Cause::Kill, _) => self.observer.kill_all_but(obstacle.session()).await,
            _ => {}
        }
    }

    async fn wait_for(&mut self, caller: &Caller) {
        if timeout(SOON, caller.is_gone()).await.is_err() {
            self.leaks("the boundary does not return");
        }
    }

    async fn wait_for_the_locks(&mut self, since: Instant) {
        let limit = match self.script.case.cause.is_of_the_wire() {
            true => THE_SERVER_NOTICES_WITHIN,
            false => LOCKS_ARE_GONE_WITHIN,
        };
        match self.observer.time_until_free(since, limit).await {
            Ok(time) => self.verdict.locks_gone_after = Some(time),
            Err(leak) => self.leaks(leak),
        }
    }

    /// Compares what was said with what is there.
    async fn judge(&mut self, told: &Told) {
        let Some(counted) = self.counted().await else {
            return self.leaks("the boundary never ended");
        };
        let stored = self.observer.number("select count(*) from items").await;
        let updated = self
            .observer
            .number("select n from locks where id = 1")
            .await;
        self.verdict.outcome = match (counted.unknown, stored) {
            (1, _) => Outcome::Unknown,
            (_, 0) => Outcome::RolledBack,
            _ => Outcome::Committed,
        };
        if (stored, updated) != (0, 0) && (stored, updated) != (2, 1) {
            self.lied(format!(
                "a part was stored: {stored} of 2 items, {updated} of 1 updates"
            ));
        }
        match told {
            Told::Committed if stored == 0 => {
                self.lied("the caller was told Ok, and nothing is stored")
            }
            Told::Failed(error) if stored > 0 => {
                self.lied(format!("the caller was told `{error}`, and it is stored"));
            }
            _ => {}
        }
        if (counted.committed == 1 && stored == 0) || (counted.rolled_back == 1 && stored > 0) {
            self.lied(format!(
                "{stored} items are stored, and the statistics say {counted:?}"
            ));
        }
        if counted.unknown == 1 && !self.script.case.cause.is_of_the_wire() {
            self.lied("the outcome is not known, and nothing has happened to the connection");
        }
        let hooks = u64::from(self.script.hooks.load(Ordering::Relaxed));
        if hooks != counted.committed {
            self.lied(format!(
                "the hook ran {hooks} times, and the statistics say {counted:?}"
            ));
        }
        if let Some(is_stored) = self.script.case.is_stored()
            && is_stored != (stored > 0)
        {
            let promise = if is_stored {
                "committed"
            } else {
                "rolled back"
            };
            self.lied(format!(
                "it is to be {promise}; the caller was told {told:?}"
            ));
        }
    }

    /// The statistics of the boundary, once it has ended.
    async fn counted(&self) -> Option<BoundaryStats> {
        let start = Instant::now();
        while start.elapsed() < SOON {
            let stats = self.factory.stats();
            if let Some((_, counted)) = stats.into_iter().find(|(site, _)| site.name() == NAME) {
                return Some(counted);
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        None
    }

    /// As many boundaries as there are connections meet inside, and each then stores an item that belongs to nobody
    /// else.
    async fn use_the_whole_pool(&mut self) {
        let inside = Barrier::new(self.connections);
        let all =
            (0..self.connections).map(|number| meet_and_store(&self.factory, &inside, number));
        let before = self.observer.number("select count(*) from items").await;
        let mut stored = 0;
        for result in futures_util::future::join_all(all).await {
            match result {
                Ok(()) => stored += 1,
                Err(error) => self
                    .verdict
                    .leaks
                    .push(format!("the pool is not whole: {error}")),
            }
        }
        let found = self.observer.number("select count(*) from items").await - before;
        if found != stored {
            let lost = format!("{stored} unrelated writes were committed, and {found} are there");
            self.verdict.losses.push(lost);
        }
    }

    /// Nothing keeps the factory from closing, and nothing of it is left on the server then.
    async fn close(&mut self) {
        if timeout(SOON, self.factory.close(SOON)).await.is_err() {
            self.leaks("the factory cannot be closed");
        }
        let gone = self
            .observer
            .until(DB::OTHER_SESSIONS, |sessions| sessions == 0);
        if timeout(SOON, gone).await.is_err() {
            self.leaks("a session is left on the server");
        }
    }

    fn leaks(&mut self, what: impl Into<String>) {
        self.verdict.leaks.push(what.into());
    }

    fn lied(&mut self, what: impl Into<String>) {
        self.verdict.lies.push(what.into());
    }
}

async fn meet_and_store<DB: Target>(
    factory: &SessionFactory<DB>,
    inside: &Barrier,
    number: usize,
) -> Result<(), Error> {
    let options = TxOptions::new().name("unrelated").timeout(SOON);
    // Two that may write could not meet inside on SQLite.
    let meeting = if DB::LOCKS_ROWS {
        options.clone()
    } else {
        options.clone().read_only()
    };
    let meet = async |tx: &mut Session<DB>| {
        sqlx::raw_sql("select count(*) from items")
            .execute(&mut *tx)
            .await?;
        inside.wait().await;
        Ok::<_, Error>(())
    };
    factory.transaction_with(meeting, meet).await?;
    let insert = format!("insert into items (id) values ({})", 100 + number);
    let store = async |tx: &mut Session<DB>| {
        sqlx::raw_sql(AssertSqlSafe(insert.clone()))
            .execute(&mut *tx)
            .await?;
        Ok::<_, Error>(())
    };
    factory.transaction_with(options, store).await
}

impl Case {
    /// What a boundary promises, where it promises it.
    fn is_stored(self) -> Option<bool> {
        match (self.point, self.cause) {
            (Point::CommitDone | Point::Hook, _) => Some(true),
            // From COMMIT on, nobody who goes away stops it.
            (Point::CommitSent, cause) => Some(!cause.is_of_the_wire()),
            // Nothing has been done yet, so that another connection can be taken.
            (Point::Acquire, Cause::Cut | Cause::Kill) | (Point::Begin, Cause::Cut) => Some(true),
            // The answer to a begin that was done arrives all the same.
            (Point::Begin, Cause::Kill) => Some(self.holds_the_message()),
            (Point::Acquire | Point::Begin, Cause::HalfOpen) => None,
            _ => Some(false),
        }
    }
}
