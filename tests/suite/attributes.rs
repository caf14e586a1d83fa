//! What the attributes' arguments do, on every database.

use std::sync::atomic::{AtomicU32, Ordering};

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use demarcate::{Error, HttpStatus, JobError, background_job, router_tx, service};
use demarcate_tests::on_every_database;

use crate::{ITEMS, items};

/// A router's own error.
#[derive(Debug)]
enum ApiError {
    Declined,
    Broken(Error),
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        Self::Broken(error.into())
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Declined => f.write_str("declined"),
            Self::Broken(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ApiError {}

/// A router's own answer.
enum Placed {
    Created,
    SoldOut,
}

impl HttpStatus for Placed {
    fn http_status(&self) -> u16 {
        match self {
            Self::Created => 201,
            Self::SoldOut => 409,
        }
    }
}

on_every_database! {
    #[service]
    async fn store(tx: &mut Session, id: i64) -> Result<(), sqlx::Error> {
        let insert = format!("insert into items (id) values ({id})");
        sqlx::query(sqlx::AssertSqlSafe(insert)).execute(&mut *tx).await?;
        Ok(())
    }

    #[router_tx]
    async fn status(tx: &mut Session, id: i64, status: StatusCode) -> Result<StatusCode, Error> {
        store(tx, id).await?;
        Ok(status)
    }

    #[router_tx]
    async fn tuple(tx: &mut Session, id: i64, status: StatusCode) -> Result<(StatusCode, String), Error> {
        store(tx, id).await?;
        Ok((status, id.to_string()))
    }

    #[router_tx]
    async fn response(tx: &mut Session, id: i64, status: StatusCode) -> Result<Response, Error> {
        store(tx, id).await?;
        Ok((status, "text").into_response())
    }

    #[router_tx]
    async fn opaque(tx: &mut Session, id: i64, status: StatusCode) -> Result<impl IntoResponse, Error> {
        store(tx, id).await?;
        Ok((status, [("x-id", "1")], "text"))
    }

    #[router_tx(retry = 1)]
    async fn again(tx: &mut Session, id: i64, status: StatusCode) -> Result<impl IntoResponse, Error> {
        store(tx, id).await?;
        Ok((status, "text"))
    }

    #[router_tx]
    async fn own(tx: &mut Session, id: i64, status: StatusCode) -> Result<Placed, Error> {
        store(tx, id).await?;
        Ok(if status.is_success() { Placed::Created } else { Placed::SoldOut })
    }

    /// Of this the router knows nothing, and `Ok` commits.
    #[router_tx]
    async fn generic<T: Send + Clone>(tx: &mut Session, id: i64, value: T) -> Result<T, Error> {
        store(tx, id).await?;
        Ok(value)
    }

    #[tokio::test]
    async fn an_ok_that_says_that_the_request_failed_rolls_back() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        let mut expected = 0;
        for (n, (code, is_kept)) in [(200, true), (204, true), (302, true), (399, true), (400, false), (409, false), (503, false)]
            .into_iter()
            .enumerate()
        {
            let code = StatusCode::from_u16(code).unwrap();
            let id = 10 * i64::try_from(n).unwrap();
            assert_eq!(status(factory.clone(), id, code).await.unwrap(), code);
            assert_eq!(tuple(factory.clone(), id + 1, code).await.unwrap().0, code);
            assert_eq!(response(factory.clone(), id + 2, code).await.unwrap().status(), code);
            assert_eq!(opaque(factory.clone(), id + 3, code).await.unwrap().into_response().status(), code);
            assert_eq!(again(factory.clone(), id + 4, code).await.unwrap().into_response().status(), code);
            expected += if is_kept { 5 } else { 0 };
            factory.transaction(async |tx| { sqlx::query("select 1").execute(&mut *tx).await?; Ok::<_, Error>(()) }).await.unwrap();
            assert_eq!(items(&db).await, expected, "{code}");
        }
        own(factory.clone(), 1000, StatusCode::OK).await.unwrap();
        own(factory.clone(), 1001, StatusCode::CONFLICT).await.unwrap();
        generic(factory.clone(), 1002, StatusCode::CONFLICT).await.unwrap();
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, expected + 2);
    }

    #[router_tx(no_rollback_for = ApiError::Declined)]
    async fn pay(tx: &mut Session, id: i64, declined: bool) -> Result<(), ApiError> {
        store(tx, id).await?;
        if declined { Err(ApiError::Declined) } else { Err(ApiError::Broken(sqlx::Error::RowNotFound.into())) }
    }

    #[background_job(no_rollback_for = ApiError::Declined)]
    async fn pay_later(tx: &mut Session, id: i64, declined: bool) -> Result<(), ApiError> {
        store(tx, id).await?;
        if declined { Err(ApiError::Declined) } else { Err(ApiError::Broken(sqlx::Error::RowNotFound.into())) }
    }

