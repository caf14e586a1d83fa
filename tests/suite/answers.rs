//! Failures of the application's own, from the program and from the database, and answers that are not kept.

use actix_web::{HttpResponse, Responder, ResponseError, test::TestRequest};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use demarcate::classify::{Category, Constraint};
use demarcate::{BoundaryStats, Error, Problem, RolledBack, router_tx, service};
use demarcate_tests::on_every_database;
use sqlx::AssertSqlSafe;

use crate::echo::Log;
use crate::{ITEMS, eventually, items};

fn stats_of(stats: &[(demarcate::Site, BoundaryStats)], name: &str) -> BoundaryStats {
    let found = stats.iter().find(|(site, _)| site.name() == name);
    found.map(|(_, stats)| stats.clone()).unwrap_or_default()
}

on_every_database! {
    #[service]
    async fn store(tx: &mut Session, id: i64) -> Result<(), sqlx::Error> {
        let insert = format!("insert into items (id) values ({id})");
        sqlx::query(AssertSqlSafe(insert)).execute(&mut *tx).await?;
        Ok(())
    }

    #[service]
    async fn reserve(tx: &mut Session, status: u16) -> Result<(), Error> {
        store(tx, 1).await?;
        Err(Error::application(status, "the article is sold out"))
    }

    /// The error crosses a service whose error is sqlx's.
    #[service]
    async fn reserve_across(tx: &mut Session, status: u16) -> Result<(), sqlx::Error> {
        reserve(tx, status).await?;
        Ok(())
    }

    #[router_tx]
    async fn post_order(tx: &mut Session, status: u16) -> Result<(), Error> {
        reserve_across(tx, status).await?;
        Ok(())
    }

    #[router_tx]
    async fn post_problem(tx: &mut Session) -> Result<(), Error> {
        store(tx, 1).await?;
        let mut problem = Problem::new(409, "Sold out").with_detail("there is no tea left");
        problem.type_uri = "urn:shop:sold-out".into();
        Err(problem.into_error())
    }

    #[tokio::test]
    async fn a_service_has_failures_of_its_own_with_their_status() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let failed = post_order(factory.clone(), 409).await.unwrap_err();
        assert!(matches!(failed, Error::Application { status: 409, .. }), "{failed:?}");
        let text = failed.to_string();
        assert!(text.starts_with("router `post_order` (") && text.ends_with(": the article is sold out"), "{text}");
        assert_eq!(failed.place().service().unwrap().name(), "reserve");
        assert_eq!(failed.classification().category, Category::Application);
        assert!(!failed.classification().retryable);
        let problem = failed.problem();
        assert_eq!(problem.to_string(), "409 Refused: the article is sold out");
        assert_eq!(problem.transaction, failed.place().transaction().map(|id| id.to_string()));
        assert_eq!(StatusCode::from(&failed), StatusCode::CONFLICT);
        assert_eq!(ResponseError::status_code(&failed).as_u16(), 409);
        assert_eq!(failed.error_response().status().as_u16(), 409);
        assert_eq!(failed.into_response().status(), StatusCode::CONFLICT);

        // What is the program's fault is for the log.
        let failed = post_order(factory.clone(), 500).await.unwrap_err();
        assert_eq!(failed.problem().to_string(), "500 Internal error: something went wrong on our side");

        let failed = post_problem(factory.clone()).await.unwrap_err();
        let problem = failed.problem();
        assert_eq!((&*problem.type_uri, problem.to_string().as_str()), ("urn:shop:sold-out", "409 Sold out: there is no tea left"));
        assert!(problem.transaction.is_some());

        eventually("all are rolled back", async || stats_of(&factory.stats(), "post_order").rolled_back == 2).await;
        let stats = stats_of(&factory.stats(), "post_order");
        assert_eq!((stats.committed, stats.last_error), (0, None));
        assert_eq!(items(&db).await, 0);
    }

    #[router_tx]
    async fn preview(tx: &mut Session) -> Result<RolledBack<&'static str>, Error> {
        store(tx, 1).await?;
        Ok(RolledBack("two items"))
    }

    #[router_tx]
    async fn preview_with_a_status(tx: &mut Session) -> Result<Result<StatusCode, RolledBack<StatusCode>>, Error> {
        store(tx, 1).await?;
        Ok(Err(RolledBack(StatusCode::OK)))
    }

    /// Keeps what is right, and shows the form again where something is wrong.
    #[router_tx]
    async fn post_form(tx: &mut Session, id: i64, is_right: bool) -> Result<Response, Error> {
        store(tx, id).await?;
        Ok(if is_right {
            "kept".into_response()
        } else {
            RolledBack("the form, with its mistakes").into_response()
        })
    }

    #[router_tx]
    async fn post_form_of_actix(tx: &mut Session, id: i64, is_right: bool) -> Result<HttpResponse, Error> {
        store(tx, id).await?;
        let response = HttpResponse::Ok().finish();
        Ok(if is_right { response } else { RolledBack(response).into() })
    }

    #[tokio::test]
    async fn an_answer_that_is_not_kept_has_its_status_and_no_line() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let (log, _logging) = Log::start();
        let answered = preview(factory.clone()).await.unwrap();
        assert_eq!(answered.0, "two items");
        assert_eq!(answered.into_response().status(), StatusCode::OK);
        let request = TestRequest::default().to_http_request();
        assert_eq!(RolledBack("as it is").respond_to(&request).status().as_u16(), 200);
        let not_kept = preview_with_a_status(factory.clone()).await.unwrap().unwrap_err();
        assert_eq!(not_kept, RolledBack(StatusCode::OK));
        for is_right in [false, true] {
            let answer = post_form(factory.clone(), 10, is_right).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            let answer = post_form_of_actix(factory.clone(), 20, is_right).await.unwrap();
            assert_eq!(answer.status().as_u16(), 200);
        }
        eventually("the others are rolled back", async || {
            factory.stats().iter().map(|(_, stats)| stats.rolled_back).sum::<u64>() == 4
        })
        .await;
        assert_eq!(items(&db).await, 2);
        for (_, stats) in factory.stats() {
            assert_eq!(stats.last_error, None);
        }
        let log = log.take("");
        assert!(!log.iter().any(|line| line.trim_start().starts_with("ERROR") || line.trim_start().starts_with("WARN")), "{log:#?}");
    }

    #[router_tx]
    async fn audited(tx: &mut Session) -> Result<String, Error> {
        let transaction = tx.transaction_id().to_string();
        tx.rollback_only("to see the number in an error");
        Err(Error::application(422, transaction))
    }

    #[tokio::test]
    async fn the_number_of_the_transaction_is_on_the_session() {
        let db = test_db().await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let failed = audited(factory.clone()).await.unwrap_err();
        let Error::Application { message, .. } = &failed else { panic!("{failed:?}") };
        assert_eq!(**message, failed.place().transaction().unwrap().to_string());
    }
}

