//! What becomes of a transaction, and what is done before and after its end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use demarcate::{Error, TxOptions};
use demarcate_tests::on_every_database;
use demarcate_tests::proxy::{Fault, Pattern, Proxy};

use crate::{ITEMS, eventually, items};

/// What has happened, in order.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<&'static str>>>);

impl Diary {
    fn note(&self, what: &'static str) -> impl Future<Output = ()> + Send + 'static {
        let diary = self.clone();
        async move { diary.write(what) }
    }

    fn write(&self, what: &'static str) {
        self.0.lock().unwrap().push(what);
    }

    fn read(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }
}

on_every_database! {
    #[tokio::test]
    async fn rollback_only_lets_nothing_be_kept() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let refused: Result<(), Error> = factory
            .transaction(async |tx| {
                let undone: Result<(), Error> = tx
                    .savepoint(async |tx| {
                        tx.rollback_only("a dry run");
                        Err(sqlx::Error::RowNotFound.into())
                    })
                    .await;
                assert!(undone.is_err());
                tx.rollback_only("another reason");
                // Statements go on.
                sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                Ok(())
            })
            .await;
        let Err(Error::RollbackOnly { reason, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(reason, "a dry run");
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 0);
    }

    #[tokio::test]
    async fn an_error_that_is_tolerated_commits() {
        #[derive(Debug, PartialEq)]
        enum Refusal {
            Declined,
            Other(String),
        }

        impl From<Error> for Refusal {
            fn from(error: Error) -> Self {
                Self::Other(error.to_string())
            }
        }

        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let options = || TxOptions::new().no_rollback_for(|error: &Refusal| *error == Refusal::Declined);
        let declined: Result<(), Refusal> = factory
            .transaction_with(options(), async |tx: &mut Session| {
                sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await.map_err(Error::from)?;
                Err(Refusal::Declined)
            })
            .await;
        assert_eq!(declined, Err(Refusal::Declined));
        assert_eq!(items(&db).await, 1);
        // A session that has failed cannot be committed, and the body's own error is not replaced.
        let failed: Result<(), Refusal> = factory
            .transaction_with(options(), async |tx: &mut Session| {
                sqlx::query("insert into items (id) values (2)").execute(&mut *tx).await.map_err(Error::from)?;
                sqlx::query("insert into items (id) values (2)").execute(&mut *tx).await.ok();
                Err(Refusal::Declined)
            })
            .await;
        assert_eq!(failed, Err(Refusal::Declined));
        let other: Result<(), Refusal> = factory
            .transaction_with(options(), async |tx: &mut Session| {
                sqlx::query("insert into items (id) values (3)").execute(&mut *tx).await.map_err(Error::from)?;
                Err(Refusal::Other("no".to_owned()))
            })
            .await;
        assert_eq!(other, Err(Refusal::Other("no".to_owned())));
        // What was written for another type of error is refused, not ignored.
        let mistaken: Result<(), Error> = factory
            .transaction_with(options(), async |_: &mut Session| panic!("the body was run"))
            .await;
        assert!(matches!(mistaken, Err(Error::Config { .. })), "{mistaken:?}");
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 1);
    }

