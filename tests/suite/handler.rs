//! A router as an axum handler, over real HTTP.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use demarcate::{Error, router_tx, service};
use demarcate_tests::on_every_database;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::{ITEMS, eventually, items};

/// Serves on loopback and gives the address.
pub(crate) async fn serve(app: Router) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

pub(crate) async fn request(address: std::net::SocketAddr, line: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).await.unwrap();
    let request =
        format!("{line} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    client
}

/// The status and the body of the answer.
async fn answer(mut client: TcpStream) -> (u16, String) {
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (
        head.split(' ').nth(1).unwrap().parse().unwrap(),
        body.to_owned(),
    )
}

on_every_database! {
    #[service]
    async fn store(tx: &mut Session, id: i64) -> Result<(), sqlx::Error> {
        let insert = format!("insert into items (id) values ({id})");
        sqlx::query(sqlx::AssertSqlSafe(insert)).execute(&mut *tx).await?;
        Ok(())
    }

    #[router_tx]
    async fn post_item(tx: &mut Session, Path(id): Path<i64>) -> Result<Json<i64>, Error> {
        store(tx, id).await?;
        Ok(Json(id))
    }

    #[router_tx(allow(error_swallowed, reason = "what the boundary makes of it"))]
    async fn swallow(tx: &mut Session) -> Result<&'static str, Error> {
        store(tx, 2).await?;
        match store(tx, 1).await {
            Ok(()) => Ok("stored"),
            Err(_) => Ok("it was there already"),
        }
    }

    #[router_tx]
    pub(crate) async fn hang(tx: &mut Session, State(begun): State<tokio::sync::mpsc::Sender<()>>) -> Result<(), Error> {
        store(tx, 3).await?;
        begun.send(()).await.ok();
        std::future::pending().await
    }

    #[derive(Clone, axum::extract::FromRef)]
    pub(crate) struct App {
        pub(crate) db: SessionFactory,
        pub(crate) begun: tokio::sync::mpsc::Sender<()>,
    }

    #[tokio::test]
    async fn over_http() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        let (begun, mut has_begun) = tokio::sync::mpsc::channel(1);
        let app = Router::new()
            .route("/items/{id}", post(post_item))
            .route("/swallow", get(swallow))
            .route("/hang", get(hang))
            .with_state(App { db: factory.clone(), begun });
        let address = serve(app).await;

        assert_eq!(answer(request(address, "POST /items/1").await).await, (200, "1".to_owned()));
        assert_eq!(items(&db).await, 1);
        // The same again violates the primary key.
        assert_eq!(answer(request(address, "POST /items/1").await).await.0, 409);
        // The body said Ok, and the answer says the truth.
        assert_eq!(answer(request(address, "GET /swallow").await).await.0, 409);
        assert_eq!(items(&db).await, 1);

        // The client goes away between BEGIN and COMMIT.
        let client = request(address, "GET /hang").await;
        has_begun.recv().await.unwrap();
        drop(client);
        // The only connection is free again, and clean: the next write is there for everybody.
        assert_eq!(answer(request(address, "POST /items/4").await).await, (200, "4".to_owned()));
        assert_eq!(items(&db).await, 2);
        let hung = async || {
            let stats = factory.stats();
            stats.iter().any(|(site, stats)| site.name() == "hang" && stats.rolled_back == 1)
        };
        eventually("the handler of the client that left was rolled back", hung).await;
    }

    #[tokio::test]
    async fn a_router_is_a_function_that_a_test_can_call() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        assert_eq!(post_item(factory.clone(), Path(5)).await.unwrap().0, 5);
        assert_eq!(swallow(factory).await.unwrap(), "stored");
        assert_eq!(items(&db).await, 3);
    }
}

/// No backend of the server is left in a transaction by a client that went away.
#[tokio::test]
async fn on_postgres_a_client_that_disconnects_leaves_no_open_transaction() {
    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    let factory = demarcate::postgres::SessionFactory::builder()
        .url(db.url())
        .max_connections(3)
        .connect()
        .await
        .unwrap();
    let (begun, mut has_begun) = tokio::sync::mpsc::channel(1);
    let app = Router::new()
        .route("/hang", get(postgres::hang))
        .with_state(postgres::App {
            db: factory.clone(),
            begun,
        });
    let address = serve(app).await;
    for _ in 0..3 {
        let client = request(address, "GET /hang").await;
        has_begun.recv().await.unwrap();
        drop(client);
    }
    let open = format!(
        "select count(*) from pg_stat_activity where datname = '{}' and pid <> pg_backend_pid() and xact_start is not null",
        db.name()
    );
    eventually("no pooled connection is in a transaction", async || {
        db.admin_value::<i64>(&open).await == 0
    })
    .await;
    factory
        .transaction(async |tx| {
            sqlx::query("insert into items (id) values (1)")
                .execute(&mut *tx)
                .await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(items(&db).await, 1);
}
