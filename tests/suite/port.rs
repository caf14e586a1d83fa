//! An application of actix-web in the shape in which people have them: an own error, a handler in two steps, a POST that
//! may come several times, a worker, probes, a graceful stop. Over real HTTP, on PostgreSQL.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use demarcate::health::Routes;
use demarcate::postgres::{Session, SessionFactory};
use demarcate::{Error, Problem, background_job, extract, response_error, router_tx, service};

use crate::http::actix::serve;
use crate::{GRACE, eventually};

const TABLES: &str = "
    create table subscribers (email text primary key, state text not null default 'new' check (email like '%@%'));
    create table issues (id bigint primary key generated always as identity, title text not null);
    create table deliveries (issue bigint references issues, email text, due timestamptz not null default now(),
                             primary key (issue, email));
    create table idempotency (key text primary key, location text)";

/// What the handlers answer. What `Display` says is for the log.
#[derive(Debug, thiserror::Error)]
enum ApiError {
    #[error("the mail server did not take a mail to {0}")]
    Mail(String),
    #[error("the key {0} belongs to a request that left no answer")]
    NoAnswer(String),
    #[error(transparent)]
    Database(#[from] Error),
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

response_error! {
    ApiError {
        Self::Mail(_) => Problem::new(502, "Bad Gateway").with_detail("we cannot send you a mail now"),
        Self::NoAnswer(_) => Problem::new(500, "Internal Server Error"),
        Self::Database(error) => error,
    }
}

/// A mail server that notes what it was given.
#[derive(Default)]
struct Mailer(Mutex<Vec<String>>);

impl Mailer {
    async fn send(&self, to: &str, text: &str) -> Result<(), ApiError> {
        if to.contains("refused") {
            return Err(ApiError::Mail(to.to_owned()));
        }
        self.0.lock().unwrap().push(format!("{to}: {text}"));
        Ok(())
    }

    fn sent(&self, text: &str) -> usize {
        let sent = self.0.lock().unwrap();
        sent.iter().filter(|mail| mail.ends_with(text)).count()
    }
}

#[derive(serde::Deserialize)]
struct Subscriber {
    email: String,
}

#[router_tx]
async fn add_subscriber(tx: &mut Session, email: &str) -> Result<(), ApiError> {
    sqlx::query("insert into subscribers (email) values ($1)")
        .bind(email)
        .execute(&mut *tx)
        .await?;
    Ok(())
}

/// In two steps: the mail goes out after the commit, and while it does no connection is held.
async fn subscribe(
    db: SessionFactory,
    form: web::Form<Subscriber>,
    mailer: web::Data<Mailer>,
) -> Result<HttpResponse, ApiError> {
    add_subscriber(db, &form.email).await?;
    mailer.send(&form.email, "welcome").await?;
    Ok(HttpResponse::Created().finish())
}

#[derive(Clone, serde::Deserialize)]
struct Issue {
    title: String,
    key: String,
}

/// Whether this request is the first with its key. Others wait here until that one has committed.
#[service]
async fn is_first(tx: &mut Session, key: &str) -> Result<bool, sqlx::Error> {
    let insert = sqlx::query("insert into idempotency (key) values ($1) on conflict do nothing");
    Ok(insert.bind(key).execute(&mut *tx).await?.rows_affected() == 1)
}

#[service]
async fn saved_answer(tx: &mut Session, key: &str) -> Result<String, ApiError> {
    let select = sqlx::query_scalar("select location from idempotency where key = $1");
    let saved: Option<String> = select.bind(key).fetch_one(&mut *tx).await?;
    saved.ok_or_else(|| ApiError::NoAnswer(key.to_owned()))
}

#[service]
async fn add_issue(tx: &mut Session, issue: &Issue) -> Result<String, sqlx::Error> {
    let insert = sqlx::query_scalar("insert into issues (title) values ($1) returning id");
    let id: i64 = insert.bind(&issue.title).fetch_one(&mut *tx).await?;
    let deliver = "insert into deliveries (issue, email) select $1, email from subscribers";
    sqlx::query(deliver).bind(id).execute(&mut *tx).await?;
    let location = format!("/issues/{id}");
    let save = sqlx::query("update idempotency set location = $1 where key = $2");
    save.bind(&location)
        .bind(&issue.key)
        .execute(&mut *tx)
        .await?;
    Ok(location)
}

#[router_tx]
async fn publish(
    tx: &mut Session,
    web::Form(issue): web::Form<Issue>,
) -> Result<HttpResponse, ApiError> {
    let location = match is_first(tx, &issue.key).await? {
        true => add_issue(tx, &issue).await?,
        false => saved_answer(tx, &issue.key).await?,
    };
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, location))
        .finish())
}

#[router_tx(read_only)]
async fn title(tx: &mut Session, id: web::Path<i64>) -> Result<Option<String>, ApiError> {
    let select = sqlx::query_scalar("select title from issues where id = $1");
    Ok(select
        .bind(id.into_inner())
        .fetch_optional(&mut *tx)
        .await?)
}

/// Takes a delivery for a minute: if this process dies meanwhile, it is due again after that.
#[router_tx]
async fn claim(tx: &mut Session) -> Result<Option<(i64, String, String)>, ApiError> {
    let claim = sqlx::query_as(
        "update deliveries d set due = now() + interval '1 minute' from issues i
         where i.id = d.issue and (d.issue, d.email) = (select issue, email from deliveries where due <= now()
                                                        limit 1 for update skip locked)
         returning d.issue, d.email, i.title",
    );
    Ok(claim.fetch_optional(&mut *tx).await?)
}

