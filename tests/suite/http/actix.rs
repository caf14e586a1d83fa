//! Routers as handlers of actix-web, over real HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::{App, Either, HttpResponse, HttpServer, web};
use demarcate::health::Routes;
use demarcate::{Error, Problem, response_error, router_tx};
use demarcate_tests::{TestDb, on_every_database};
use sqlx::AssertSqlSafe;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Answer, TABLES, ask, client};
use crate::{ITEMS, eventually, items};

/// Serves on loopback, and gives the address and what stops it.
pub(crate) async fn serve(
    configure: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
    may_half_close: bool,
) -> (SocketAddr, ServerHandle) {
    let server = HttpServer::new(move || App::new().configure(configure.clone()))
        .workers(2)
        .disable_signals()
        .h1_allow_half_closed(may_half_close)
        .bind("127.0.0.1:0")
        .unwrap();
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    (address, handle)
}

async fn begin(address: SocketAddr, line: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).await.unwrap();
    let request = format!("{line} HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    client
}

async fn get(server: SocketAddr, path: &str) -> Answer {
    let url = format!("http://{server}{path}");
    Answer::of(client().get(url).send().await.unwrap()).await
}

/// An error of the application's own, as the guide writes it.
#[derive(Debug, thiserror::Error)]
enum OrderError {
    #[error("there is no {0} left in shelf hunter2")]
    SoldOut(String),
    #[error("the shelf hunter2 is broken")]
    Broken,
    #[error(transparent)]
    Database(#[from] Error),
}

impl From<sqlx::Error> for OrderError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

response_error! {
    OrderError {
        Self::SoldOut(sku) if sku == "tea" => Problem::new(410, "Gone"),
        Self::SoldOut(sku) => Problem::new(409, "Sold out").with_detail(format!("there is no {sku} left")),
        Self::Broken => Problem::new(500, "Internal error"),
        Self::Database(error) => error,
    }
}

/// An error that says too much, in the wrapper that gives it a response.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct LoginError(#[from] Error);

on_every_database! {
    #[router_tx]
    async fn own_error(tx: &mut Session, sku: String) -> Result<HttpResponse, OrderError> {
        sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
        match &*sku {
            "broken" => Err(OrderError::Broken),
            "" => Ok(HttpResponse::Ok().finish()),
            _ => Err(OrderError::SoldOut(sku)),
        }
    }

    #[router_tx]
    async fn internal_error(tx: &mut Session) -> Result<HttpResponse, InternalError<LoginError>> {
        let insert = sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await;
        insert.map_err(Error::from)?;
        Ok(HttpResponse::Ok().finish())
    }

    /// actix-web writes `Display` of an error into the body, unless the error says otherwise.
    #[tokio::test]
    async fn an_own_error_says_nothing_of_the_program() {
        let (db, factory) = database().await;
        let data = web::Data::new(factory.clone());
        let (server, handle) = serve(
            move |app| {
                app.app_data(data.clone())
                    .route("/own", web::post().to(own_error))
                    .route("/internal", web::post().to(internal_error));
            },
            true,
        )
        .await;
        for (sku, status, text) in [
            ("tea", 410, r#""title":"Gone""#),
            ("milk", 409, r#""detail":"there is no milk left""#),
            ("broken", 500, r#""title":"Internal error""#),
        ] {
            let answer = ask(server, "/own", sku).await;
            assert_eq!((answer.status, &*answer.content_type), (status, "application/problem+json"));
            assert!(answer.body.contains(text), "{}", answer.body);
            assert!(!answer.body.contains("hunter2"), "{}", answer.body);
            assert_eq!(items(&db).await, 0, "an `Err` rolls back");
        }
        assert_eq!(ask(server, "/own", "").await.status, 200);
        // The second one: the log has the file and the constraint, and the client has neither.
        for path in ["/own", "/internal"] {
            let answer = ask(server, path, "").await;
            let problem = answer.refused("unique-constraint", 409, None, db.url());
            assert!(problem.transaction.is_some());
            for secret in ["actix.rs", "items_pkey", "PRIMARY", "duplicate", "own_error"] {
                assert!(!answer.body.contains(secret), "`{secret}` is in {}", answer.body);
            }
        }
        factory.close(crate::GRACE).await;
        for path in ["/own", "/internal"] {
            ask(server, path, "").await.refused("connection", 503, Some(5), db.url());
        }
        handle.stop(true).await;
    }

    #[router_tx]
    async fn maybe(tx: &mut Session, path: web::Path<(i64, String)>) -> Result<Option<String>, Error> {
        let (id, found) = path.into_inner();
        let insert = format!("insert into items (id) values ({id})");
        sqlx::query(AssertSqlSafe(insert)).execute(&mut *tx).await?;
        Ok((found == "some").then_some(found))
    }

    #[router_tx]
    async fn maybe_failed(tx: &mut Session, path: web::Path<(i64, u16)>) -> Result<Option<HttpResponse>, Error> {
        let (id, status) = path.into_inner();
        let insert = format!("insert into items (id) values ({id})");
        sqlx::query(AssertSqlSafe(insert)).execute(&mut *tx).await?;
        Ok(StatusCode::from_u16(status).ok().map(|status| HttpResponse::build(status).finish()))
    }

    /// What actix-web can answer with nothing of is no response: called as a function, `None` is a value like any other.
    struct Row;

    #[router_tx]
    async fn no_response(tx: &mut Session) -> Result<Option<Row>, Error> {
        sqlx::query("insert into items (id) values (9)").execute(&mut *tx).await?;
        Ok(None)
    }

    #[tokio::test]
    async fn none_is_404_and_rolls_back() {
        let (db, factory) = database().await;
        let data = web::Data::new(factory.clone());
        let (server, handle) = serve(
            move |app| {
                app.app_data(data.clone())
                    .route("/maybe/{id}/{found}", web::post().to(maybe))
                    .route("/failed/{id}/{status}", web::post().to(maybe_failed));
            },
            true,
        )
        .await;
        let mut stored = 0;
        for (path, status) in [
            ("/maybe/1/none", 404),
            ("/maybe/1/some", 200),
            ("/failed/2/0", 404),
            ("/failed/2/409", 409),
            ("/failed/2/201", 201),
        ] {
            assert_eq!(ask(server, path, "").await.status, status, "{path}");
            stored += i64::from(status < 400);
            assert_eq!(items(&db).await, stored, "{path}");
        }
        assert!(no_response(factory.clone()).await.unwrap().is_none());
        assert_eq!(items(&db).await, stored + 1);
        handle.stop(true).await;
        factory.close(crate::GRACE).await;
    }

    #[tokio::test]
    async fn probes_are_those_of_axum() {
        let (db, factory) = database().await;
        let routes = || Routes::new(factory.clone()).thresholds(crate::health::calm());
        let (probes, inside) = (routes().into_config(), routes().with_evidence().into_config());
        let (server, handle) = serve(
            move |app| {
                app.configure(probes.clone())
                    .service(web::scope("/inside").configure(inside.clone()));
            },
            true,
        )
        .await;
        for path in ["/livez", "/readyz", "/health", "/inside/health"] {
            let answer = get(server, path).await;
            assert_eq!((answer.status, &*answer.content_type), (200, "application/health+json"), "{path}");
            let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            assert_ne!(body["status"], "fail", "{path}: {body}");
        }
        // A report is shared by both workers, and reused for a second: each says when it was made.
        let times = || async {
            let mut all = std::collections::BTreeSet::new();
            for _ in 0..20 {
                let answer = get(server, "/health").await;
                let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
                all.insert(body["checks"].to_string());
            }
            all
        };
        let began = std::time::Instant::now();
        let reports = times().await.len();
        assert!(reports <= 2 + began.elapsed().as_secs() as usize, "{reports} reports");
        factory.close(crate::GRACE).await;
        tokio::time::sleep(Routes::<Database>::MAX_AGE).await;
        assert_eq!(get(server, "/readyz").await.status, 503, "a program that ends is not ready");
        assert_eq!(get(server, "/health").await.status, 503);
        assert_eq!(get(server, "/livez").await.status, 200);
        assert!(!get(server, "/health").await.body.contains(db.name()));
        handle.stop(true).await;
    }

    #[router_tx]
    async fn execute(tx: &mut Session, sql: String) -> Result<String, Error> {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await?;
        Ok("stored".to_owned())
    }

    #[router_tx(read_only)]
    async fn find(tx: &mut Session, sql: String) -> Result<String, Error> {
        Ok(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *tx).await?)
    }

    /// Says Ok whatever happens, which the boundary does not.
    #[router_tx(allow(error_swallowed, reason = "what the boundary makes of it"))]
    async fn swallow(tx: &mut Session, sql: String) -> Result<String, Error> {
        match sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await {
            Ok(_) => Ok("stored".to_owned()),
            Err(_) => Ok("not stored".to_owned()),
        }
    }

    /// Stores an item, and answers with a status of the client's choice, in one of the ways that a router can.
    #[router_tx]
    async fn answer(tx: &mut Session, path: web::Path<(i64, u16, String)>) -> Result<Either<HttpResponse, HttpResponse>, Error> {
        let (id, status, way) = path.into_inner();
        let insert = format!("insert into items (id) values ({id})");
        sqlx::query(AssertSqlSafe(insert)).execute(&mut *tx).await?;
        let answer = HttpResponse::build(StatusCode::from_u16(status).unwrap()).finish();
        Ok(if way == "left" { Either::Left(answer) } else { Either::Right(answer) })
    }

    #[router_tx]
    async fn pair(tx: &mut Session, path: web::Path<(i64, u16)>) -> Result<(String, StatusCode), Error> {
        let (id, status) = path.into_inner();
        let insert = format!("insert into items (id) values ({id})");
        sqlx::query(AssertSqlSafe(insert)).execute(&mut *tx).await?;
        Ok(("a pair".to_owned(), StatusCode::from_u16(status).unwrap()))
    }

    #[router_tx]
    async fn sold_out(tx: &mut Session, id: web::Path<i64>) -> Result<Problem, Error> {
        let insert = format!("insert into items (id) values ({id})");
        sqlx::query(AssertSqlSafe(insert)).execute(&mut *tx).await?;
        Ok(Problem::new(410, "Sold out").with_detail("there is no tea left"))
    }

    #[router_tx(retry = 1)]
    async fn hang(tx: &mut Session, begun: web::Data<tokio::sync::mpsc::Sender<()>>) -> Result<HttpResponse, Error> {
        sqlx::query("insert into items (id) values (3)").execute(&mut *tx).await?;
        begun.send(()).await.ok();
        std::future::pending().await
    }

    /// Goes on for as long as it is told, whatever becomes of its client.
    #[router_tx]
    async fn linger(
        tx: &mut Session,
        begun: web::Data<tokio::sync::mpsc::Sender<()>>,
        left: web::Data<tokio::sync::Semaphore>,
    ) -> Result<HttpResponse, Error> {
        sqlx::query("insert into items (id) values (3)").execute(&mut *tx).await?;
        begun.send(()).await.ok();
        let _ = left.acquire().await;
        Ok(HttpResponse::Ok().finish())
    }

    async fn database() -> (TestDb<Database>, SessionFactory) {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let builder = SessionFactory::builder().url(db.url()).max_connections(1);
        let factory = builder.connect().await.unwrap();
        (db, factory)
    }

    #[tokio::test]
    async fn ok_commits_and_a_status_from_400_on_rolls_back() {
        let (db, factory) = database().await;
        let data = web::Data::new(factory.clone());
        let (server, handle) = serve(
            move |app| {
                app.app_data(data.clone())
                    .route("/answer/{id}/{status}/{way}", web::post().to(answer))
                    .route("/pair/{id}/{status}", web::post().to(pair))
                    .route("/sold_out/{id}", web::post().to(sold_out));
            },
            true,
        )
        .await;
        let mut stored = 0;
        for (path, status) in [
            ("/answer/1/201/left", 201),
            ("/answer/2/409/left", 409),
            ("/answer/2/404/right", 404),
            ("/answer/2/302/right", 302),
            ("/pair/3/422", 422),
            ("/pair/3/202", 202),
            ("/sold_out/4", 410),
            // The primary key has it: an Err.
            ("/pair/3/200", 409),
        ] {
            let answer = ask(server, path, "").await;
            assert_eq!(answer.status, status, "{path}: {}", answer.body);
            stored += i64::from(status < 400);
            assert_eq!(items(&db).await, stored, "{path}");
        }
        let sold_out = ask(server, "/sold_out/4", "").await;
        assert_eq!(sold_out.content_type, "application/problem+json");
        assert_eq!(
            sold_out.body,
            r#"{"type":"about:blank","title":"Sold out","status":410,"detail":"there is no tea left"}"#
        );
        handle.stop(true).await;
    }

    #[tokio::test]
    async fn an_error_is_the_same_problem_as_with_axum() {
        let db = test_db().await;
        db.admin(TABLES).await;
        let builder = || SessionFactory::builder().url(db.url()).max_connections(1);
        let factory = builder().connect().await.unwrap();
        let hurried = builder().acquire_timeout(Duration::from_millis(500)).connect().await.unwrap();
        let (data, in_a_hurry) = (web::Data::new(factory.clone()), web::Data::new(hurried.clone()));
        let (server, handle) = serve(
            move |app| {
                app.app_data(data.clone())
                    .service(web::resource("/in_a_hurry").app_data(in_a_hurry.clone()).route(web::post().to(execute)))
                    .route("/execute", web::post().to(execute))
                    .route("/find", web::post().to(find))
                    .route("/swallow", web::post().to(swallow));
            },
            true,
        )
        .await;
        let insert = "insert into orders (id, sku, n) values (3, 'hunter2', 1)";
        for path in ["/execute", "/swallow"] {
            let problem = ask(server, path, insert).await.refused("unique-constraint", 409, None, db.url());
            assert_eq!(problem.transaction.unwrap().len(), 16);
        }
        ask(server, "/find", "select sku from orders where sku = '4711'").await.refused("not-found", 404, None, db.url());
        ask(server, "/execute", "selct 'hunter2'").await.refused("internal", 500, None, db.url());
        let holding = hurried.transaction(async |tx| {
            sqlx::query("select 1").execute(&mut *tx).await?;
            Ok::<_, Error>(ask(server, "/in_a_hurry", insert).await)
        });
        holding.await.unwrap().refused("pool-timeout", 503, Some(1), db.url());
        hurried.close(crate::GRACE).await;
        let stored = ask(server, "/execute", "insert into orders (id, n) values (3, 2)").await;
        assert_eq!((stored.status, &*stored.body), (200, "stored"));
        factory.close(crate::GRACE).await;
        ask(server, "/execute", insert).await.refused("connection", 503, Some(5), db.url());
        handle.stop(true).await;
    }

    /// Where half-closed connections are not allowed, a client that closes its own is gone at once.
    #[tokio::test]
    async fn a_client_that_disconnects_rolls_back() {
        let (db, factory) = database().await;
        let (begun, mut has_begun) = tokio::sync::mpsc::channel::<()>(1);
        let (data, begun) = (web::Data::new(factory.clone()), web::Data::new(begun));
        let (server, handle) = serve(
            move |app| {
                app.app_data(data.clone())
                    .app_data(begun.clone())
                    .route("/hang", web::get().to(hang))
                    .route("/answer/{id}/{status}/{way}", web::post().to(answer));
            },
            false,
        )
        .await;
        for _ in 0..3 {
            let client = begin(server, "GET /hang").await;
            has_begun.recv().await.unwrap();
            drop(client);
            // The only connection is free again, and clean.
            let answer = ask(server, "/answer/4/200/left", "").await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert_eq!(items(&db).await, 1);
            db.admin("delete from items").await;
        }
        let hung = async || {
            let stats = factory.stats();
            stats.iter().any(|(site, stats)| site.name() == "hang" && stats.rolled_back == 3)
        };
        eventually("the handlers of the clients that left were rolled back", hung).await;
        handle.stop(true).await;
    }

    /// actix-web allows them by default: a client that sends nothing more may still be reading.
    #[tokio::test]
    async fn where_half_closed_connections_are_allowed_the_handler_goes_on() {
        let (db, factory) = database().await;
        let (begun, mut has_begun) = tokio::sync::mpsc::channel::<()>(1);
        let left = web::Data::new(tokio::sync::Semaphore::new(0));
        let (data, begun) = (web::Data::new(factory.clone()), web::Data::new(begun));
        let (server, handle) = serve(
            {
                let left = left.clone();
                move |app| {
                    app.app_data(data.clone())
                        .app_data(begun.clone())
                        .app_data(left.clone())
                        .route("/linger", web::get().to(linger));
                }
            },
            true,
        )
        .await;
        let client = begin(server, "GET /linger").await;
        has_begun.recv().await.unwrap();
        drop(client);
        tokio::time::sleep(Duration::from_millis(200)).await;
        left.add_permits(1);
        eventually("it was committed", async || items(&db).await == 1).await;
        handle.stop(true).await;
    }

    #[tokio::test]
    async fn an_application_without_a_factory_answers_500() {
        let (server, handle) = serve(|app| { app.route("/{id}", web::post().to(sold_out)); }, true).await;
        let answer = ask(server, "/1", "").await;
        let problem = answer.refused("internal", 500, None, "sqlite://nope");
        assert_eq!(problem.transaction, None);
        handle.stop(true).await;
    }
}

#[derive(serde::Deserialize)]
struct Order {
    sku: String,
}

async fn by_json(order: web::Json<Order>) -> String {
    order.sku.clone()
}

async fn by_form(order: web::Form<Order>) -> String {
    order.sku.clone()
}

async fn by_path(id: web::Path<i64>) -> String {
    id.to_string()
}

async fn by_query(order: web::Query<Order>) -> String {
    order.sku.clone()
}

#[tokio::test]
async fn what_actix_refuses_is_a_problem() {
    let (server, handle) = serve(
        |app| {
            app.configure(demarcate::extract::problems)
                .route("/json", web::post().to(by_json))
                .route("/form", web::post().to(by_form))
                .route("/path/{id}", web::get().to(by_path))
                .route("/query", web::get().to(by_query));
        },
        true,
    )
    .await;
    let form = "application/x-www-form-urlencoded";
    for (method, path, content_type, body, status, detail) in [
        (
            "POST",
            "/json",
            "application/json",
            r#"{"sku":"tea"}"#,
            200,
            "",
        ),
        (
            "POST",
            "/json",
            "application/json",
            r#"{"sku":1}"#,
            400,
            "invalid type",
        ),
        ("POST", "/json", "application/json", "tea", 400, "Json"),
        (
            "POST",
            "/json",
            "text/plain",
            r#"{"sku":"tea"}"#,
            400,
            "ontent type",
        ),
        ("POST", "/form", form, "sku=tea", 200, ""),
        ("POST", "/form", form, "n=1", 400, ""),
        ("GET", "/path/1", "", "", 200, ""),
        ("GET", "/path/one", "", "", 400, "one"),
        ("GET", "/query?sku=tea", "", "", 200, ""),
        ("GET", "/query", "", "", 400, "missing field `sku`"),
    ] {
        let url = format!("http://{server}{path}");
        let mut request = client().request(method.parse().unwrap(), url);
        if !content_type.is_empty() {
            request = request.header("content-type", content_type).body(body);
        }
        let answer = Answer::of(request.send().await.unwrap()).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        if status == 200 {
            continue;
        }
        assert_eq!(answer.content_type, "application/problem+json", "{path}");
        let problem: Problem = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((problem.status, &*problem.title), (status, "Bad Request"));
        let said = problem.detail.unwrap_or_default();
        assert!(said.contains(detail), "`{detail}` is not in {said}");
    }
    handle.stop(true).await;
}
