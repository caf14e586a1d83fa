//! COPY in a boundary's transaction.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use demarcate::postgres::Session;
use demarcate::{Error, HttpStatus, service};
use futures_util::TryStreamExt;
use tokio::io::{AsyncRead, ReadBuf};

use crate::items;
use crate::one_connection::{answers_fit, backend, start};

const IN: &str = "copy items (id, name) from stdin with (format csv)";
const OUT: &str = "copy (select id, name from items order by id) to stdout with (format csv)";

#[service]
async fn load(tx: &mut Session, csv: &[u8]) -> Result<u64, sqlx::Error> {
    tx.copy_in(IN, csv).await
}

async fn export(tx: &mut Session) -> Result<String, sqlx::Error> {
    let rows: Vec<_> = tx.copy_out(OUT).await?.try_collect().await?;
    Ok(String::from_utf8(rows.concat()).unwrap())
}

#[tokio::test]
async fn rows_go_in_and_come_out() {
    let (db, factory) = start().await;
    let pid = backend(&factory).await;
    // More than is sent at once.
    let csv: String = (0..20_000).map(|id| format!("{id},item {id}\n")).collect();
    let spawned = tokio::spawn({
        let (factory, csv) = (factory.clone(), csv.clone());
        async move {
            factory
                .transaction(async |tx| {
                    assert_eq!(load(tx, csv.as_bytes()).await?, 20_000);
                    let count: i64 = sqlx::query_scalar("select count(*) from items")
                        .fetch_one(&mut *tx)
                        .await?;
                    assert_eq!(count, 20_000);
                    Ok::<_, Error>(())
                })
                .await
        }
    });
    spawned.await.unwrap().unwrap();
    let out = factory
        .transaction(async |tx| Ok::<_, Error>(export(tx).await?))
        .await
        .unwrap();
    assert!(out == csv, "{} bytes of {}", out.len(), csv.len());
    assert_eq!(items(&db).await, 20_000);
    // A file, nothing, and the end of a line that is the end of a part.
    let path = std::env::temp_dir().join(format!("{}.csv", db.name()));
    std::fs::write(&path, "20000,a\n").unwrap();
    factory
        .transaction(async |tx| {
            let file = tokio::fs::File::open(&path).await.unwrap();
            assert_eq!(tx.copy_in(IN, file).await?, 1);
            assert_eq!(load(tx, b"").await?, 0);
            let line = format!("20001,{}\n", "x".repeat(40));
            assert_eq!(
                tx.copy_in("copy items from stdin with (format csv)", line.as_bytes())
                    .await?,
                1
            );
            tx.rollback_only("a trial");
            Ok::<_, Error>(())
        })
        .await
        .unwrap_err();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(items(&db).await, 20_000);
    assert_eq!(backend(&factory).await, pid, "the connection is kept");
    let (_, stats) = factory
        .stats()
        .into_iter()
        .find(|(_, stats)| stats.statements > 2)
        .unwrap();
    assert_eq!(stats.statements, 3);
    factory.close(crate::GRACE).await;
}

