use sqlx::Sqlite;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::task::{JoinSet, yield_now};

use super::*;

fn stock(max_connections: usize) -> Arc<Stock<Sqlite>> {
    let limits = Limits {
        max_connections,
        min_connections: 0,
        acquire_timeout: Duration::from_secs(30),
        max_lifetime: None,
        idle_timeout: None,
    };
    let options = SqliteConnectOptions::new().in_memory(true);
    Arc::new(Stock::new(Arc::new(options), Pooler::None, limits))
}

async fn take(stock: &Arc<Stock<Sqlite>>) -> Lent<Sqlite> {
    let taken = stock.take().await;
    taken.unwrap_or_else(|_| panic!("there is no connection"))
}

/// What is left when nobody waits and nobody holds one.
async fn check_that_nothing_leaks(stock: &Arc<Stock<Sqlite>>) {
    while !stock.state().making.is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let state = stock.state();
    assert_eq!(state.waiting.len(), 0);
    assert_eq!(state.idle.len(), state.there);
    assert!(state.there <= stock.limits.max_connections);
}

#[tokio::test]
async fn who_came_first_is_served_first() {
    for connections in [1, 2] {
        let stock = stock(connections);
        let mut held = Vec::new();
        for _ in 0..connections {
            held.push(take(&stock).await);
        }
        let served = Arc::new(Mutex::new(Vec::new()));
        let mut waiters = JoinSet::new();
        for number in 0..32 {
            let (stock, served) = (Arc::clone(&stock), Arc::clone(&served));
            waiters.spawn(async move {
                let lent = take(&stock).await;
                served.lock().unwrap().push(number);
                yield_now().await;
                drop(lent);
            });
        }
        while stock.state().waiting.len() < 32 {
            yield_now().await;
        }
        drop(held);
        // One that comes now does not pass those that wait.
        drop(take(&stock).await);
        assert_eq!(*served.lock().unwrap(), (0..32).collect::<Vec<_>>());
        waiters.join_all().await;
        check_that_nothing_leaks(&stock).await;
        assert_eq!(stock.count(), (connections, connections));
    }
}

/// Given up before they are made, while they are made, when they are there, and while they are held.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaks_whenever_a_waiter_goes() {
    let stock = stock(3);
    for round in 0..40 {
        let mut waiters = JoinSet::new();
        for number in 0..50 {
            let stock = Arc::clone(&stock);
            waiters.spawn(async move {
                let patience = Duration::from_micros(fastrand::u64(0..3_000));
                let used = timeout(patience, async {
                    let lent = take(&stock).await;
                    assert!(stock.state().there <= 3);
                    tokio::time::sleep(Duration::from_micros(200)).await;
                    if (round + number) % 7 == 0 {
                        lent.discard();
                    }
                });
                used.await.ok();
            });
        }
        waiters.join_all().await;
        check_that_nothing_leaks(&stock).await;
    }
    let (a, b, c) = tokio::join!(take(&stock), take(&stock), take(&stock));
    assert_eq!(stock.count(), (3, 0));
    drop((a, b, c));
    stock.close().await;
    assert_eq!(stock.count(), (0, 0));
    assert!(matches!(stock.take().await, Err(Lack::Closed)));
}

/// One for each that waits, and no more, whoever is served by what.
#[tokio::test]
async fn no_more_are_made_than_are_waited_for() {
    let stock = stock(10);
    let first = take(&stock).await;
    let (second, third) = (stock.enter(), stock.enter());
    assert_eq!(stock.state().making.len(), 2);
    drop(first);
    // What is made for the second is made for the fourth now.
    let fourth = stock.enter();
    assert_eq!(stock.state().making.len(), 2);
    let mut held = Vec::new();
    for place in [second, third, fourth] {
        let Entered::Waits(mut place) = place else {
            panic!("there was none to be had");
        };
        held.push((&mut place.answer).await.ok().and_then(Result::ok).unwrap());
    }
    assert_eq!(stock.count(), (3, 0));
    drop(held);
    check_that_nothing_leaks(&stock).await;
}