    #[tokio::test]
    async fn hooks_before_the_commit_run_in_order_and_can_still_roll_back() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let diary = Diary::default();
        for refuse in [false, true] {
            let ended: Result<(), Error> = factory
                .transaction(async |tx| {
                    let (first, second) = (diary.clone(), diary.clone());
                    tx.before_commit(async move |tx| {
                        first.write("first");
                        sqlx::query("insert into items (id) select 1 + count(*) from items").execute(&mut *tx).await?;
                        // One that a hook registers runs as well.
                        tx.before_commit(async move |_| {
                            first.write("third");
                            Ok::<_, sqlx::Error>(())
                        });
                        Ok::<_, sqlx::Error>(())
                    });
                    tx.before_commit(async move |_| {
                        second.write("second");
                        if refuse { Err("the books do not balance") } else { Ok(()) }
                    });
                    tx.after_commit(diary.note("committed"));
                    tx.after_rollback(diary.note("rolled back"));
                    diary.write("body");
                    Ok(())
                })
                .await;
            if refuse {
                assert!(matches!(&ended, Err(Error::BeforeCommit { source, .. }) if source.to_string() == "the books do not balance"), "{ended:?}");
            } else {
                ended.unwrap();
            }
        }
        factory.close(crate::GRACE).await;
        assert_eq!(
            diary.read(),
            ["body", "first", "second", "third", "committed", "body", "first", "second", "rolled back"]
        );
        assert_eq!(items(&db).await, 1);
    }

    #[tokio::test]
    async fn a_hook_that_fails_or_swallows_a_failure_keeps_nothing() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        for swallow in [false, true] {
            let ended: Result<(), Error> = factory
                .transaction(async |tx| {
                    sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                    tx.before_commit(async move |tx| {
                        let failed = sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await;
                        if swallow { Ok(()) } else { failed.map(drop) }
                    });
                    Ok(())
                })
                .await;
            match (swallow, &ended) {
                (false, Err(error @ Error::Database { .. })) if error.boundary().is_some() => {}
                (true, Err(Error::Aborted { .. })) => {}
                _ => panic!("{swallow}: {ended:?}"),
            }
        }
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 0);
    }

    /// It would never end by itself.
    #[tokio::test]
    async fn a_hook_that_registers_itself_ends_with_the_boundarys_time() {
        fn again(tx: &mut Session) {
            tx.before_commit(async |tx| {
                again(tx);
                Ok::<_, sqlx::Error>(())
            });
        }

        let db = test_db().await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let options = TxOptions::new().timeout(Duration::from_millis(100));
        let ended: Result<(), Error> = factory
            .transaction_with(options, async |tx: &mut Session| {
                again(tx);
                Ok(())
            })
            .await;
        assert!(matches!(ended, Err(Error::Timeout { .. })), "{ended:?}");
    }

    #[tokio::test]
    async fn hooks_after_a_rollback_run_once_it_has_happened_however_it_came() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        for cause in ["error", "panic", "dropped", "timeout", "no statement"] {
            let (factory, seen) = (factory.clone(), Arc::clone(&seen));
            let boundary = async move {
                let options = TxOptions::new().timeout(Duration::from_millis(300));
                let ended: Result<(), Error> = factory
                    .transaction_with(options, async |tx: &mut Session| {
                        let (next, seen) = (factory.clone(), Arc::clone(&seen));
                        tx.after_rollback(async move {
                            // The only connection is free again, and what was written on it is gone.
                            let count: i64 = next
                                .transaction(async |tx| {
                                    Ok::<_, Error>(sqlx::query_scalar("select count(*) from items").fetch_one(&mut *tx).await?)
                                })
                                .await
                                .unwrap();
                            seen.lock().unwrap().push((cause, count));
                        });
                        if cause != "no statement" {
                            sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                        }
                        match cause {
                            "panic" => panic!("the body panicked"),
                            "dropped" | "timeout" => std::future::pending().await,
                            _ => Err(sqlx::Error::RowNotFound.into()),
                        }
                    })
                    .await;
                ended
            };
            match cause {
                "panic" => assert!(tokio::spawn(boundary).await.is_err()),
                "dropped" => assert!(tokio::time::timeout(Duration::from_millis(50), boundary).await.is_err()),
                _ => assert!(boundary.await.is_err()),
            }
        }
        eventually("each hook has run", async || seen.lock().unwrap().len() == 5).await;
        // Each by itself: those of two boundaries have no order.
        let mut seen = seen.lock().unwrap().clone();
        seen.sort_unstable();
        assert_eq!(seen, [("dropped", 0), ("error", 0), ("no statement", 0), ("panic", 0), ("timeout", 0)]);
    }

    #[tokio::test]
    async fn hooks_go_with_the_savepoint_that_they_were_registered_in() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let diary = Diary::default();
        factory
            .transaction(async |tx| {
                let undone: Result<(), Error> = tx
                    .savepoint(async |tx| {
                        let before = diary.clone();
                        tx.before_commit(async move |_| {
                            before.write("never");
                            Ok::<_, sqlx::Error>(())
                        });
                        tx.after_commit(diary.note("never"));
                        tx.after_rollback(diary.note("the scope was rolled back"));
                        Err(sqlx::Error::RowNotFound.into())
                    })
                    .await;
                assert!(undone.is_err());
                tx.savepoint(async |tx| {
                    tx.after_commit(diary.note("committed"));
                    tx.after_rollback(diary.note("never"));
                    Ok::<_, Error>(())
                })
                .await
            })
            .await
            .unwrap();
        assert_eq!(diary.read(), ["the scope was rolled back", "committed"]);
    }
}

