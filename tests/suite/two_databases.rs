//! Sessions of two databases at once: a boundary of one inside a boundary of the other.

use demarcate::{Error, SessionFactory, TxOptions, postgres, router_tx, service, sqlite};
use demarcate_tests::TestDb;

use crate::{GRACE, ITEMS, eventually, items, listen};

/// SQLite inside, PostgreSQL outside.
struct Both {
    orders: TestDb<sqlx::Postgres>,
    log: TestDb<sqlx::Sqlite>,
    db: postgres::SessionFactory,
    log_db: sqlite::SessionFactory,
}

impl Both {
    async fn new() -> Self {
        let (orders, log) = tokio::join!(demarcate_tests::postgres(), demarcate_tests::sqlite());
        orders.admin(ITEMS).await;
        log.admin(ITEMS).await;
        let db = SessionFactory::connect(orders.url()).await.unwrap();
        let log_db = SessionFactory::connect(log.url()).await.unwrap();
        Self {
            orders,
            log,
            db,
            log_db,
        }
    }

    /// Writes one row in each, and ends the body of the inner boundary and of the outer one as told.
    async fn write(
        &self,
        id: i64,
        inner: Result<(), Error>,
        outer: Result<(), Error>,
    ) -> Result<(), Error> {
        self.db
            .transaction(async move |orders| {
                self.log_db
                    .transaction(async move |log| {
                        note(orders, log, id).await?;
                        inner
                    })
                    .await?;
                outer
            })
            .await
    }

    async fn counts(&self) -> (i64, i64) {
        (items(&self.orders).await, items(&self.log).await)
    }

    async fn close(self) {
        self.db.close(GRACE).await;
        self.log_db.close(GRACE).await;
    }
}

#[service(allow(second_session, reason = "a log in another database"))]
async fn note(
    orders: &mut postgres::Session,
    log: &mut sqlite::Session,
    id: i64,
) -> Result<(), sqlx::Error> {
    insert(&mut *orders, id).await?;
    sqlx::query("insert into items (id, name) values ($1, 'log')")
        .bind(id)
        .execute(&mut *log)
        .await?;
    Ok(())
}

/// A service of one of them.
#[service]
async fn insert(tx: &mut postgres::Session, id: i64) -> Result<(), sqlx::Error> {
    sqlx::query("insert into items (id, name) values ($1, 'order')")
        .bind(id)
        .execute(&mut *tx)
        .await?;
    Ok(())
}

fn failed() -> Result<(), Error> {
    Err(Error::application(409, "the body of this test has failed"))
}

#[tokio::test]
async fn both_commit_and_an_error_rolls_back_what_has_not_committed() {
    let both = Both::new().await;
    both.write(1, Ok(()), Ok(())).await.unwrap();
    assert_eq!(both.counts().await, (1, 1));
    // The error of the inner one leaves through the outer one.
    both.write(2, failed(), Ok(())).await.unwrap_err();
    assert_eq!(both.counts().await, (1, 1));
    // There is no common commit: the inner one has committed by then.
    both.write(3, Ok(()), failed()).await.unwrap_err();
    assert_eq!(both.counts().await, (1, 2));
    both.close().await;
}

#[tokio::test]
async fn each_commit_is_proven_by_itself() {
    let both = Both::new().await;
    both.orders
        .admin("alter table items add constraint late unique (name) deferrable initially deferred")
        .await;
    both.write(1, Ok(()), Ok(())).await.unwrap();
    // PostgreSQL refuses the commit of the outer one.
    let error = both.write(2, Ok(()), Ok(())).await.unwrap_err();
    assert_eq!(error.classification().constraint(), Some("late"), "{error}");
    assert_eq!(both.counts().await, (1, 2));
    both.close().await;
}

