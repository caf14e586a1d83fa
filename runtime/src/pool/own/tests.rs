//! Tests of the own pool: the order of its queue, leaks, and the number of attempts.

use sqlx::Sqlite;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::task::{JoinSet, yield_now};

use super::*;
use crate::settings::Pooler;

fn pool(max_connections: usize) -> Arc<OwnPool<Sqlite>> {
    let limits = Limits {
        max_connections,
        min_connections: 0,
        acquire_timeout: Duration::from_secs(30),
        max_lifetime: None,
        idle_timeout: None,
        max_waiting: None,
    };
    let options = SqliteConnectOptions::new().in_memory(true);
    let learned = Arc::new(Learned::new(Pooler::None));
    Arc::new(OwnPool::new(Arc::new(options), None, learned, limits))
}

async fn take(pool: &Arc<OwnPool<Sqlite>>) -> Lent<Sqlite> {
    let taken = pool.take(Queueing::Always, AccessMode::default()).await;
    taken.unwrap_or_else(|_| panic!("there is no connection"))
}

/// Asserts that no waiter, no attempt and no lent connection is left.
async fn check_that_nothing_leaks(pool: &Arc<OwnPool<Sqlite>>) {
    while !pool.state().making.is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let state = pool.state();
    assert_eq!(state.waiting.len(), 0);
    assert_eq!(state.idle.len(), state.there);
    assert!(state.there <= pool.limits.max_connections);
}

#[tokio::test]
async fn who_came_first_is_served_first() {
    for connections in [1, 2] {
        let pool = pool(connections);
        let mut held = Vec::new();
        for _ in 0..connections {
            held.push(take(&pool).await);
        }
        let served = Arc::new(Mutex::new(Vec::new()));
        let mut waiters = JoinSet::new();
        for number in 0..32 {
            let (pool, served) = (Arc::clone(&pool), Arc::clone(&served));
            waiters.spawn(async move {
                let lent = take(&pool).await;
                served.lock().unwrap().push(number);
                yield_now().await;
                drop(lent);
            });
        }
        while pool.state().waiting.len() < 32 {
            yield_now().await;
        }
        drop(held);
        // A new waiter does not overtake those in the queue.
        drop(take(&pool).await);
        assert_eq!(*served.lock().unwrap(), (0..32).collect::<Vec<_>>());
        waiters.join_all().await;
        check_that_nothing_leaks(&pool).await;
        assert_eq!(pool.count(), (connections, connections));
    }
}

/// Waiters give up before their connection is opened, while it is opened, once it is there, and while they hold it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaks_whenever_a_waiter_goes() {
    let pool = pool(3);
    for round in 0..40 {
        let mut waiters = JoinSet::new();
        for number in 0..50 {
            let pool = Arc::clone(&pool);
            waiters.spawn(async move {
                let patience = Duration::from_micros(fastrand::u64(0..3_000));
                let used = timeout(patience, async {
                    let lent = take(&pool).await;
                    assert!(pool.state().there <= 3);
                    tokio::time::sleep(Duration::from_micros(200)).await;
                    if (round + number) % 7 == 0 {
                        lent.discard();
                    }
                });
                used.await.ok();
            });
        }
        waiters.join_all().await;
        check_that_nothing_leaks(&pool).await;
    }
    let (a, b, c) = tokio::join!(take(&pool), take(&pool), take(&pool));
    assert_eq!(pool.count(), (3, 0));
    drop((a, b, c));
    pool.close().await;
    assert_eq!(pool.count(), (0, 0));
    assert!(matches!(
        pool.take(Queueing::Always, AccessMode::Configured).await,
        Err(Lack::Closed)
    ));
}

/// Each waiter has one attempt, also after waiters were served by the attempts of others.
#[tokio::test]
async fn no_more_are_made_than_are_waited_for() {
    let pool = pool(10);
    let first = take(&pool).await;
    let (second, third) = (
        pool.enter(Queueing::Always, AccessMode::Configured),
        pool.enter(Queueing::Always, AccessMode::Configured),
    );
    assert_eq!(pool.state().making.len(), 2);
    drop(first);
    // The attempt that was begun for the second waiter is now the fourth's.
    let fourth = pool.enter(Queueing::Always, AccessMode::Configured);
    assert_eq!(pool.state().making.len(), 2);
    let mut held = Vec::new();
    for place in [second, third, fourth] {
        let Queued::Waits(mut place) = place else {
            panic!("there was none to be had");
        };
        held.push((&mut place.answer).await.ok().and_then(Result::ok).unwrap());
    }
    assert_eq!(pool.count(), (3, 0));
    drop(held);
    check_that_nothing_leaks(&pool).await;
}