#[router_tx(retry = 3)]
async fn delivered(tx: &mut Session, issue: i64, email: String) -> Result<(), ApiError> {
    let delete = sqlx::query("delete from deliveries where issue = $1 and email = $2");
    delete.bind(issue).bind(email).execute(&mut *tx).await?;
    Ok(())
}

/// One round, which a test can call as well. Each step is a boundary of its own, and none is open while a mail is sent.
async fn deliver_one(db: &SessionFactory, mailer: &Mailer) -> Result<bool, ApiError> {
    let Some((issue, email, title)) = claim(db.clone()).await? else {
        return Ok(false);
    };
    mailer.send(&email, &title).await?;
    delivered(db.clone(), issue, email).await?;
    Ok(true)
}

#[background_job]
async fn deliver(db: &SessionFactory, mailer: Arc<Mailer>) -> Result<(), ApiError> {
    while !db.is_closing() {
        let pause = match deliver_one(db, &mailer).await {
            Ok(true) => continue,
            Ok(false) => Duration::from_millis(50),
            Err(error) => {
                tracing::warn!(%error, "a delivery failed; it is due again later");
                Duration::from_secs(1)
            }
        };
        tokio::time::timeout(pause, db.closing()).await.ok();
    }
    Ok(())
}

async fn start(db: &SessionFactory, mailer: Arc<Mailer>) -> (SocketAddr, ServerHandle) {
    let probes = Routes::new(db.clone()).thresholds(crate::health::calm());
    let probes = probes.into_config();
    let (db, mailer) = (web::Data::new(db.clone()), web::Data::from(mailer));
    let routes = move |app: &mut web::ServiceConfig| {
        app.app_data(db.clone())
            .app_data(mailer.clone())
            .configure(extract::problems)
            .configure(probes.clone())
            .route("/subscribers", web::post().to(subscribe))
            .route("/issues", web::post().to(publish))
            .route("/issues/{id}", web::get().to(title));
    };
    serve(routes, false).await
}

/// One for all requests, which takes a new connection for each.
fn client() -> reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    let make = || {
        // An error says that there is one already.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let client = reqwest::Client::builder().pool_max_idle_per_host(0);
        let client = client.redirect(reqwest::redirect::Policy::none());
        client.build().unwrap()
    };
    CLIENT.get_or_init(make).clone()
}

async fn send(server: SocketAddr, path: &str, form: &str) -> reqwest::Response {
    let request = client().post(format!("http://{server}{path}"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    request.body(form.to_owned()).send().await.unwrap()
}

#[tokio::test]
async fn an_application_keeps_what_it_answers() {
    let database = demarcate_tests::postgres().await;
    database.admin(TABLES).await;
    let db = SessionFactory::connect(database.url()).await.unwrap();
    let mailer = Arc::new(Mailer::default());
    let (server, handle) = start(&db, Arc::clone(&mailer)).await;
    let worker = db.spawn(deliver(Arc::clone(&mailer)));

    // The mail follows the commit: there is none for what was not stored.
    assert_eq!(
        send(server, "/subscribers", "email=ann%40example.com")
            .await
            .status(),
        201
    );
    assert_eq!(mailer.sent("welcome"), 1);
    for (form, status, text) in [
        ("email=ann%40example.com", 409, "already such an entry"),
        ("email=nobody", 422, "not allowed"),
        ("name=ann", 400, "missing field `email`"),
    ] {
        let answer = send(server, "/subscribers", form).await;
        assert_eq!(answer.status(), status, "{form}");
        assert_eq!(
            answer.headers()["content-type"],
            "application/problem+json",
            "{form}"
        );
        let body = answer.text().await.unwrap();
        assert!(body.contains(text), "{body}");
        for secret in ["port.rs", "subscribers_pkey", "add_subscriber", "insert"] {
            assert!(!body.contains(secret), "`{secret}` is in {body}");
        }
    }
    // Stored, but not mailed: the client is told, and the row is there to be looked at.
    assert_eq!(
        send(server, "/subscribers", "email=refused%40example.com")
            .await
            .status(),
        502
    );
    assert_eq!(
        database
            .admin_value::<i64>("select count(*) from subscribers")
            .await,
        2
    );
    database
        .admin("delete from subscribers where email like 'refused%'")
        .await;
    assert_eq!(mailer.sent("welcome"), 1);

    // Twelve at once with one key: one is done, and all get its answer.
    let began = Instant::now();
    let posts = (0..12).map(|_| tokio::spawn(send(server, "/issues", "title=news&key=k1")));
    for post in posts.collect::<Vec<_>>() {
        let answer = post.await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["location"]),
            (303, &"/issues/1".parse().unwrap())
        );
    }
    println!(
        "twelve identical POSTs at once: 12 x 303 in {:?}",
        began.elapsed()
    );
    assert_eq!(
        database
            .admin_value::<i64>("select count(*) from issues")
            .await,
        1
    );
    eventually("the issue is delivered", async || mailer.sent("news") == 1).await;
    eventually("it is marked", async || {
        database
            .admin_value::<i64>("select count(*) from deliveries")
            .await
            == 0
    })
    .await;

    for (path, status) in [
        ("/issues/1", 200),
        ("/issues/2", 404),
        ("/readyz", 200),
        ("/livez", 200),
    ] {
        let answer = client()
            .get(format!("http://{server}{path}"))
            .send()
            .await
            .unwrap();
        let (got, body) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(got, status, "{path}: {body}");
    }

    let began = Instant::now();
    handle.stop(true).await;
    db.close(GRACE).await;
    worker.await.unwrap();
    let took = began.elapsed();
    println!("stopped in {took:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(mailer.sent("news"), 1);
}