#[tokio::test]
async fn an_error_of_either_names_its_boundary_and_the_service() {
    let both = Both::new().await;
    both.write(1, Ok(()), Ok(())).await.unwrap();
    for (in_orders, there) in [(true, (1, 0)), (false, (0, 1))] {
        let (orders, log) = (&both.orders, &both.log);
        orders.admin("delete from items").await;
        log.admin("delete from items").await;
        match in_orders {
            true => orders.admin("insert into items (id) values (1)").await,
            false => log.admin("insert into items (id) values (1)").await,
        };
        let error = both.write(1, Ok(()), Ok(())).await.unwrap_err();
        let service = error.place().service().map(|service| service.name());
        // The innermost service of that session: `insert` has one session, and `note` both.
        let expected = if in_orders { "insert" } else { "note" };
        assert_eq!(service, Some(expected), "{error:#}");
        assert!(error.place().boundary().is_some(), "{error:#}");
        // Nothing but the row that was in the way.
        assert_eq!(both.counts().await, there, "{error:#}");
    }
    both.close().await;
}

/// A service with both sessions that stays until it is dropped.
#[service(allow(second_session, reason = "a log in another database"))]
async fn stay(orders: &mut postgres::Session, log: &mut sqlite::Session) -> Result<(), Error> {
    note(orders, log, 1).await?;
    std::future::pending().await
}

#[tokio::test]
async fn both_know_the_service_and_both_roll_back_when_the_caller_goes() {
    let both = Both::new().await;
    let run = both.db.transaction(async |orders| {
        both.log_db
            .transaction(async |log| stay(orders, log).await)
            .await
    });
    let seen = eventually("both have the row and name the service", async || {
        let open = [
            both.db.open_boundaries().pop(),
            both.log_db.open_boundaries().pop(),
        ];
        open.iter().all(|open| {
            let open = open.as_ref();
            let service = open.and_then(|open| open.service);
            let is_idle = open.is_some_and(|open| open.idle_for.is_some());
            is_idle && service.is_some_and(|service| service.name() == "stay")
        })
    });
    tokio::select! {
        result = run => panic!("it stays: {result:?}"),
        () = seen => {}
    }
    eventually("both are closed", async || {
        both.db.open_boundaries().is_empty() && both.log_db.open_boundaries().is_empty()
    })
    .await;
    assert_eq!(both.counts().await, (0, 0));
    // The locks are gone with them.
    both.write(1, Ok(()), Ok(())).await.unwrap();
    assert_eq!(both.counts().await, (1, 1));
    both.close().await;
}

#[tokio::test]
async fn the_outer_factory_is_refused_through_the_inner_one() {
    let both = Both::new().await;
    let result: Result<(), Error> = both
        .db
        .transaction(async |_| {
            // Boxed: three boundaries in each other are too large for the stack of a test that is not optimised.
            let inner = both
                .log_db
                .transaction(async |_| Box::pin(both.db.transaction(async |_| Ok(()))).await);
            Box::pin(inner).await
        })
        .await;
    assert!(
        matches!(result, Err(Error::NestedBoundary { .. })),
        "{result:?}"
    );
    both.close().await;
}

/// A boundary of the other database in a router, with leave for it.
#[router_tx(allow(
    past_the_session,
    nested_boundary,
    reason = "the log is written before the order commits"
))]
async fn post_item(
    tx: &mut postgres::Session,
    log: sqlite::SessionFactory,
    id: i64,
) -> Result<(), Error> {
    log.transaction(async |log| note(tx, log, id).await.map_err(Error::from))
        .await
}

#[tokio::test]
async fn a_router_opens_the_boundary_of_the_other_database() {
    let both = Both::new().await;
    post_item(both.db.clone(), both.log_db.clone(), 1)
        .await
        .unwrap();
    assert_eq!(both.counts().await, (1, 1));
    post_item(both.db.clone(), both.log_db.clone(), 1)
        .await
        .unwrap_err();
    assert_eq!(both.counts().await, (1, 1));
    both.close().await;
}

/// Two sessions of the same kind of database, on two servers or in two files.
#[service(allow(second_session, reason = "the archive is another file"))]
async fn archive(tx: &mut sqlite::Session, archive: &mut sqlite::Session) -> Result<i64, Error> {
    let count: i64 = sqlx::query_scalar("select count(*) from items")
        .fetch_one(&mut *tx)
        .await?;
    sqlx::query("insert into items (id) values ($1)")
        .bind(count)
        .execute(&mut *archive)
        .await?;
    Ok(count)
}

