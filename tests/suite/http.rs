//! What HTTP is told of each failure, over real HTTP, of failures that really happened.

pub(crate) mod actix;
mod own;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::post;
use demarcate::{Error, Problem, router_tx};
use demarcate_tests::on_every_database;
use demarcate_tests::proxy::{Fault, Pattern, Proxy};
use sqlx::{AssertSqlSafe, Connection};
use tokio::net::TcpListener;

use crate::echo::Log;
use crate::eventually;

/// What a client may never be shown: values, SQL, places in the program.
const SECRETS: &[&str] = &[
    "hunter2",
    "4711",
    "insert",
    "select",
    "update",
    "selct",
    "127.0.0.1",
    "localhost",
    ".rs",
    "execute",
    "demarcate_",
];

const TABLES: &str = "
    create table customers (id int primary key);
    create table orders (id integer primary key, sku varchar(10) unique, n int not null check (n > 0), customer int,
                         foreign key (customer) references customers (id));
    insert into orders values (1, 'hunter2', 1, null), (2, 'milk', 1, null)";

/// What an answer has, of which each test names what it expects.
struct Answer {
    status: u16,
    content_type: String,
    retry_after: Option<u64>,
    body: String,
}

impl Answer {
    async fn of(response: reqwest::Response) -> Self {
        let header = |name: &str| {
            let value = response.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        Self {
            status: response.status().as_u16(),
            content_type: header("content-type").unwrap_or_default(),
            retry_after: header("retry-after").map(|seconds| seconds.parse().unwrap()),
            body: response.text().await.unwrap(),
        }
    }

    /// The problem that it is, if it is this one and says it in each of its places, and no more.
    #[track_caller]
    fn refused(&self, kind: &str, status: u16, retry_after: Option<u64>, url: &str) -> Problem {
        let body = &self.body;
        assert_eq!(
            (self.status, self.retry_after),
            (status, retry_after),
            "{kind}: {body}"
        );
        assert_eq!(self.content_type, "application/problem+json");
        let problem: Problem = serde_json::from_str(body).unwrap();
        assert_eq!(
            problem.type_uri,
            format!("urn:problem-type:demarcate:{kind}"),
            "{body}"
        );
        assert_eq!(
            (problem.status, problem.retry_after),
            (status, retry_after),
            "{body}"
        );
        assert!(!problem.title.is_empty() && problem.detail.is_some());
        let (_, place) = url.split_once("://").unwrap();
        let login = place.split_once('@').map_or("", |(login, _)| login);
        let password = login.split_once(':').map_or("", |(_, password)| password);
        let database = place.rsplit('/').next().unwrap();
        // Its digits may be anything.
        let transaction = problem.transaction.as_deref().unwrap_or_default();
        let body = body.replace(transaction, "");
        for secret in SECRETS.iter().chain(&[place, password, database]) {
            assert!(
                secret.is_empty() || !body.contains(secret),
                "`{secret}` is in {body}"
            );
        }
        problem
    }
}

fn client() -> reqwest::Client {
    // An error says that there is one already.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    reqwest::Client::new()
}

/// Sends SQL to a router that runs it.
async fn ask(server: SocketAddr, path: &str, sql: &str) -> Answer {
    let request = client()
        .post(format!("http://{server}{path}"))
        .body(sql.to_owned());
    Answer::of(request.send().await.unwrap()).await
}

/// Serves on loopback and gives the address.
async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

on_every_database! {
    #[router_tx(timeout = "20s")]
    pub(crate) async fn execute(tx: &mut Session, sql: String) -> Result<String, Error> {
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

    #[router_tx(statement_timeout = "200ms")]
    async fn hurry(tx: &mut Session, sql: String) -> Result<String, Error> {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await?;
        Ok("done".to_owned())
    }

    #[router_tx(lock_timeout = "1s")]
    async fn wait_for_lock(tx: &mut Session, sql: String) -> Result<String, Error> {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await?;
        Ok("done".to_owned())
    }

    #[router_tx(timeout = "300ms")]
    async fn dawdle(tx: &mut Session, sql: String) -> Result<String, Error> {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await?;
        std::future::pending().await
    }

    #[derive(Clone, FromRef)]
    pub(crate) struct App {
        db: SessionFactory,
        rival: Arc<::demarcate_tests::TestDb<Database>>,
    }

    /// Holds row 1, and wants row 2, which the rival has, who wants row 1.
    #[router_tx]
    async fn embrace(tx: &mut Session, State(rival): State<Arc<::demarcate_tests::TestDb<Database>>>) -> Result<String, Error> {
        sqlx::query("update orders set n = 5 where id = 1").execute(&mut *tx).await?;
        compete(&rival).await;
        sqlx::query("update orders set n = 5 where id = 2").execute(&mut *tx).await?;
        Ok("done".to_owned())
    }

    async fn compete(rival: &::demarcate_tests::TestDb<Database>) {
        let mut connection = rival.connect().await;
        // Who is not to be the victim waits longer before it looks, or has written more.
        let begin = match rival.url().starts_with("mysql") {
            true => "begin; insert into customers select seq from seq_1_to_500; update orders set n = 4 where id = 2",
            false => "begin; set local deadlock_timeout = '1h'; update orders set n = 4 where id = 2",
        };
        sqlx::raw_sql(begin).execute(&mut connection).await.unwrap();
        tokio::spawn(async move {
            sqlx::raw_sql("update orders set n = 4 where id = 1").execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        });
        let waiting = match rival.url().starts_with("mysql") {
            true => "select count(*) from information_schema.processlist \
                     where db = database() and info = 'update orders set n = 4 where id = 1'",
            false => "select count(*) from pg_stat_activity \
                      where datname = current_database() and wait_event_type = 'Lock'",
        };
        eventually("it waits", async || rival.admin_value::<i64>(waiting).await == 1).await;
    }

    pub(crate) async fn app(db: &SessionFactory, rival: &Arc<::demarcate_tests::TestDb<Database>>) -> SocketAddr {
        let app = Router::new()
            .route("/execute", post(execute))
            .route("/find", post(find))
            .route("/swallow", post(swallow))
            .route("/hurry", post(hurry))
            .route("/lock", post(wait_for_lock))
            .route("/dawdle", post(dawdle))
            .route("/embrace", post(embrace))
            .with_state(App { db: db.clone(), rival: Arc::clone(rival) });
        serve(app).await
    }

    #[tokio::test]
    async fn what_the_data_breaks_is_told_the_client_and_the_log() {
        let db = Arc::new(test_db().await);
        db.admin(TABLES).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let server = app(&factory, &db).await;
        let too_long = match db.url().starts_with("sqlite") {
            true => "insert into orders (id, n) values ('hunter2', 1)",
            false => "insert into orders (id, n, sku) values (3, 1, 'hunter2 and more')",
        };
        let (log, _logging) = Log::start();
        for (path, sql, kind, status) in [
            ("/execute", "insert into orders (id, sku, n) values (3, 'hunter2', 1)", "unique-constraint", 409),
            ("/swallow", "insert into orders (id, sku, n) values (3, 'hunter2', 1)", "unique-constraint", 409),
            ("/execute", "insert into orders (id, n, customer) values (3, 1, 4711)", "foreign-key-constraint", 422),
            ("/execute", "insert into orders (id, sku, n) values (3, '4711', null)", "not-null-constraint", 422),
            ("/execute", "insert into orders (id, sku, n) values (3, '4711', -4711)", "check-constraint", 422),
            ("/execute", too_long, "data", 422),
            ("/find", "select sku from orders where sku = '4711'", "not-found", 404),
            ("/execute", "selct 'hunter2'", "internal", 500),
            ("/execute", "update hunter2 set n = 4711", "internal", 500),
            // Refused by the guard.
            ("/execute", "commit", "internal", 500),
        ] {
            let problem = ask(server, path, sql).await.refused(kind, status, None, db.url());
            let id = problem.transaction.unwrap_or_else(|| panic!("{sql} has no transaction"));
            assert!(id.len() == 16 && id.chars().all(|c| c.is_ascii_hexdigit()), "{id}");
            let (level, message) = if status < 500 { ("INFO", "request refused") } else { ("ERROR", "request failed") };
            let lines = log.take("demarcate::problem");
            let [line] = &lines[..] else { panic!("{sql} is logged as {lines:#?}") };
            for part in [level, message, &id, &format!("status={status}")] {
                assert!(line.contains(part), "{part} is not in {line}");
            }
        }
        // The data is as it was.
        assert_eq!(db.admin_value::<i64>("select count(*) from orders where n = 1").await, 2);
        let stored = ask(server, "/execute", "insert into orders (id, n) values (3, 2)").await;
        assert_eq!((stored.status, &*stored.body), (200, "stored"));
        assert_eq!(log.take("demarcate::problem"), [""; 0]);
    }

    #[tokio::test]
    async fn what_takes_too_long_is_504_and_what_is_exhausted_503() {
        let db = Arc::new(test_db().await);
        db.admin(TABLES).await;
        let builder = || SessionFactory::builder().url(db.url()).max_connections(1);
        let factory = builder().connect().await.unwrap();
        let server = app(&factory, &db).await;
        let slow = match db.url().split(':').next().unwrap() {
            "mysql" => "select sleep(20)",
            "sqlite" => "with recursive n (i) as (select 1 union all select i + 1 from n limit 2000000000) select count(*) from n",
            _ => "select pg_sleep(20)",
        };
        ask(server, "/hurry", slow).await.refused("statement-timeout", 504, None, db.url());
        // Where its connection had to be closed, there is one again.
        assert_eq!(ask(server, "/execute", "select 1").await.status, 200);
        let update = "update orders set n = 7 where id = 1";
        ask(server, "/dawdle", update).await.refused("boundary-timeout", 504, None, db.url());

        let mut other = db.connect().await;
        let lock = if db.url().starts_with("sqlite") { "begin immediate" } else { "begin; update orders set n = 3 where id = 1" };
        sqlx::raw_sql(lock).execute(&mut other).await.unwrap();
        ask(server, "/lock", update).await.refused("lock-timeout", 504, Some(1), db.url());
        sqlx::raw_sql("rollback").execute(&mut other).await.unwrap();

        let builder = builder().acquire_timeout(Duration::from_millis(500));
        let hurried = builder.connect().await.unwrap();
        let in_a_hurry = app(&hurried, &db).await;
        let holding = hurried.transaction(async |tx| {
            sqlx::query("select 1").execute(&mut *tx).await?;
            Ok::<_, Error>(ask(in_a_hurry, "/execute", update).await)
        });
        holding.await.unwrap().refused("pool-timeout", 503, Some(1), db.url());
        hurried.close(crate::GRACE).await;

        assert_eq!(ask(server, "/execute", update).await.status, 200);
        factory.close(crate::GRACE).await;
        ask(server, "/execute", update).await.refused("connection", 503, Some(5), db.url());
    }

    #[tokio::test]
    async fn a_database_that_is_not_there_is_503() {
        let db = Arc::new(test_db().await);
        let nowhere = match db.url().split_once('@') {
            None => "sqlite:///nope/nope/hunter2.db".to_owned(),
            Some((before, _)) => format!("{before}@127.0.0.1:1/hunter2"),
        };
        let server = app(&SessionFactory::connect_lazy(&nowhere).unwrap(), &db).await;
        ask(server, "/find", "select 1").await.refused("connection", 503, Some(5), &nowhere);
    }
}

/// With retries, which do not cure what the rival does each time.
#[router_tx(isolation = RepeatableRead, retry = 1)]
async fn overtaken(
    tx: &mut demarcate::postgres::Session,
    State(rival): State<Arc<demarcate_tests::TestDb<sqlx::Postgres>>>,
) -> Result<String, Error> {
    sqlx::query("select n from orders where id = 1")
        .execute(&mut *tx)
        .await?;
    rival
        .admin("update orders set n = n + 1 where id = 1")
        .await;
    sqlx::query("update orders set n = 1 where id = 1")
        .execute(&mut *tx)
        .await?;
    Ok("done".to_owned())
}

#[derive(Clone, FromRef)]
struct PostgresApp {
    db: demarcate::postgres::SessionFactory,
    rival: Arc<demarcate_tests::TestDb<sqlx::Postgres>>,
}

#[tokio::test]
async fn on_postgres_a_conflict_that_retries_do_not_cure_is_409_and_may_be_sent_again() {
    let db = Arc::new(demarcate_tests::postgres().await);
    db.admin(TABLES).await;
    db.admin("create table rooms (during int4range, exclude using gist (during with &&)); insert into rooms values ('[1,5)')")
        .await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let app = Router::new()
        .route("/overtaken", post(overtaken))
        .route("/execute", post(postgres::execute))
        .with_state(PostgresApp {
            db: factory.clone(),
            rival: Arc::clone(&db),
        });
    let server = serve(app).await;
    ask(server, "/overtaken", "")
        .await
        .refused("serialization-failure", 409, Some(1), db.url());
    let runs = db.admin_value::<i32>("select n from orders where id = 1");
    assert_eq!(runs.await, 3, "it was run twice");
    ask(server, "/execute", "insert into rooms values ('[2,3)')")
        .await
        .refused("exclusion-constraint", 409, None, db.url());

    // Canceled by somebody on the server, and its session ended by somebody.
    for (order, kind, status, retry_after) in [
        ("pg_cancel_backend", "canceled", 500, None),
        ("pg_terminate_backend", "connection", 503, Some(5)),
    ] {
        let sleeping = ask(server, "/execute", "select pg_sleep(20) as hunter2");
        let stop = format!(
            "select count({order}(pid)) from pg_stat_activity where query like '%hunter2' and state = 'active' \
             and datname = '{}' and pid <> pg_backend_pid()",
            db.name()
        );
        let stopping = crate::eventually("it was stopped", async || {
            db.admin_value::<i64>(&stop).await == 1
        });
        let (answer, ()) = tokio::join!(sleeping, stopping);
        answer.refused(kind, status, retry_after, db.url());
    }
    factory.close(crate::GRACE).await;
}

/// The tests of what servers do and a file does not.
macro_rules! on_every_server {
    ($name:ident, $module:ident, $identified:literal) => {
        mod $module {
            use super::*;
            use ::demarcate::$module::SessionFactory;

            #[tokio::test]
            async fn a_deadlock_is_409_and_may_be_sent_again() {
                let db = Arc::new(demarcate_tests::$name().await);
                db.admin(TABLES).await;
                let factory = SessionFactory::connect(db.url()).await.unwrap();
                let server = super::super::$name::app(&factory, &db).await;
                ask(server, "/embrace", "")
                    .await
                    .refused("deadlock", 409, Some(1), db.url());
                factory.close(crate::GRACE).await;
            }

            #[tokio::test]
            async fn what_is_not_granted_is_403_and_a_wrong_password_503() {
                let db = Arc::new(demarcate_tests::$name().await);
                db.admin(TABLES).await;
                let user = format!("u_{}", db.name());
                db.admin(&format!("create user {user} {} 'hunter2'", $identified))
                    .await;
                let grant = match db.own_url().starts_with("mysql") {
                    true => format!("grant select on {}.customers to {user}", db.name()),
                    false => format!("grant select on customers to {user}"),
                };
                db.admin(&grant).await;
                let (scheme, rest) = db.own_url().split_once("://").unwrap();
                let (_, place) = rest.split_once('@').unwrap();
                let as_user = |password| format!("{scheme}://{user}:{password}@{place}");

                let url = as_user("hunter2");
                let factory = SessionFactory::connect(&url).await.unwrap();
                let server = super::super::$name::app(&factory, &db).await;
                let answer = ask(server, "/execute", "update orders set n = 4711").await;
                answer.refused("permission", 403, None, &url);
                factory.close(crate::GRACE).await;

                let url = as_user("4711");
                let factory = SessionFactory::connect_lazy(&url).unwrap();
                let server = super::super::$name::app(&factory, &db).await;
                let answer = ask(server, "/execute", "update orders set n = 4711").await;
                answer.refused("connection", 503, Some(5), &url);
                if scheme.starts_with("postgres") {
                    db.admin(&format!("drop owned by {user}")).await;
                }
                db.admin(&format!("drop user {user}")).await;
            }

            #[tokio::test]
            async fn an_outcome_that_nobody_knows_is_500_and_not_to_be_sent_again() {
                let db = Arc::new(demarcate_tests::$name().await);
                db.admin(TABLES).await;
                let proxy = Proxy::to(&*db).await;
                let factory = SessionFactory::connect(proxy.url()).await.unwrap();
                let server = super::super::$name::app(&factory, &db).await;
                let insert = "insert into customers values (4711)";
                proxy.before_answer(Pattern::query("COMMIT"), Fault::Cut);
                let answer = ask(server, "/execute", insert).await;
                let problem = answer.refused("unknown-outcome", 500, None, proxy.url());
                assert_eq!(
                    problem.detail.as_deref(),
                    Some("it is not known whether this was saved; look before you do it again")
                );
                assert_eq!(
                    db.admin_value::<i64>("select count(*) from customers")
                        .await,
                    1
                );
                // Lost earlier nothing was saved, and that is known.
                proxy.before(Pattern::query("update orders"), Fault::Cut);
                let answer = ask(server, "/execute", "update orders set n = 4711").await;
                answer.refused("connection", 503, Some(5), proxy.url());
                factory.close(crate::GRACE).await;
            }
        }
    };
}

mod servers {
    use super::*;

    on_every_server!(postgres, postgres, "password");
    on_every_server!(mariadb, mysql, "identified by");
}

/// What an `Ok` answers with from 400 on is rolled back, wherever its status stands.
mod answers {
    use axum::Json;
    use axum::http::StatusCode;
    use axum::response::IntoResponse;
    use demarcate::postgres::{Session, SessionFactory};
    use demarcate::{Error, Problem, router_tx};

    use crate::{ITEMS, items};

    type Headers = [(&'static str, &'static str); 1];

    const HEADERS: Headers = [("x-why", "sold out")];

    async fn put(tx: &mut Session) -> Result<(), Error> {
        sqlx::query("insert into items (id) values (1)")
            .execute(&mut *tx)
            .await?;
        Ok(())
    }

    #[router_tx]
    async fn headers_first(tx: &mut Session, status: u16) -> Result<(Headers, StatusCode), Error> {
        put(tx).await?;
        Ok((HEADERS, StatusCode::from_u16(status).unwrap()))
    }

    #[router_tx]
    async fn headers_and_problem(tx: &mut Session) -> Result<(Headers, Problem), Error> {
        put(tx).await?;
        Ok((HEADERS, Problem::new(409, "Sold out")))
    }

    #[router_tx]
    async fn error_inside(tx: &mut Session) -> Result<Result<Json<i64>, StatusCode>, Error> {
        put(tx).await?;
        Ok(Err(StatusCode::CONFLICT))
    }

    #[router_tx]
    async fn status_inside(tx: &mut Session) -> Result<Result<StatusCode, &'static str>, Error> {
        put(tx).await?;
        Ok(Ok(StatusCode::CONFLICT))
    }

    #[router_tx]
    async fn own_error(tx: &mut Session) -> Result<Error, Error> {
        put(tx).await?;
        Ok(sqlx::Error::RowNotFound.into())
    }

    #[tokio::test]
    async fn an_answer_that_says_failed_keeps_nothing() {
        let db = demarcate_tests::postgres().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let answers = [
            headers_first(factory.clone(), 409).await.into_response(),
            headers_and_problem(factory.clone()).await.into_response(),
            error_inside(factory.clone()).await.into_response(),
            status_inside(factory.clone()).await.into_response(),
            own_error(factory.clone()).await.into_response(),
        ];
        let statuses = answers.map(|answer| answer.status().as_u16());
        assert_eq!(statuses, [409, 409, 409, 409, 404]);
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 0);

        let factory = SessionFactory::connect(db.url()).await.unwrap();
        headers_first(factory.clone(), 201).await.unwrap();
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 1);
    }
}