    #[tokio::test]
    async fn an_error_of_no_rollback_for_commits() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        assert!(matches!(pay(factory.clone(), 1, true).await, Err(ApiError::Declined)));
        assert!(matches!(pay(factory.clone(), 2, false).await, Err(ApiError::Broken(_))));
        assert!(matches!(factory.run(pay_later(3, true)).await, Err(JobError::Failed { .. })));
        assert!(matches!(factory.run(pay_later(4, false)).await, Err(JobError::Failed { .. })));
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 2);
        assert_eq!(db.admin_value::<i64>("select count(*) from items where id in (1, 3)").await, 2);
    }

    #[service(requires(isolation = Serializable))]
    async fn needs_serializable(tx: &mut Session, id: i64) -> Result<(), sqlx::Error> {
        store(tx, id).await
    }

    #[service(requires(read_write))]
    async fn needs_to_write(tx: &mut Session) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("select count(*) from items").fetch_one(&mut *tx).await
    }

    #[router_tx(isolation = Serializable)]
    async fn gives_enough(tx: &mut Session, id: i64) -> Result<i64, Error> {
        needs_serializable(tx, id).await?;
        Ok(needs_to_write(tx).await?)
    }

    #[router_tx]
    async fn gives_the_default(tx: &mut Session, id: i64) -> Result<(), Error> {
        Ok(needs_serializable(tx, id).await?)
    }

    #[router_tx(read_only)]
    async fn gives_no_writing(tx: &mut Session) -> Result<i64, Error> {
        Ok(needs_to_write(tx).await?)
    }

    /// And one that swallows the refusal.
    #[router_tx(read_only, allow(error_swallowed, reason = "what the boundary makes of it"))]
    async fn swallows(tx: &mut Session) -> Result<i64, Error> {
        match needs_to_write(tx).await {
            Ok(count) => Ok(count),
            Err(_) => Ok(0),
        }
    }

    #[tokio::test]
    async fn a_service_is_given_what_it_requires_or_refused_by_name() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        assert_eq!(gives_enough(factory.clone(), 1).await.unwrap(), 1);
        let with_the_default = gives_the_default(factory.clone(), 2).await;
        if <Database as sqlx::Database>::NAME == "SQLite" {
            // Every transaction of SQLite is serializable.
            with_the_default.unwrap();
        } else {
            let refused = with_the_default.unwrap_err();
            assert!(matches!(&refused, Error::RequirementNotMet { service, .. } if service.name() == "needs_serializable"), "{refused:?}");
            let message = refused.to_string();
            for part in ["router `gives_the_default`", "service `needs_serializable`", "isolation = Serializable"] {
                assert!(message.contains(part), "{message}");
            }
        }
        for refused in [gives_no_writing(factory.clone()).await, swallows(factory.clone()).await] {
            let refused = refused.unwrap_err();
            assert!(matches!(&refused, Error::RequirementNotMet { service, .. } if service.name() == "needs_to_write"), "{refused:?}");
            assert!(refused.to_string().contains("leave `read_only` out"), "{refused}");
        }
    }
}

/// A conflict on PostgreSQL that comes when the test wants.
const CONFLICT: &str = "do $$ begin raise exception 'made' using errcode = '40001'; end $$";

static RUNS: AtomicU32 = AtomicU32::new(0);

#[router_tx(retry = 3, isolation = Serializable)]
async fn conflicts_twice(
    tx: &mut demarcate::postgres::Session,
    name: String,
) -> Result<String, Error> {
    if RUNS.fetch_add(1, Ordering::SeqCst) < 2 {
        // Each run has its own.
        drop(name);
        sqlx::raw_sql(CONFLICT).execute(&mut *tx).await?;
        return Ok(String::new());
    }
    Ok(name)
}

static JOB_RUNS: AtomicU32 = AtomicU32::new(0);

#[background_job(retry = 3)]
async fn conflicts_once(
    tx: &mut demarcate::postgres::Session,
    name: String,
) -> Result<String, sqlx::Error> {
    if JOB_RUNS.fetch_add(1, Ordering::SeqCst) == 0 {
        drop(name);
        sqlx::raw_sql(CONFLICT).execute(&mut *tx).await?;
        return Ok(String::new());
    }
    Ok(name)
}

#[tokio::test]
async fn a_router_and_a_job_are_run_again_with_their_arguments() {
    let db = demarcate_tests::postgres().await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    assert_eq!(
        conflicts_twice(factory.clone(), "mine".to_owned())
            .await
            .unwrap(),
        "mine"
    );
    assert_eq!(RUNS.load(Ordering::SeqCst), 3);
    assert_eq!(
        factory
            .run(conflicts_once("ours".to_owned()))
            .await
            .unwrap(),
        "ours"
    );
    assert_eq!(JOB_RUNS.load(Ordering::SeqCst), 2);
}
