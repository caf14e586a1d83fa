//! What goes over the wire: how many round trips a boundary costs, and what it says when the wire breaks.

use std::time::{Duration, Instant};

use demarcate::{BoundaryStats, Error, Isolation, TxOptions};
use demarcate_tests::proxy::{Fault, Pattern, Proxy, Way};

use crate::{ITEMS, items};

/// Within which a boundary gets as far as the test wants it: the first is enough unless the machine does much else.
const LIMITS: [Duration; 3] = [
    Duration::from_millis(400),
    Duration::from_secs(2),
    Duration::from_secs(10),
];

/// Repeats its tests on both databases that have a wire.
macro_rules! on_every_wire {
    (@ $name:ident, $module:ident, $begin:literal, $($item:item)*) => {
        mod $name {
            use super::*;
            use ::demarcate::$module::{Session, SessionFactory};
            use ::demarcate_tests::$name as test_db;

            /// What stands in the message that begins a transaction.
            const BEGIN: &str = $begin;

            /// A factory of one connection, through the proxy.
            async fn connect(proxy: &Proxy) -> SessionFactory {
                let builder = SessionFactory::builder().url(proxy.url()).max_connections(1);
                let factory = builder.connect().await.unwrap();
                // How a connection is made does not belong to any boundary.
                proxy.forget();
                factory
            }

            /// Stores one item, and comes to its end in good time.
            async fn store(db: &SessionFactory, id: i64) -> Result<(), Error> {
                let options = TxOptions::new().name("store").timeout(Duration::from_secs(20));
                store_with(db, options, id).await
            }

            async fn store_with(db: &SessionFactory, options: TxOptions, id: i64) -> Result<(), Error> {
                db.transaction_with(options, async |tx: &mut Session| {
                    let insert = format!("insert into items (id) values ({id})");
                    sqlx::raw_sql(sqlx::AssertSqlSafe(insert)).execute(&mut *tx).await?;
                    Ok(())
                })
                .await
            }

            $($item)*
        }
    };
    ($($item:item)*) => {
        on_every_wire! { @ postgres, postgres, "BEGIN", $($item)* }
        on_every_wire! { @ mariadb, mysql, "START TRANSACTION", $($item)* }
    };
}

/// The statistics of the boundary of that name.
fn stats_of(stats: &[(demarcate::Site, BoundaryStats)], name: &str) -> BoundaryStats {
    let of_that_name = stats.iter().find(|(site, _)| site.name() == name);
    of_that_name
        .unwrap_or_else(|| panic!("no boundary `{name}` in {stats:?}"))
        .1
        .clone()
}

