//! Error types that are not ours, and what axum refuses before the handler runs, over real HTTP.

use std::net::SocketAddr;

use axum::extract::{FromRequest, Path as AxumPath};
use axum::http::StatusCode;
use axum::response::{ErrorResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use demarcate::postgres::{Session, SessionFactory};
use demarcate::{Error, Problem, extract, router_tx, service};
use demarcate_tests::proxy::{Fault, Pattern, Proxy};

use super::{Answer, SECRETS, serve};
use crate::echo::Log;
use crate::{GRACE, ITEMS, items};

/// A service that such routers call returns our error, since `?` cannot make theirs of one of sqlx's.
#[service]
async fn insert(tx: &mut Session, id: i64) -> Result<Json<i64>, Error> {
    sqlx::query("insert into items (id) values ($1)")
        .bind(id)
        .execute(&mut *tx)
        .await?;
    Ok(Json(id))
}

/// What a client of the application is told.
#[derive(serde::Serialize)]
struct Told {
    code: u16,
    text: Option<String>,
}

impl From<Problem> for Told {
    fn from(problem: Problem) -> Self {
        Self {
            code: problem.status,
            text: problem.detail.map(Into::into),
        }
    }
}

macro_rules! routers {
    ($($name:ident: $error:ty;)*) => {
        $(
            #[allow(clippy::needless_question_mark, reason = "one of the errors is ours")]
            #[router_tx]
            async fn $name(tx: &mut Session, AxumPath(id): AxumPath<i64>) -> Result<Json<i64>, $error> {
                Ok(insert(tx, id).await?)
            }
        )*

        /// A route of each, by its name.
        fn app(db: SessionFactory) -> Router {
            Router::new()
                $(.route(concat!("/", stringify!($name), "/{id}"), post($name)))*
                .with_state(db)
        }

        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

routers! {
    status: StatusCode;
    text: (StatusCode, String);
    title: (StatusCode, &'static str);
    told: (StatusCode, Json<Told>);
    json: (StatusCode, Json<serde_json::Value>);
    document: (StatusCode, Json<Problem>);
    problem: Problem;
    response: Response;
    boxed: ErrorResponse;
    ours: Error;
}

async fn send(server: SocketAddr, path: &str) -> Answer {
    super::ask(server, path, "").await
}

/// Returns the body, in which no secret is.
#[track_caller]
fn safe(name: &str, answer: &Answer) -> String {
    let body = answer.body.clone();
    for secret in SECRETS.iter().chain(&["items_pkey", "own.rs"]) {
        assert!(!body.contains(secret), "`{secret}` is in {name}: {body}");
    }
    body
}

#[tokio::test]
async fn an_error_type_of_axum_holds_what_the_boundary_fails_with() {
    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    let proxy = Proxy::to(&db).await;
    let factory = SessionFactory::connect(proxy.url()).await.unwrap();
    let server = serve(app(factory.clone())).await;
    let (log, _logging) = Log::start();
    for (i, name) in NAMES.iter().enumerate() {
        let path = format!("/{name}/{i}");
        let stored = send(server, &path).await;
        assert_eq!((stored.status, &*stored.body), (200, &*i.to_string()));
        assert_eq!(log.take("demarcate::problem"), [""; 0], "{name}");
        assert_eq!(items(&db).await, i as i64 + 1);

        let again = send(server, &path).await;
        assert_eq!(again.status, 409, "{name}: {}", again.body);
        let body = safe(name, &again);
        let sentence = "there is already such an entry in items";
        match *name {
            "status" => assert_eq!(body, ""),
            "text" => assert_eq!(body, sentence),
            "title" => assert_eq!(body, "Already exists"),
            "told" => assert_eq!(body, format!(r#"{{"code":409,"text":"{sentence}"}}"#)),
            _ => assert!(body.contains(sentence), "{name}: {body}"),
        }
        let lines = log.take("demarcate::problem");
        let [line] = &lines[..] else {
            panic!("{name} is logged as {lines:#?}")
        };
        assert!(line.contains("items_pkey"), "{line}");
    }

    // The body said `Ok`; what comes of it nobody knows.
    for name in NAMES {
        proxy.before_answer(Pattern::query("COMMIT"), Fault::Cut);
        let answer = send(server, &format!("/{name}/4711")).await;
        assert_eq!(answer.status, 500, "{name}: {}", answer.body);
        safe(name, &answer);
        if *name == "text" {
            assert_eq!(
                answer.body,
                "it is not known whether this was saved; look before you do it again"
            );
        }
        db.admin("delete from items where id = 4711").await;
    }
    factory.close(GRACE).await;
    for name in NAMES {
        let answer = send(server, &format!("/{name}/99")).await;
        assert_eq!(answer.status, 503, "{name}: {}", answer.body);
        safe(name, &answer);
    }
}

#[derive(Clone, serde::Deserialize)]
struct Order {
    sku: String,
}

#[router_tx(retry = 1)]
async fn by_json(
    tx: &mut Session,
    extract::Json(order): extract::Json<Order>,
) -> Result<extract::Json<String>, Error> {
    let _boundary = tx.boundary();
    Ok(extract::Json(order.sku))
}

#[router_tx]
async fn by_form(tx: &mut Session, order: extract::Form<Order>) -> Result<String, Error> {
    let _boundary = tx.boundary();
    Ok(order.sku.clone())
}

#[router_tx]
async fn by_path(tx: &mut Session, extract::Path(id): extract::Path<i64>) -> Result<String, Error> {
    let _boundary = tx.boundary();
    Ok(id.to_string())
}

#[router_tx]
async fn by_query(
    tx: &mut Session,
    extract::Query(order): extract::Query<Order>,
) -> Result<String, Error> {
    let _boundary = tx.boundary();
    Ok(order.sku)
}

/// An extractor of the application's own, whose rejection is a problem.
#[derive(FromRequest)]
#[from_request(via(Json), rejection(Problem))]
struct Own<T>(T);

async fn by_own(Own(order): Own<Order>) -> String {
    order.sku
}

#[tokio::test]
async fn what_axum_refuses_is_a_problem() {
    let factory = SessionFactory::connect_lazy("postgres://nobody@localhost:1/nowhere").unwrap();
    let app = Router::new()
        .route("/json", post(by_json))
        .route("/own", post(by_own))
        .route("/form", post(by_form))
        .route("/path/{id}", get(by_path))
        .route("/query", get(by_query))
        .with_state(factory);
    let server = serve(app).await;
    let client = super::client();
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
            422,
            "sku: invalid type",
        ),
        (
            "POST",
            "/own",
            "application/json",
            r#"{"sku":1}"#,
            422,
            "sku: invalid type",
        ),
        (
            "POST",
            "/json",
            "application/json",
            "tea",
            400,
            "Failed to parse",
        ),
        (
            "POST",
            "/json",
            "text/plain",
            r#"{"sku":"tea"}"#,
            415,
            "Content-Type",
        ),
        (
            "POST",
            "/form",
            "application/x-www-form-urlencoded",
            "sku=tea",
            200,
            "",
        ),
        (
            "POST",
            "/form",
            "application/x-www-form-urlencoded",
            "n=1",
            422,
            "missing field `sku`",
        ),
        ("GET", "/path/1", "", "", 200, ""),
        ("GET", "/path/one", "", "", 400, "Cannot parse"),
        ("GET", "/query?sku=tea", "", "", 200, ""),
        ("GET", "/query", "", "", 400, "missing field `sku`"),
    ] {
        let url = format!("http://{server}{path}");
        let mut request = client.request(method.parse().unwrap(), url);
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
        assert_eq!(
            (problem.status, &*problem.type_uri),
            (status, "about:blank")
        );
        let said = problem.detail.unwrap_or_default();
        assert!(said.contains(detail), "`{detail}` is not in {said}");
    }
}