#[tokio::test]
async fn a_line_that_the_server_refuses_is_a_failure_that_a_savepoint_survives() {
    let (db, factory) = start().await;
    let pid = backend(&factory).await;
    factory
        .transaction(async |tx| {
            load(tx, b"1,one\n").await?;
            let refused = tx
                .savepoint(async |tx| load(tx, b"2,two\n1,again\n").await)
                .await;
            let refused = refused.unwrap_err();
            assert!(
                refused
                    .as_database_error()
                    .is_some_and(|error| error.is_unique_violation()),
                "{refused}"
            );
            load(tx, b"3,three\n").await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(items(&db).await, 2);
    let refused = factory
        .transaction(async |tx| {
            load(tx, b"4,four\n").await?;
            load(tx, b"five,5\n").await.unwrap_err();
            Ok::<_, Error>(())
        })
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::Aborted { .. }), "{refused}");
    assert!(
        format!("{refused:#}").contains("COPY items, line 1, column id")
            || refused.to_string().contains("invalid input syntax"),
        "{refused:#}"
    );
    let missing = factory
        .transaction(async |tx| {
            tx.copy_in("copy nowhere from stdin", &b""[..]).await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap_err();
    assert!(missing.to_string().contains("nowhere"), "{missing}");
    assert_eq!(items(&db).await, 2);
    assert_eq!(backend(&factory).await, pid, "the connection is kept");
    factory.close(crate::GRACE).await;
}

/// Gives a line, and then nothing, or an error.
struct Source {
    line: Option<&'static [u8]>,
    fails: bool,
}

impl AsyncRead for Source {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.line.take() {
            Some(line) => {
                let (now, later) = line.split_at(line.len().min(into.remaining()));
                into.put_slice(now);
                self.line = (!later.is_empty()).then_some(later);
                Poll::Ready(Ok(()))
            }
            None if self.fails => Poll::Ready(Err(io::Error::other("the upload broke off"))),
            None => Poll::Pending,
        }
    }
}

#[tokio::test]
async fn a_source_that_fails_stores_nothing() {
    let (db, factory) = start().await;
    let pid = backend(&factory).await;
    let broken = || Source {
        line: Some(b"2,two\n"),
        fails: true,
    };
    factory
        .transaction(async |tx| {
            load(tx, b"1,one\n").await?;
            let failed = tx
                .savepoint(async |tx| tx.copy_in(IN, broken()).await)
                .await
                .unwrap_err();
            assert!(
                failed.to_string().contains("the upload broke off"),
                "{failed}"
            );
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(items(&db).await, 1);
    // It is no lost connection, and not run again.
    let runs = std::sync::atomic::AtomicUsize::new(0);
    let options = demarcate::TxOptions::new().retry(3);
    let failed = factory
        .transaction_with(options, async |tx: &mut Session| {
            runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            tx.copy_in(IN, broken()).await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap_err();
    assert_eq!(runs.into_inner(), 1);
    assert_eq!(failed.http_status(), 422, "{failed:#}");
    let ignored = factory
        .transaction(async |tx| {
            tx.copy_in(IN, broken()).await.unwrap_err();
            Ok::<_, Error>(())
        })
        .await
        .unwrap_err();
    assert!(matches!(ignored, Error::Aborted { .. }), "{ignored}");
    assert_eq!(items(&db).await, 1);
    assert_eq!(backend(&factory).await, pid, "the connection is kept");
    factory.close(crate::GRACE).await;
}

#[tokio::test]
async fn a_copy_that_is_left_is_a_dropped_statement() {
    let (db, factory) = start().await;
    let pid = backend(&factory).await;
    let soon = Duration::from_millis(300);
    let left = factory
        .transaction(async |tx| {
            load(tx, b"1,one\n").await?;
            let silent = Source {
                line: Some(b"2,two\n"),
                fails: false,
            };
            tokio::time::timeout(soon, tx.copy_in(IN, silent))
                .await
                .unwrap_err();
            Ok::<_, Error>(())
        })
        .await
        .unwrap_err();
    assert!(matches!(left, Error::Aborted { .. }), "{left}");
    assert_eq!(items(&db).await, 0);
    let other = backend(&factory).await;
    assert_ne!(other, pid, "the connection is closed");

    db.admin("insert into items select n, 'x' from generate_series(1, 100000) n")
        .await;
    let left = factory
        .transaction(async |tx| {
            let inside = tx
                .savepoint(async |tx| {
                    let mut rows = tx.copy_out(OUT).await?;
                    assert_eq!(&rows.try_next().await?.unwrap()[..], b"1,x\n");
                    drop(rows);
                    Ok::<_, Error>(())
                })
                .await;
            inside.unwrap_err();
            sqlx::query("select 1").execute(&mut *tx).await.unwrap_err();
            Ok::<_, Error>(())
        })
        .await
        .unwrap_err();
    assert!(matches!(left, Error::Aborted { .. }), "{left}");
    assert_ne!(backend(&factory).await, other, "the connection is closed");
    let status = factory.pool_status();
    assert_eq!((status.connections, status.holders.len()), (1, 0));
    // The boundary's own timeout.
    let options = demarcate::TxOptions::new().timeout(soon);
    let late = factory
        .transaction_with(options, async |tx: &mut Session| {
            tx.copy_in(
                IN,
                Source {
                    line: Some(b"200000,two\n"),
                    fails: false,
                },
            )
            .await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap_err();
    assert!(matches!(late, Error::Timeout { .. }), "{late}");
    assert_eq!(items(&db).await, 100_000);
    factory.close(crate::GRACE).await;
}

#[tokio::test]
async fn a_copy_out_that_is_refused_costs_its_connection_and_nothing_else() {
    let (_db, factory) = start().await;
    let pid = backend(&factory).await;
    let refused = factory
        .transaction(async |tx| {
            let refused = tx
                .savepoint(async |tx| {
                    drop(tx.copy_out("copy nowhere to stdout").await?);
                    Ok::<_, Error>(())
                })
                .await;
            refused.unwrap_err();
            sqlx::query("select 1").execute(&mut *tx).await.unwrap_err();
            Ok::<_, Error>(())
        })
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("nowhere"), "{refused}");
    for _ in 0..3 {
        assert_ne!(backend(&factory).await, pid);
    }
    factory.close(crate::GRACE).await;
}

#[tokio::test]
async fn any_other_statement_is_refused_before_it_is_sent() {
    let (db, factory) = start().await;
    for sql in [
        OUT,
        "copy items from '/etc/passwd'",
        "select 1",
        "",
        "copy items from stdin; commit",
        "commit; copy items from stdin",
    ] {
        let refused = factory
            .transaction(async |tx| {
                load(tx, b"1,one\n").await?;
                tx.copy_in(sql, &b""[..]).await.unwrap_err();
                Ok::<_, Error>(())
            })
            .await
            .unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("`copy_in` runs one statement, `COPY .. FROM STDIN`"),
            "{sql}: {refused}"
        );
    }
    for sql in [
        IN,
        "copy items to '/tmp/items'",
        "copy items to stdout; rollback",
    ] {
        let refused = factory
            .transaction(async |tx| {
                drop(tx.copy_out(sql).await);
                Ok::<_, Error>(())
            })
            .await
            .unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("`copy_out` runs one statement, `COPY .. TO STDOUT`"),
            "{sql}: {refused}"
        );
    }
    for sql in [IN, OUT] {
        let refused = factory
            .transaction(async |tx| {
                sqlx::query(sql).execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap_err();
        assert!(
            refused.to_string().contains("tx.copy_in(sql, source)"),
            "{refused}"
        );
        assert!(
            refused.to_string().contains("tx.copy_out(sql)"),
            "{refused}"
        );
    }
    let leaks = factory
        .transaction(async |tx| {
            drop(
                tx.copy_out("copy (select set_config('search_path', 'a', false)) to stdout")
                    .await,
            );
            Ok::<_, Error>(())
        })
        .await
        .unwrap_err();
    assert!(leaks.to_string().contains("D040"), "{leaks}");
    assert_eq!(items(&db).await, 0);
    factory.close(crate::GRACE).await;
}

/// sqlx leaves the end of some answers unread. Whatever is read afterwards would be the answer to something else.
#[tokio::test]
async fn no_answer_is_taken_for_another_s_after_an_error() {
    let (db, factory) = start().await;
    db.admin(
        "create table notes (item bigint references items (id) deferrable initially immediate)",
    )
    .await;
    // The server fails at the first part, and the source after several.
    let lines: &'static [u8] = Box::leak(
        "1,one\n1,again\n"
            .repeat(20_000)
            .into_bytes()
            .into_boxed_slice(),
    );
    let broken = || Source {
        line: Some(lines),
        fails: true,
    };
    // After the last row, at which the references are checked.
    let refused = "copy (insert into notes values (1), (2) returning item) to stdout";
    for is_in_savepoint in [true, false] {
        for is_out in [true, false] {
            let failing = async |tx: &mut Session| match is_out {
                true => tx
                    .copy_out(refused)
                    .await?
                    .try_collect::<Vec<_>>()
                    .await
                    .map(drop),
                false => tx.copy_in(IN, broken()).await.map(drop),
            };
            let ended = factory
                .transaction(async |tx| {
                    load(tx, b"7,seven\n").await?;
                    if is_in_savepoint {
                        tx.savepoint(failing).await.unwrap_err();
                        load(tx, b"8,eight\n").await?;
                    } else {
                        failing(tx).await?;
                    }
                    Ok::<_, Error>(())
                })
                .await;
            ended.unwrap_err();
            answers_fit(&factory).await;
            assert_eq!(items(&db).await, 0);
        }
    }
    factory.close(crate::GRACE).await;
}