/// Whoever would wait behind too many is refused at once, and so is whoever has less time than those before take.
#[tokio::test]
async fn a_queue_that_is_too_long_takes_nobody() {
    let pool = pool(2);
    let held = (take(&pool).await, take(&pool).await);
    let until = |time| Queueing::Until(tokio::time::Instant::now() + time);
    let patient = || pool.enter(until(Duration::from_secs(60)), AccessMode::Configured);
    let waiting: Vec<_> = (0..40).map(|_| patient()).collect();
    assert!(waiting.iter().all(|it| matches!(it, Queued::Waits(_))));
    let Queued::Refused(Lack::Overloaded(refused)) = patient() else {
        panic!("forty wait for two already");
    };
    assert_eq!((refused.waiting, refused.connections), (40, 2));
    drop(waiting);
    for _ in 0..100 {
        pool.learned
            .load
            .held(Duration::from_secs(1), Duration::MAX);
    }
    let waiting: Vec<_> = (0..10).map(|_| patient()).collect();
    let hurried = pool.enter(until(Duration::from_secs(2)), AccessMode::Configured);
    assert!(matches!(hurried, Queued::Refused(Lack::Overloaded(_))));
    assert!(matches!(patient(), Queued::Waits(_)));
    assert_eq!(pool.learned.load.count_refused(), 2);
    drop((waiting, held));
    check_that_nothing_leaks(&pool).await;
}

/// A boundary for which a connection can be opened does not wait for others.
#[tokio::test]
async fn who_waits_for_nobody_is_not_refused() {
    let mut own = Arc::into_inner(pool(2)).unwrap();
    own.limits.max_waiting = Some(0);
    let pool = Arc::new(own);
    let enter = || {
        pool.enter(
            Queueing::Until(tokio::time::Instant::now()),
            AccessMode::Configured,
        )
    };
    let (first, second) = (enter(), enter());
    assert!(matches!(
        (&first, &second),
        (Queued::Waits(_), Queued::Waits(_))
    ));
    assert!(matches!(enter(), Queued::Refused(Lack::Overloaded(_))));
    drop(first);
    assert!(
        matches!(enter(), Queued::Waits(_)),
        "the attempt of the first is left"
    );
    drop(second);
    check_that_nothing_leaks(&pool).await;
}

/// A pool that is asked for a database that cannot be opened.
fn hopeless(max_connections: usize) -> Arc<OwnPool<Sqlite>> {
    let mut own = Arc::into_inner(pool(max_connections)).unwrap();
    own.options = Arc::new(SqliteConnectOptions::new().filename("/no/such/directory/x.db"));
    Arc::new(own)
}

/// After three refusals nobody waits any more, and one task tries.
#[tokio::test]
async fn a_database_that_refuses_three_times_is_not_tried_by_everybody() {
    let pool = hopeless(2);
    // Five wait, and two attempts run at a time.
    let mut waiting = JoinSet::new();
    for _ in 0..5 {
        let pool = Arc::clone(&pool);
        waiting.spawn(async move {
            pool.take(Queueing::Always, AccessMode::Configured)
                .await
                .err()
        });
    }
    let refused = |lack: &Option<Lack>| matches!(lack, Some(Lack::Refused(_)));
    assert!(waiting.join_all().await.iter().all(refused));
    assert!(pool.unreachable_for().is_some());
    let before = pool.state().number;
    for _ in 0..100 {
        assert!(refused(
            &pool
                .take(Queueing::Always, AccessMode::Configured)
                .await
                .err()
        ));
    }
    let attempts = pool.state().number - before;
    assert!(attempts < 10, "{attempts}");
    assert!(pool.learned.load.count_refused() >= 100);
    while pool.state().number == before {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    check_that_nothing_leaks(&pool).await;
    pool.close().await;
}

/// A server that has too many connections gets fewer: one that comes back is closed where there are more than the limit.
#[tokio::test]
async fn what_the_server_has_too_many_of_is_closed() {
    let pool = pool(4);
    let held = (take(&pool).await, take(&pool).await, take(&pool).await);
    pool.state().limit.lower(4, Instant::now());
    assert_eq!(pool.limit(), 2);
    drop(held.0);
    assert_eq!(pool.count(), (2, 0));
    drop(held.1);
    assert_eq!(pool.count(), (2, 1));
    let again = take(&pool).await;
    assert!(matches!(
        pool.enter(Queueing::Always, AccessMode::Configured),
        Queued::Waits(_)
    ));
    assert_eq!(pool.state().making.len(), 0);
    drop((held.2, again));
    check_that_nothing_leaks(&pool).await;
}

#[tokio::test]
async fn an_idle_connection_that_need_not_be_changed_is_lent_first() {
    let pool = pool(3);
    let mut held = [take(&pool).await, take(&pool).await, take(&pool).await];
    held[1].own_mut().access_mode = AccessMode::ReadOnly;
    drop(held);
    let modes = async |wanted| {
        let lent = pool.take(Queueing::Always, wanted).await;
        lent.unwrap_or_else(|_| panic!("there is no connection"))
    };
    let first = modes(AccessMode::ReadOnly).await;
    assert_eq!(first.own().access_mode, AccessMode::ReadOnly);
    // Rather another than none.
    let second = modes(AccessMode::ReadOnly).await;
    assert_eq!(second.own().access_mode, AccessMode::Configured);
    drop(first);
    let third = modes(AccessMode::Configured).await;
    assert_eq!(third.own().access_mode, AccessMode::Configured);
    let fourth = modes(AccessMode::Configured).await;
    assert_eq!(fourth.own().access_mode, AccessMode::ReadOnly);
    drop((second, third, fourth));
    check_that_nothing_leaks(&pool).await;
}