on_every_wire! {
    #[tokio::test]
    async fn n_statements_cost_n_plus_two_round_trips() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        for options in [
            TxOptions::new().name("plain"),
            TxOptions::new().name("isolated").isolation(Isolation::Serializable),
            TxOptions::new().name("read").isolation(Isolation::RepeatableRead).read_only(),
        ] {
            for statements in [1_usize, 2, 7] {
                proxy.forget();
                let before = factory.stats().iter().map(|(_, stats)| stats.round_trips).sum::<u64>();
                factory
                    .transaction_with(options.clone(), async |tx: &mut Session| {
                        for _ in 0..statements {
                            sqlx::raw_sql("select count(*) from items").execute(&mut *tx).await?;
                        }
                        Ok::<_, Error>(())
                    })
                    .await
                    .unwrap();
                let trips = proxy.round_trips();
                assert_eq!(trips, statements + 2, "{options:?}: {:#?}", proxy.messages());
                let counted = factory.stats().iter().map(|(_, stats)| stats.round_trips).sum::<u64>();
                assert_eq!(counted - before, trips as u64, "the statistics agree with the wire");
            }
        }
    }

    /// What a connection meets for the first time is prepared, which is one more; after that it costs no more than
    /// its text does.
    #[tokio::test]
    async fn a_prepared_statement_costs_one_more_the_first_time() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        for (run, trips) in [4_u64, 3, 3].into_iter().enumerate() {
            proxy.forget();
            let before = factory.stats().first().map_or(0, |(_, stats)| stats.round_trips);
            factory
                .transaction(async |tx| {
                    let insert = "insert into items (id) select 1 + coalesce(max(id), 0) from items";
                    sqlx::query(insert).execute(&mut *tx).await?;
                    Ok::<_, Error>(())
                })
                .await
                .unwrap();
            assert_eq!(proxy.round_trips() as u64, trips, "run {run}: {:#?}", proxy.messages());
            assert_eq!(factory.stats()[0].1.round_trips - before, trips, "the statistics agree with the wire");
        }
        assert_eq!(items(&db).await, 3);
    }

    #[tokio::test]
    async fn a_body_that_sends_nothing_costs_nothing() {
        let db = test_db().await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        for _ in 0..3 {
            let options = TxOptions::new().isolation(Isolation::Serializable).read_only();
            factory.transaction(async |_| Ok::<_, Error>(())).await.unwrap();
            factory.transaction_with(options, async |_: &mut Session| Ok::<_, Error>(())).await.unwrap();
            let refused = factory.transaction(async |_| Err::<(), Error>(sqlx::Error::RowNotFound.into())).await;
            assert!(matches!(refused, Err(Error::Database { .. })), "{refused:?}");
        }
        assert_eq!(proxy.requests(), [""; 0]);
    }

    /// Nothing is sent between the answer to one commit and the next boundary's begin.
    #[tokio::test]
    async fn nothing_is_sent_after_the_response() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        for id in 0..3 {
            store(&factory, id).await.unwrap();
            let at_the_response = proxy.requests().len();
            assert_eq!(at_the_response, (id as usize + 1) * 3, "{:#?}", proxy.requests());
            // Time enough for a ping that leaves on a task.
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!(proxy.requests().len(), at_the_response, "{:#?}", proxy.requests());
        }
    }

    /// Off the caller's path, and one round trip that the statistics know of.
    #[tokio::test]
    async fn a_rollback_is_one_round_trip_that_the_caller_does_not_wait_for() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        let point = proxy.before(Pattern::query("ROLLBACK"), Fault::Hold);
        let result = factory
            .transaction(async |tx| {
                sqlx::raw_sql("insert into items (id) values (1)").execute(&mut *tx).await?;
                Err::<(), Error>(sqlx::Error::RowNotFound.into())
            })
            .await;
        assert!(result.is_err());
        // The caller has its answer, and the rollback has not even arrived.
        point.reached().await;
        point.release();
        factory.close(crate::GRACE).await;
        assert_eq!(proxy.round_trips(), 3, "{:#?}", proxy.messages());
        assert_eq!(factory.stats()[0].1.round_trips, 3);
        assert_eq!(items(&db).await, 0);
    }

    #[tokio::test]
    async fn statements_after_a_failure_cost_no_round_trip() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        let result = factory
            .transaction(async |tx| {
                for _ in 0..5 {
                    sqlx::raw_sql("insert into nowhere (id) values (1)").execute(&mut *tx).await.ok();
                }
                Ok::<_, Error>(())
            })
            .await;
        assert!(matches!(result, Err(Error::Aborted { .. })), "{result:?}");
        let sent = proxy.requests().iter().filter(|request| request.contains("nowhere")).count();
        assert_eq!(sent, 1, "{:#?}", proxy.requests());
        assert!(!proxy.requests().iter().any(|request| request.contains("COMMIT")), "{:#?}", proxy.requests());
    }

    #[tokio::test]
    async fn an_answer_to_commit_that_is_lost_is_an_unknown_outcome_though_it_landed() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        let landed = proxy.before_answer(Pattern::query("COMMIT"), Fault::Cut);
        let result = store(&factory, 1).await;
        assert!(matches!(result, Err(Error::CommitUnknown { .. })), "{result:?}");
        assert!(landed.is_reached());
        assert_eq!(items(&db).await, 1);
        assert_eq!(stats_of(&factory.stats(), "store").unknown, 1);
        // The pool has a connection again.
        store(&factory, 2).await.unwrap();
        assert_eq!(items(&db).await, 2);
    }

    #[tokio::test]
    async fn a_commit_that_is_lost_on_its_way_is_an_unknown_outcome_though_it_did_not_land() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        for fault in [Fault::Cut, Fault::CutAfter(9)] {
            proxy.before(Pattern::query("COMMIT"), fault);
            let result = store(&factory, 1).await;
            assert!(matches!(result, Err(Error::CommitUnknown { .. })), "{fault:?}: {result:?}");
            // The server rolls back when it learns of the end of its connection.
            crate::eventually("the lock on the new row is gone", async || store(&factory, 1).await.is_ok()).await;
            db.admin("delete from items").await;
        }
        assert_eq!(stats_of(&factory.stats(), "store").unknown, 2);
    }

    #[tokio::test]
    async fn a_connection_that_is_cut_before_commit_was_sent_is_a_plain_error() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        for id in 0..2 {
            match id {
                0 => proxy.before(Pattern::query("insert"), Fault::Cut),
                _ => proxy.before_answer(Pattern::query("insert"), Fault::Cut),
            };
            proxy.forget();
            let result = store(&factory, id).await;
            assert!(matches!(result, Err(Error::Database { .. })), "{result:?}");
            let requests = proxy.requests();
            assert!(!requests.iter().any(|request| request.contains("COMMIT")), "{requests:#?}");
        }
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 0);
        let stats = stats_of(&factory.stats(), "store");
        assert_eq!((stats.committed, stats.rolled_back, stats.unknown), (0, 2, 0));
    }

    #[tokio::test]
    async fn a_half_open_connection_at_commit_is_an_unknown_outcome_within_the_timeout() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        for (way, stored) in [(Way::ToServer, 0), (Way::ToClient, 1)] {
            let mut is_in_time = false;
            for limit in LIMITS {
                let proxy = Proxy::to(&db).await;
                let factory = connect(&proxy).await;
                let point = proxy.before(Pattern::query("COMMIT"), Fault::HalfOpen(way));
                let start = Instant::now();
                let result = store_with(&factory, TxOptions::new().timeout(limit), 1).await;
                let took = start.elapsed();
                // What the server does not know of would hold the lock on the new row for as long as the socket is open.
                proxy.cut();
                if !point.is_reached() {
                    assert!(matches!(result, Err(Error::Timeout { .. })), "{way:?}: {result:?}");
                    continue;
                }
                assert!(matches!(result, Err(Error::CommitUnknown { .. })), "{way:?}: {result:?}");
                crate::eventually("what was sent is done", async || items(&db).await == stored).await;
                store(&factory, 2).await.unwrap();
                assert_eq!(items(&db).await, stored + 1, "{way:?}");
                db.admin("delete from items").await;
                is_in_time = took < 3 * limit;
                if is_in_time {
                    break;
                }
            }
            assert!(is_in_time, "{way:?}");
        }
    }

    #[tokio::test]
    async fn a_half_open_connection_at_a_statement_is_a_timeout() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        let point = proxy.before(Pattern::query("insert"), Fault::HalfOpen(Way::Both));
        for limit in LIMITS {
            let result = store_with(&factory, TxOptions::new().timeout(limit), 1).await;
            assert!(matches!(result, Err(Error::Timeout { after, .. }) if after == limit), "{result:?}");
            proxy.cut();
            if point.is_reached() {
                break;
            }
        }
        assert!(point.is_reached());
        store(&factory, 2).await.unwrap();
        assert_eq!(items(&db).await, 1);
    }

    #[tokio::test]
    async fn a_reused_connection_that_is_cut_during_begin_is_replaced_unseen() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        for (id, cut) in [
            |proxy: &Proxy| proxy.before(Pattern::query(BEGIN), Fault::Cut),
            |proxy: &Proxy| proxy.before(Pattern::query(BEGIN), Fault::CutAfter(9)),
            |proxy: &Proxy| proxy.before_answer(Pattern::query(BEGIN), Fault::Cut),
            |proxy: &Proxy| proxy.before_answer(Pattern::query(BEGIN), Fault::CutAfter(5)),
        ]
        .into_iter()
        .enumerate()
        {
            let point = cut(&proxy);
            store(&factory, id as i64).await.unwrap();
            assert!(point.is_reached());
            assert_eq!(items(&db).await, id as i64 + 1);
        }
        let stats = stats_of(&factory.stats(), "store");
        assert_eq!((stats.committed, stats.rolled_back, stats.unknown), (4, 0, 0));
    }

    /// Cut while it lay in the pool; and no new one can be made at first.
    #[tokio::test]
    async fn a_connection_that_died_in_the_pool_is_replaced_where_one_can_be_had() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        proxy.cut();
        store(&factory, 1).await.unwrap();
        proxy.cut();
        proxy.refuse(1);
        let refused = store(&factory, 2).await;
        assert!(matches!(refused, Err(Error::Connect { .. })), "{refused:?}");
        store(&factory, 3).await.unwrap();
        assert_eq!(items(&db).await, 2);
    }

    /// The row that was on its way when the wire broke is not taken for the last one.
    #[tokio::test]
    async fn a_connection_that_is_cut_in_a_row_stream_is_an_error() {
        use futures_util::TryStreamExt;

        let db = test_db().await;
        db.admin(ITEMS).await;
        let values: Vec<String> = (0..1000).map(|id| format!("({id})")).collect();
        db.admin(&format!("insert into items (id) values {}", values.join(","))).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        proxy.before_answer(Pattern::query("select id"), Fault::CutAfter(2000));
        let result = factory
            .transaction(async |tx| {
                let mut rows = sqlx::raw_sql("select id from items").fetch(&mut *tx);
                let mut read = 0;
                while rows.try_next().await?.is_some() {
                    read += 1;
                }
                Ok::<_, Error>(read)
            })
            .await;
        assert!(matches!(result, Err(Error::Database { .. })), "{result:?}");
        store(&factory, 1000).await.unwrap();
    }

    #[tokio::test]
    async fn a_slow_wire_is_only_slow() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        proxy.delay(Duration::from_millis(5));
        let start = Instant::now();
        store(&factory, 1).await.unwrap();
        // Three round trips of 10 ms.
        assert!(start.elapsed() >= Duration::from_millis(30), "{:?}", start.elapsed());
        assert_eq!(items(&db).await, 1);
    }
}