#[tokio::test]
async fn two_files_of_one_kind_are_two_databases() {
    let (one, two) = tokio::join!(demarcate_tests::sqlite(), demarcate_tests::sqlite());
    one.admin(ITEMS).await;
    two.admin(ITEMS).await;
    let db = sqlite::SessionFactory::connect(one.url()).await.unwrap();
    let other = sqlite::SessionFactory::connect(two.url()).await.unwrap();
    let count = db
        .transaction(async |tx| other.transaction(async |to| archive(tx, to).await).await)
        .await;
    assert_eq!(count.unwrap(), 0);
    assert_eq!((items(&one).await, items(&two).await), (0, 1));
    db.close(GRACE).await;
    other.close(GRACE).await;
}

/// The guard's leave and what a service requires are of both sessions.
#[service(
    allow(second_session, temporary_table, reason = "a test of two databases"),
    requires(read_write)
)]
async fn temporary(orders: &mut postgres::Session, log: &mut sqlite::Session) -> Result<(), Error> {
    sqlx::query("create temporary table seen (id int)")
        .execute(&mut *orders)
        .await?;
    sqlx::query("create temporary table seen (id int)")
        .execute(&mut *log)
        .await?;
    Ok(())
}

#[tokio::test]
async fn leave_and_requirements_are_of_both() {
    let both = Both::new().await;
    let read_only = TxOptions::new().read_only();
    // The options of the inner one are its factory's: the closure of `transaction_with` cannot borrow a session.
    let log_reads = sqlite::SessionFactory::builder().url(both.log.url());
    let log_reads = log_reads.defaults(read_only.clone());
    let log_reads = log_reads.connect().await.unwrap();
    let run = async |options: TxOptions, log_db: &sqlite::SessionFactory| {
        both.db
            .transaction_with(options, async |orders: &mut postgres::Session| {
                log_db
                    .transaction(async |log| temporary(orders, log).await)
                    .await
            })
            .await
    };
    run(TxOptions::new(), &both.log_db).await.unwrap();
    for (options, log_db) in [(read_only, &both.log_db), (TxOptions::new(), &log_reads)] {
        let refused = run(options, log_db).await;
        assert!(
            matches!(refused, Err(Error::RequirementNotMet { .. })),
            "{refused:?}"
        );
    }
    log_reads.close(GRACE).await;
    both.close().await;
}

/// One span for the service in each transaction, and the statements of each below its own.
#[tokio::test]
async fn each_transaction_has_a_span_of_the_service() {
    use std::sync::{Arc, Mutex};

    use tracing::span::{Attributes, Id};
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::{Context, SubscriberExt};
    use tracing_subscriber::registry::LookupSpan;

    /// Collects the path of each span.
    struct Paths(Arc<Mutex<Vec<String>>>);

    impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Paths {
        fn on_new_span(&self, _: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
            let names = context.span_scope(id).into_iter().flatten();
            let names: Vec<_> = names.map(|span| span.name()).collect();
            self.0.lock().unwrap().push(names.join(" < "));
        }
    }

    let both = Both::new().await;
    both.write(1, Ok(()), Ok(())).await.unwrap();
    let paths = Arc::new(Mutex::new(Vec::new()));
    {
        let _listens = listen(tracing_subscriber::registry().with(Paths(Arc::clone(&paths))));
        both.write(2, Ok(()), Ok(())).await.unwrap();
    }
    let paths = paths.lock().unwrap().clone();
    let of_service = paths.iter().filter(|path| path.starts_with("note"));
    assert_eq!(of_service.count(), 2, "{paths:#?}");
    let statements: Vec<_> = paths
        .iter()
        .filter(|path| path.starts_with("statement < "))
        .collect();
    assert!(
        statements
            .iter()
            .any(|path| path.starts_with("statement < insert < note")),
        "{paths:#?}"
    );
    assert!(
        statements
            .iter()
            .any(|path| path.starts_with("statement < note")),
        "{paths:#?}"
    );
    both.close().await;
}