#[derive(Clone, Copy, Debug)]
enum Landed {
    Before,
    After,
}

/// The wire is cut at the commit, and the truth is found out all the same.
#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_confirmed() {
    use demarcate::postgres::{Session, SessionFactory};

    for (landed, refused) in [
        (Landed::After, 0),
        (Landed::After, 2),
        (Landed::Before, 0),
        (Landed::Before, 2),
    ] {
        let db = demarcate_tests::postgres().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = SessionFactory::connect(proxy.url()).await.unwrap();
        let at = Pattern::query("COMMIT");
        match landed {
            Landed::Before => proxy.before(at, Fault::Cut),
            Landed::After => proxy.before_answer(at, Fault::Cut),
        };
        let diary = Diary::default();
        let options = TxOptions::new()
            .confirm_commit()
            .timeout(Duration::from_secs(20));
        let ended: Result<(), Error> = factory
            .transaction_with(options, async |tx: &mut Session| {
                tx.after_commit(diary.note("committed"));
                tx.after_rollback(diary.note("rolled back"));
                sqlx::raw_sql("insert into items (id) values (1)")
                    .execute(&mut *tx)
                    .await?;
                // The first attempts to ask fail.
                proxy.refuse(refused);
                Ok(())
            })
            .await;
        factory.close(crate::GRACE).await;
        match landed {
            Landed::After => {
                ended.unwrap();
                assert_eq!(items(&db).await, 1);
                assert_eq!(diary.read(), ["committed"]);
            }
            Landed::Before => {
                assert!(matches!(ended, Err(Error::Database { .. })), "{ended:?}");
                assert_eq!(items(&db).await, 0);
                assert_eq!(diary.read(), ["rolled back"]);
            }
        }
    }
}

/// Where it turns out that nothing was kept, it can be done again.
#[tokio::test]
async fn a_commit_that_is_known_not_to_have_landed_is_tried_again() {
    use demarcate::postgres::{Session, SessionFactory};

    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    let proxy = Proxy::to(&db).await;
    let factory = SessionFactory::connect(proxy.url()).await.unwrap();
    proxy.before(Pattern::query("COMMIT"), Fault::Cut);
    let options = TxOptions::new().confirm_commit().retry(1);
    factory
        .transaction_with(options, async |tx: &mut Session| {
            sqlx::raw_sql("insert into items (id) values (1)")
                .execute(&mut *tx)
                .await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(items(&db).await, 1);
    assert_eq!(factory.stats()[0].1.retried, 1);
}

/// On an unknown outcome no hook runs.
#[tokio::test]
async fn an_unknown_outcome_runs_no_hook() {
    use demarcate::postgres::SessionFactory;

    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    let proxy = Proxy::to(&db).await;
    let factory = SessionFactory::connect(proxy.url()).await.unwrap();
    proxy.before_answer(Pattern::query("COMMIT"), Fault::Cut);
    let diary = Diary::default();
    let unknown: Result<(), Error> = factory
        .transaction(async |tx| {
            tx.after_commit(diary.note("committed"));
            tx.after_rollback(diary.note("rolled back"));
            sqlx::raw_sql("insert into items (id) values (1)")
                .execute(&mut *tx)
                .await?;
            Ok(())
        })
        .await;
    assert!(
        matches!(unknown, Err(Error::CommitUnknown { .. })),
        "{unknown:?}"
    );
    factory.close(crate::GRACE).await;
    assert_eq!(diary.read(), [""; 0]);
}
