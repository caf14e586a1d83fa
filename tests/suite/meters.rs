//! What the `metrics` facade is told.

use std::time::Duration;

use demarcate::{Error, Retry, TxOptions};
use demarcate_tests::on_every_database;
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::ITEMS;

on_every_database! {
    #[tokio::test]
    async fn boundaries_and_pools_are_counted_for_prometheus() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let recorder = PrometheusBuilder::new().build_recorder();
        let _recording = metrics::set_default_local_recorder(&recorder);
        let factory = SessionFactory::builder().url(db.url()).max_connections(3).connect().await.unwrap();
        let options = || TxOptions::new().name("post_order");
        for id in [1, 2, 2] {
            let stored = factory.transaction_with(options(), async |tx: &mut Session| {
                let insert = format!("insert into items (id) values ({id})");
                sqlx::query(sqlx::AssertSqlSafe(insert)).execute(&mut *tx).await?;
                let items = sqlx::query("select id from items").fetch_all(&mut *tx).await?;
                Ok::<_, Error>(items.len())
            });
            stored.await.ok();
        }
        let refused = factory.transaction_with(options(), async |_: &mut Session| Err::<(), Error>(sqlx::Error::RowNotFound.into()));
        refused.await.unwrap_err();
        crate::eventually("the connection comes back", async || factory.pool_status().holders.is_empty()).await;

        factory.record_pool_metrics();
        let page = recorder.handle().render();
        println!("{page}");
        let title = match db.url().split(':').next() {
            Some("postgres") => "PostgreSQL",
            Some("mysql") => "MySQL",
            _ => "SQLite",
        };
        for line in [
            r#"demarcate_transactions_total{boundary="post_order",kind="transaction",outcome="committed"} 2"#,
            r#"demarcate_transactions_total{boundary="post_order",kind="transaction",outcome="rolled_back"} 2"#,
            r#"demarcate_rollbacks_total{boundary="post_order",category="unique constraint"} 1"#,
            r#"demarcate_rollbacks_total{boundary="post_order",category="body"} 1"#,
            r#"demarcate_statements_total{boundary="post_order"} 5"#,
            r#"demarcate_rows_total{boundary="post_order"} 3"#,
            r#"demarcate_transaction_duration_seconds_count{boundary="post_order",outcome="committed"} 2"#,
            r#"demarcate_connection_hold_seconds_count{boundary="post_order"} 3"#,
            r#"demarcate_connection_wait_seconds_count{boundary="post_order"} 4"#,
            &format!(r#"demarcate_pool_max_connections{{pool="{title}"}} 3"#),
            &format!(r#"demarcate_pool_connections{{pool="{title}",state="idle"}} 1"#),
            &format!(r#"demarcate_pool_connections{{pool="{title}",state="used"}} 0"#),
            &format!(r#"demarcate_pool_waiting{{pool="{title}"}} 0"#),
            "# HELP demarcate_transactions_total Runs of boundaries, by how they ended",
        ] {
            assert!(page.lines().any(|found| found == line), "not there: {line}\n{page}");
        }
        factory.close(crate::GRACE).await;
    }
}

#[tokio::test]
async fn two_factories_are_two_pools() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _recording = metrics::set_default_local_recorder(&recorder);
    for (name, size) in [("orders", 3), ("reports", 7)] {
        let builder = demarcate::sqlite::SessionFactory::builder().url("sqlite://never.db");
        let factory = builder.max_connections(size).pool_name(name).connect_lazy();
        factory.unwrap().record_pool_metrics();
    }
    let page = recorder.handle().render();
    for line in [
        r#"demarcate_pool_max_connections{pool="orders"} 3"#,
        r#"demarcate_pool_max_connections{pool="reports"} 7"#,
    ] {
        assert!(page.contains(line), "not there: {line}\n{page}");
    }
}

#[tokio::test]
async fn retries_and_unknown_outcomes_are_counted() {
    let db = demarcate_tests::postgres().await;
    db.admin(
        "create function conflict() returns int language plpgsql as \
         $$ begin raise exception 'again' using errcode = '40001'; end $$",
    )
    .await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let retry = Retry::times(2).first_delay(Duration::ZERO);
    let failed = factory.transaction_with(
        TxOptions::new().retry(retry).name("collide"),
        async |tx: &mut demarcate::postgres::Session| {
            sqlx::query("select conflict()").execute(&mut *tx).await?;
            Ok::<_, Error>(())
        },
    );
    failed.await.unwrap_err();
    let page = recorder.handle().render();
    for line in [
        r#"demarcate_retries_total{boundary="collide"} 2"#,
        r#"demarcate_rollbacks_total{boundary="collide",category="serialization failure"} 3"#,
    ] {
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    }
    factory.close(crate::GRACE).await;
}
