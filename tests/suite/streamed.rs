//! A boundary whose answer is a stream.

use std::time::Duration;

use demarcate::{Error, Retry, TxOptions};
use demarcate_tests::on_every_database;
use futures_util::{Stream, StreamExt, TryStreamExt};

use crate::{ITEMS, items};

on_every_database! {
    async fn start(count: i64) -> (demarcate_tests::TestDb<Database>, SessionFactory) {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let rows: Vec<String> = (1..=count).map(|id| format!("({id}, 'item {id}')")).collect();
        db.admin(&format!("insert into items values {}", rows.join(", "))).await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        (db, factory)
    }

    fn lines(factory: &SessionFactory, options: TxOptions) -> impl Stream<Item = Result<String, Error>> + Send + 'static + use<> {
        factory.stream(options, async |tx, out| {
            let mut rows = sqlx::query_as::<_, (i64, String)>("select id, name from items order by id").fetch(&mut *tx);
            while let Some((id, name)) = rows.try_next().await? {
                out.send(format!("{id},{name}\n")).await;
            }
            Ok(())
        })
    }

    #[tokio::test]
    async fn it_has_every_row_and_is_the_body_of_a_response() {
        let (_db, factory) = start(1000).await;
        let body = axum::body::Body::from_stream(lines(&factory, TxOptions::new().read_only()));
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let wanted: String = (1..=1000).map(|id| format!("{id},item {id}\n")).collect();
        assert_eq!(bytes, wanted.as_bytes());
        // And of actix-web's.
        let response = actix_web::HttpResponse::Ok().streaming(lines(&factory, TxOptions::new()).map_ok(actix_web::web::Bytes::from));
        let bytes = actix_web::body::to_bytes(response.into_body()).await.unwrap();
        assert_eq!(bytes, wanted.as_bytes());
        let (site, stats) = factory.stats().into_iter().find(|(site, _)| site.name() == "stream").unwrap();
        assert_eq!((site.file(), stats.committed), (file!(), 2));
        factory.close(crate::GRACE).await;
    }

    #[tokio::test]
    async fn it_commits_before_it_ends_and_says_what_failed() {
        let (db, factory) = start(3).await;
        let written = factory.stream(TxOptions::new(), async |tx, out| {
            sqlx::query("insert into items (id) values (4)").execute(&mut *tx).await?;
            out.send(4).await;
            Ok::<_, Error>(())
        });
        assert_eq!(written.try_collect::<Vec<i32>>().await.unwrap(), [4]);
        assert_eq!(items(&db).await, 4);
        let mut failing = Box::pin(factory.stream(TxOptions::new(), async |tx, out| {
            sqlx::query("insert into items (id) values (5)").execute(&mut *tx).await?;
            out.send(5).await;
            sqlx::query("insert into items (id) values (5)").execute(&mut *tx).await.ok();
            Ok::<_, Error>(())
        }));
        assert_eq!(failing.next().await.unwrap().unwrap(), 5);
        let error = failing.next().await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Aborted { .. }), "{error}");
        assert!(failing.next().await.is_none());
        assert_eq!(items(&db).await, 4);
        let again = factory.stream(TxOptions::new().retry(Retry::times(3)), async |_: &mut Session, out| {
            out.send(1).await;
            Ok::<_, Error>(())
        });
        let error = again.try_collect::<Vec<i32>>().await.unwrap_err();
        assert!(matches!(error, Error::Config { .. }), "{error}");
        factory.close(crate::GRACE).await;
    }

    #[tokio::test]
    async fn a_reader_that_goes_rolls_back_and_one_that_sleeps_does_not_hold_the_connection_for_ever() {
        let (db, factory) = start(3).await;
        let writing = |factory: &SessionFactory, options| factory.stream(options, async |tx, out| {
            sqlx::query("insert into items (id) values (4)").execute(&mut *tx).await?;
            for n in 0.. {
                out.send(n).await;
            }
            Ok::<_, Error>(())
        });
        let mut read = Box::pin(writing(&factory, TxOptions::new()));
        assert_eq!(read.next().await.unwrap().unwrap(), 0);
        drop(read);
        let count = async || factory.transaction(async |tx| {
            let count: i64 = sqlx::query_scalar("select count(*) from items").fetch_one(&mut *tx).await?;
            Ok::<_, Error>(count)
        }).await.unwrap();
        assert_eq!(count().await, 3);
        let mut read = Box::pin(writing(&factory, TxOptions::new().timeout(Duration::from_millis(300))));
        assert_eq!(read.next().await.unwrap().unwrap(), 0);
        // The stream is not polled meanwhile.
        assert_eq!(count().await, 3);
        let rest: Vec<_> = read.collect().await;
        let (last, sent) = rest.split_last().unwrap();
        assert!(matches!(last, Err(Error::Timeout { .. })), "{last:?}");
        assert!(sent.len() <= 2 && sent.iter().all(Result::is_ok), "{sent:?}");
        assert_eq!(items(&db).await, 3);
        // The last item, and the body is done: it is kept when the reader has it, and not before.
        let mut one = Box::pin(factory.stream(TxOptions::new(), async |tx, out| {
            sqlx::query("insert into items (id) values (4)").execute(&mut *tx).await?;
            out.send(4).await;
            Ok::<_, Error>(())
        }));
        assert!(futures_util::poll!(one.next()).is_pending());
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(one);
        assert_eq!(count().await, 3);
        // Never polled: nothing is begun.
        drop(writing(&factory, TxOptions::new()));
        factory.close(crate::GRACE).await;
    }

    /// A job for which a closing factory waits.
    #[demarcate::background_job]
    async fn read_late(db: &SessionFactory, begun: tokio::sync::oneshot::Sender<()>) -> Result<usize, Error> {
        begun.send(()).ok();
        db.closing().await;
        Ok(lines(db, TxOptions::new()).try_collect::<Vec<_>>().await?.len())
    }

    #[tokio::test]
    async fn a_job_reads_one_while_the_factory_closes() {
        let (_db, factory) = start(3).await;
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let job = factory.spawn(read_late(begun));
        has_begun.await.unwrap();
        factory.close(crate::GRACE).await;
        assert_eq!(job.await.unwrap(), 3);
        let closed = lines(&factory, TxOptions::new()).try_collect::<Vec<_>>().await.unwrap_err();
        assert!(matches!(closed, Error::Closed { .. }), "{closed}");
    }

    #[tokio::test]
    async fn inside_a_boundary_it_is_refused_and_a_panic_is_the_reader_s() {
        let (_db, factory) = start(3).await;
        let nested = factory.transaction(async |_: &mut Session| {
            let read: Vec<String> = lines(&factory, TxOptions::new()).try_collect().await?;
            Ok::<_, Error>(read)
        }).await.unwrap_err();
        assert!(matches!(nested, Error::NestedBoundary { .. }), "{nested}");
        let panics = factory.stream(TxOptions::new(), async |_: &mut Session, out| -> Result<(), Error> {
            out.send(1).await;
            panic!("on purpose")
        });
        let panicked = tokio::spawn(panics.try_collect::<Vec<i32>>()).await.unwrap_err();
        assert!(panicked.is_panic());
        factory.close(crate::GRACE).await;
    }
}
