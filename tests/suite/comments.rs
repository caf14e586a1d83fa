//! The comment on a statement by which the server knows who sent it.

use demarcate::{Error, SqlComments, TxOptions, service};
use demarcate_tests::on_every_database;
use sqlx::Row;

on_every_database! {
    #[service]
    async fn ask(tx: &mut Session, sql: &'static str) -> Result<Option<String>, sqlx::Error> {
        sqlx::query(sql).fetch_one(&mut *tx).await?.try_get(0)
    }

    #[tokio::test]
    async fn the_server_sees_who_sent_a_statement() {
        let db = test_db().await;
        let comments = SqlComments::new().application("it's a shop/*");
        let factory = SessionFactory::builder().url(db.url()).sql_comments(comments).connect().await.unwrap();
        let options = || TxOptions::new().name("post_order");
        for _ in 0..2 {
            let (seen, untouched) = factory
                .transaction_with(options(), async |tx: &mut Session| {
                    let seen = ask(tx, sees(db.url())).await?;
                    // A text with a comment stays as it is.
                    let untouched = ask(tx, "select 'kept' /* mine */").await?;
                    Ok::<_, Error>((seen, untouched))
                })
                .await
                .unwrap();
            assert_eq!(untouched.as_deref(), Some("kept"));
            let comment = " /*application='it%27s%20a%20shop%2F%2A',boundary='post_order',service='ask'*/";
            match db.url().starts_with("sqlite") {
                // It has no view of what runs.
                true => assert_eq!(seen.as_deref(), Some("1")),
                false => assert!(seen.as_deref().unwrap().ends_with(comment), "{seen:?}"),
            }
        }
        let (_, stats) = &factory.stats()[0];
        assert_eq!(stats.statements, 4);
        factory.close(crate::GRACE).await;
    }

    /// It is another text each time, which must not fill the server's session with names.
    #[tokio::test]
    async fn a_trace_is_named_and_the_statement_is_not() {
        let db = test_db().await;
        let comments = SqlComments::new().traceparent(|| Some(format!("00-{:032x}-0000000000000001-01", random())));
        let builder = SessionFactory::builder().url(db.url()).max_connections(1);
        let factory = builder.sql_comments(comments).connect().await.unwrap();
        for _ in 0..20 {
            let seen = factory.transaction(async |tx: &mut Session| ask(tx, sees(db.url())).await).await.unwrap();
            if !db.url().starts_with("sqlite") {
                assert!(seen.unwrap().contains(",traceparent='00-"));
            }
        }
        if db.url().starts_with("postgres") {
            let kept = factory
                .transaction(async |tx: &mut Session| {
                    ask(tx, "select count(*)::text from pg_prepared_statements where statement like '%traceparent%'").await
                })
                .await
                .unwrap();
            assert_eq!(kept.as_deref(), Some("0"));
        }
        factory.close(crate::GRACE).await;
    }
}

/// What shows the statement itself.
fn sees(url: &str) -> &'static str {
    if url.starts_with("postgres") {
        "select query from pg_stat_activity where pid = pg_backend_pid()"
    } else if url.starts_with("mysql") {
        "select convert(info using utf8mb4) from information_schema.processlist where id = connection_id()"
    } else {
        "select cast(1 as text)"
    }
}

fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

#[tokio::test]
async fn connections_have_the_programs_name() {
    let db = demarcate_tests::postgres().await;
    let builder = demarcate::postgres::SessionFactory::builder().url(db.url());
    let factory = builder.application_name("shop").connect().await.unwrap();
    let name: String = factory
        .transaction(async |tx: &mut demarcate::postgres::Session| {
            sqlx::query_scalar("select current_setting('application_name')")
                .fetch_one(&mut *tx)
                .await
        })
        .await
        .unwrap();
    assert_eq!(name, "shop");
    factory.close(crate::GRACE).await;

    let builder = demarcate::sqlite::SessionFactory::builder().url("sqlite::memory:");
    let error = builder.application_name("shop").connect_lazy().unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
}
