//! What keeps the boundary at its point until something has happened to it.

use std::sync::Arc;
use std::time::Duration;

use demarcate::{Error, Session, SessionFactory, TxOptions};
use demarcate_tests::TestDb;
use demarcate_tests::proxy::{Fault, Pattern, Point as Held, Proxy};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::case::{Case, Point};
use crate::plain::Plain;
use crate::target::Target;

/// How long somebody else holds the lock that a statement waits for.
const LOCK_TAKES: Duration = Duration::from_secs(4);

/// What keeps the boundary at its point.
pub(crate) enum Obstacle<DB: Target> {
    None,
    /// A message that the proxy holds.
    Message(Held),
    /// A lock of somebody else's.
    Lock(Plain<DB>),
    /// The only connection is lent.
    ConnectionHolder(Arc<Notify>),
}

impl<DB: Target> Obstacle<DB> {
    pub(crate) async fn put(
        case: Case,
        db: &TestDb<DB>,
        factory: &SessionFactory<DB>,
        proxy: Option<&Proxy>,
    ) -> Self {
        match (case.point, proxy) {
            (Point::Acquire, _) if !case.cause.is_of_the_wire() => Self::holder(factory).await,
            (Point::Begin, Some(proxy)) => Self::message(case, proxy, DB::BEGIN),
            (Point::Savepoint, Some(proxy)) => Self::message(case, proxy, "SAVEPOINT demarcate_0"),
            (Point::Release, Some(proxy)) => {
                Self::message(case, proxy, "RELEASE SAVEPOINT demarcate_0")
            }
            (Point::CommitSent | Point::CommitDone, Some(proxy)) => {
                Self::message(case, proxy, "COMMIT")
            }
            (Point::Locked, _) => {
                Self::lock(db, "begin; update locks set n = n where id = 2").await
            }
            (Point::Begin, None) => Self::lock(db, "begin immediate").await,
            // A reader holds up the commit.
            (Point::CommitDone, None) => Self::lock(db, "begin; select count(*) from items").await,
            _ => Self::None,
        }
    }

    fn message(case: Case, proxy: &Proxy, text: &str) -> Self {
        let query = Pattern::query(text);
        Self::Message(match case.holds_the_message() {
            true => proxy.before(query, Fault::Hold),
            false => proxy.before_answer(query, Fault::Hold),
        })
    }

    async fn lock(db: &TestDb<DB>, sql: &str) -> Self {
        let mut blocker = Plain::connect(db).await;
        blocker.run(sql).await;
        Self::Lock(blocker)
    }

    async fn holder(factory: &SessionFactory<DB>) -> Self {
        let (holds, may_end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        tokio::spawn({
            let (factory, holds, may_end) =
                (factory.clone(), Arc::clone(&holds), Arc::clone(&may_end));
            async move {
                let options = TxOptions::new().name("holder");
                let held = factory.transaction_with(options, async |tx: &mut Session<DB>| {
                    sqlx::raw_sql("select 1").execute(&mut *tx).await?;
                    holds.notify_one();
                    may_end.notified().await;
                    Ok::<_, Error>(())
                });
                held.await.ok();
            }
        });
        holds.notified().await;
        Self::ConnectionHolder(may_end)
    }

    /// Lets the boundary go on, where it still can. Somebody else's lock on a row stays for a while.
    pub(crate) fn remove(self) -> Option<JoinHandle<()>> {
        match self {
            Self::None => None,
            Self::Message(held) => {
                held.release();
                None
            }
            Self::ConnectionHolder(may_end) => {
                may_end.notify_one();
                None
            }
            Self::Lock(mut blocker) => Some(tokio::spawn(async move {
                if DB::LOCKS_ROWS {
                    tokio::time::sleep(LOCK_TAKES).await;
                }
                blocker.run("rollback").await;
            })),
        }
    }

    pub(crate) fn session(&self) -> Option<i64> {
        match self {
            Self::Lock(blocker) => Some(blocker.session()),
            _ => None,
        }
    }
}
