//! An order service in one file, axum on PostgreSQL: `DATABASE_URL=postgres://.. cargo run -p orders`, and then
//!
//! ```sh
//! curl -i localhost:3000/orders -H 'content-type: application/json' -d '{"sku":"tea"}'
//! ```
//!
//! The README shows the whole of it; a test below compares the two.

use axum::{Json, Router, http::StatusCode, routing::post};
use demarcate::postgres::{Session, SessionFactory}; // or `mysql`, or `sqlite`
use demarcate::{Error, JobError, Settings, background_job, router_tx, service};

#[derive(serde::Deserialize)]
struct NewOrder {
    sku: String,
}

/// A handler in a transaction: `Ok` commits, `Err` rolls back. axum gives it the `SessionFactory` of its state.
#[router_tx(timeout = "5s")]
async fn post_order(
    tx: &mut Session,
    Json(order): Json<NewOrder>,
) -> Result<(StatusCode, Json<i64>), Error> {
    let id = create_order(tx, &order).await?;
    tx.after_commit(ship(id)); // starts only if the commit succeeded
    Ok((StatusCode::CREATED, Json(id)))
}

/// A service: gets the open transaction, and cannot end it.
#[service]
async fn create_order(tx: &mut Session, order: &NewOrder) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("insert into orders (sku) values ($1) returning id")
        .bind(&order.sku)
        .fetch_one(&mut *tx)
        .await
}

/// A background job: runs later in this process, in a transaction of its own.
#[background_job(on_error = mark_failed)]
async fn ship(tx: &mut Session, order: i64) -> Result<(), sqlx::Error> {
    sqlx::query("update orders set state = 'shipped' where id = $1")
        .bind(order)
        .execute(&mut *tx)
        .await?;
    Ok(())
}

/// Runs in a third transaction if the job failed.
#[service]
async fn mark_failed(tx: &mut Session, error: &JobError, order: i64) -> Result<(), sqlx::Error> {
    sqlx::query("update orders set state = 'failed', reason = $1 where id = $2")
        .bind(error.to_string())
        .bind(order)
        .execute(&mut *tx)
        .await?;
    Ok(())
}

#[service]
async fn create_tables(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query(
        "create table if not exists orders (id bigint primary key generated always as identity,
         sku text not null unique, state text not null default 'new', reason text)",
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

fn routes(db: SessionFactory) -> Router {
    Router::new()
        .route("/orders", post(post_order))
        .with_state(db)
}

async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let db = SessionFactory::from_settings(&Settings::from_env()?).await?; // DATABASE_URL
    db.transaction(async |tx| create_tables(tx).await.map_err(Error::from))
        .await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, routes(db.clone()))
        .with_graceful_shutdown(async { tokio::signal::ctrl_c().await.unwrap_or_default() })
        .await?;
    db.close(std::time::Duration::from_secs(10)).await; // waits for jobs
    Ok(())
}

#[tokio::main]
async fn main() {
    tracing_subscriber::fmt().init();
    if let Err(error) = serve().await {
        eprintln!("error: {error}"); // one line, with what to do about it; `{error:?}` has more
        std::process::exit(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::http::{Request, header::CONTENT_TYPE};
    use std::time::Duration;
    use tower::ServiceExt;

    /// The status and the body of the answer to `POST /orders`.
    async fn order(routes: &Router, body: &'static str) -> (u16, String) {
        let request = Request::post("/orders")
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .unwrap();
        let answer = routes.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn an_order_is_stored_once_and_shipped() {
        let database = demarcate_tests::postgres().await;
        let db = SessionFactory::connect(database.url()).await.unwrap();
        db.transaction(async |tx| create_tables(tx).await.map_err(Error::from))
            .await
            .unwrap();
        let routes = routes(db.clone());

        assert_eq!(
            order(&routes, r#"{"sku":"tea"}"#).await,
            (201, "1".to_owned())
        );
        let (status, problem) = order(&routes, r#"{"sku":"tea"}"#).await;
        assert_eq!(status, 409, "{problem}");
        assert!(problem.contains("there is already an entry"), "{problem}");

        db.close(Duration::from_secs(10)).await; // the job has run
        let state: String = database.admin_value("select state from orders").await;
        assert_eq!(state, "shipped");
    }

    #[tokio::test]
    async fn a_job_that_fails_is_recorded() {
        let database = demarcate_tests::postgres().await;
        let db = SessionFactory::connect(database.url()).await.unwrap();
        db.transaction(async |tx| {
            create_tables(tx).await?;
            let insert = "insert into orders (sku) values ('tea')";
            sqlx::query(insert).execute(&mut *tx).await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
        let refuse = "alter table orders add check (state <> 'shipped')";
        database.admin(refuse).await;

        db.run(ship(1)).await.unwrap_err();
        let reason: String = database
            .admin_value("select state || ': ' || reason from orders")
            .await;
        assert!(
            reason.starts_with("failed: background job `ship`"),
            "{reason}"
        );
        db.close(Duration::from_secs(10)).await;
    }

    #[test]
    fn the_readme_shows_this_program() {
        let readme = include_str!("../../../README.md");
        let shown = readme
            .split("```rust,no_run\n")
            .nth(1)
            .and_then(|rest| rest.split("```").next())
            .expect("a program in the README");
        let program = include_str!("main.rs");
        assert!(
            program.contains(shown),
            "the README shows another program:\n{shown}"
        );
    }
}