#[tokio::test]
async fn on_postgres_what_a_function_raises_is_found_by_its_code_and_by_its_constraint() {
    demarcate::messages! {
        "SH001" => (409, "the article is sold out"),
        "SH002" => "the article is not for sale",
        "shelf_is_full" => (409, "the shelf is full"),
    }
    let db = demarcate_tests::postgres().await;
    db.admin(
        "create function refuse(code text, name text) returns int language plpgsql as \
         $$ begin raise exception 'no' using errcode = code, constraint = name; end $$",
    )
    .await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let rule = Category::Constraint(Constraint::Other);
    for (code, name, category, status, message) in [
        ("SH001", "", rule, 409, "the article is sold out"),
        ("SH002", "", rule, 422, "the article is not for sale"),
        // The constraint is more than the code.
        ("SH001", "shelf_is_full", rule, 409, "the shelf is full"),
        (
            "P0001",
            "shelf_is_full",
            Category::Data,
            409,
            "the shelf is full",
        ),
        ("P0001", "", Category::Data, 422, "a value cannot be stored"),
        (
            "SH003",
            "",
            Category::Unknown,
            500,
            "something went wrong on our side",
        ),
    ] {
        let failed = factory.transaction(async |tx: &mut demarcate::postgres::Session| {
            let raise = sqlx::query("select refuse($1, $2)").bind(code).bind(name);
            raise.execute(&mut *tx).await?;
            Ok::<_, Error>(())
        });
        is_answered(&failed.await.unwrap_err(), category, status, message);
        // A body that swallowed it.
        let aborted = factory.transaction(async |tx: &mut demarcate::postgres::Session| {
            let raise = sqlx::query("select refuse($1, $2)").bind(code).bind(name);
            raise.execute(&mut *tx).await.ok();
            Ok::<_, Error>(())
        });
        is_answered(&aborted.await.unwrap_err(), category, status, message);
    }
}

#[tokio::test]
async fn on_mariadb_what_a_trigger_signals_is_found_by_its_state_and_by_its_number() {
    demarcate::messages! {
        "45001" => (409, "the shelf is empty"),
        "50001" => (410, "the shelf is gone"),
    }
    let db = demarcate_tests::mariadb().await;
    for (table, signal) in [
        (
            "by_state",
            "signal sqlstate '45001' set message_text = 'no'",
        ),
        (
            "by_number",
            "signal sqlstate '45001' set message_text = 'no', mysql_errno = 50001",
        ),
        (
            "unknown",
            "signal sqlstate '45009' set message_text = 'no', mysql_errno = 50009",
        ),
    ] {
        db.admin(&format!("create table {table} (id int)")).await;
        db.admin(&format!(
            "create trigger refuse_{table} before insert on {table} for each row {signal}"
        ))
        .await;
    }
    let factory = demarcate::mysql::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let rule = Category::Constraint(Constraint::Other);
    for (table, category, status, message) in [
        ("by_state", Category::Data, 409, "the shelf is empty"),
        ("by_number", rule, 410, "the shelf is gone"),
        (
            "unknown",
            Category::Unknown,
            500,
            "something went wrong on our side",
        ),
    ] {
        for swallowed in [false, true] {
            let failed = factory.transaction(async |tx: &mut demarcate::mysql::Session| {
                let insert = format!("insert into {table} values (1)");
                let inserted = sqlx::query(AssertSqlSafe(insert)).execute(&mut *tx).await;
                match swallowed {
                    true => Ok::<_, Error>(()),
                    false => Ok(inserted.map(|_| ())?),
                }
            });
            is_answered(&failed.await.unwrap_err(), category, status, message);
        }
    }
}

#[track_caller]
fn is_answered(error: &Error, category: Category, status: u16, message: &str) {
    let found = error.classification();
    assert_eq!(
        (found.category, &*found.user_message()),
        (category, message),
        "{error}"
    );
    let problem = error.problem();
    assert_eq!(
        (problem.status, problem.detail.as_deref()),
        (status, Some(message)),
        "{error}"
    );
    assert_eq!(StatusCode::from(error).as_u16(), status, "{error}");
}