/// PostgreSQL's begin is one message with everything in it, and so is the commit with its proof.
#[tokio::test]
async fn on_postgres_the_messages_are_these() {
    let db = demarcate_tests::postgres().await;
    let proxy = Proxy::to(&db).await;
    let factory = demarcate::postgres::SessionFactory::connect(proxy.url())
        .await
        .unwrap();
    proxy.forget();
    let options = TxOptions::new()
        .isolation(Isolation::Serializable)
        .read_only()
        .deferrable();
    factory
        .transaction_with(options, async |tx: &mut demarcate::postgres::Session| {
            sqlx::raw_sql("select 1").execute(&mut *tx).await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let requests = proxy.requests();
    let [begin, statement, commit] = &requests[..] else {
        panic!("{requests:#?}");
    };
    // The number of the backend is asked for outside the transaction, whose snapshot it would take.
    let asked = "BEGIN; SELECT pg_backend_pid(); COMMIT; ";
    let mode = "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE";
    assert_eq!(*begin, format!("Query {:?}", format!("{asked}{mode}")));
    assert_eq!(statement, r#"Query "select 1""#);
    assert_eq!(commit, r#"Query "SAVEPOINT demarcate_commit; COMMIT""#);
    let states: Vec<String> = proxy
        .messages()
        .iter()
        .filter(|message| message.text.starts_with("ReadyForQuery"))
        .map(|message| message.text.clone())
        .collect();
    assert_eq!(
        states,
        ["ReadyForQuery(T)", "ReadyForQuery(T)", "ReadyForQuery(I)"]
    );
}
