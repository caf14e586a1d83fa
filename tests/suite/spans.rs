//! What a listener of `tracing` hears of a boundary, its services and its statements.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use demarcate::{Error, TxOptions, router_tx, service};
use demarcate_tests::on_every_database;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Subscriber, subscriber::DefaultGuard};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::ITEMS;

/// The spans of this crate, in the order in which they began.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Span>>>);

#[derive(Clone, Debug)]
struct Span {
    id: u64,
    parent: Option<u64>,
    name: &'static str,
    fields: BTreeMap<&'static str, String>,
    closed: bool,
}

impl Heard {
    fn start() -> (Self, DefaultGuard) {
        let heard = Self::default();
        let subscriber = tracing_subscriber::registry().with(heard.clone());
        (heard, crate::listen(subscriber))
    }

    fn take(&self) -> Vec<Span> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    fn all_are_closed(&self) -> bool {
        self.0.lock().unwrap().iter().all(|span| span.closed)
    }

    fn with(&self, id: &Id, change: impl FnOnce(&mut Span)) {
        let mut spans = self.0.lock().unwrap();
        // Numbers are used again once a span is closed.
        if let Some(span) = spans.iter_mut().rev().find(|span| span.id == id.into_u64()) {
            change(span);
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Heard {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().target() != "demarcate" {
            return;
        }
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let parent = context
            .span(id)
            .and_then(|span| Some(span.parent()?.id().into_u64()));
        self.0.lock().unwrap().push(Span {
            id: id.into_u64(),
            parent,
            name: attributes.metadata().name(),
            fields: fields.0,
            closed: false,
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        self.with(id, |span| span.fields.extend(fields.0));
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.with(&id, |span| span.closed = true);
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

on_every_database! {
    #[service]
    async fn store(tx: &mut Session, id: i64) -> Result<(), sqlx::Error> {
        let insert = format!("insert into items (id, name) values ({id}, 'hunter2')");
        sqlx::query(sqlx::AssertSqlSafe(insert)).execute(&mut *tx).await?;
        Ok(())
    }

    #[service]
    async fn count(tx: &mut Session) -> Result<usize, sqlx::Error> {
        store(tx, 2).await?;
        Ok(sqlx::query("select id from items").fetch_all(&mut *tx).await?.len())
    }

    #[router_tx(isolation = Serializable)]
    async fn post_order(tx: &mut Session) -> Result<usize, Error> {
        store(tx, 1).await?;
        let count = count(tx).await?;
        sqlx::query("select 1").execute(&mut *tx).await?;
        Ok(count)
    }

    #[tokio::test]
    async fn a_boundary_its_services_and_its_statements_are_a_tree() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let (heard, _hearing) = Heard::start();
        post_order(factory.clone()).await.unwrap();
        // The thread of a connection of SQLite lets go of a span a moment after it has answered.
        crate::eventually("all spans are closed", async || heard.all_are_closed()).await;
        let spans = heard.take();
        let shape: Vec<_> = spans
            .iter()
            .map(|span| {
                let parent = spans.iter().find(|parent| Some(parent.id) == span.parent);
                (span.name, span.fields["otel.name"].as_str(), parent.map(|parent| parent.fields["otel.name"].as_str()))
            })
            .collect();
        let router = "router post_order";
        assert_eq!(shape, [
            ("boundary", router, None),
            ("service", "service store", Some(router)),
            ("statement", "insert", Some("service store")),
            ("service", "service count", Some(router)),
            ("service", "service store", Some("service count")),
            ("statement", "insert", Some("service store")),
            ("statement", "select", Some("service count")),
            ("statement", "select", Some(router)),
        ]);
        let system = match db.url().split(':').next() {
            Some("postgres") => "postgresql",
            Some("mysql") => "mysql",
            _ => "sqlite",
        };
        check(&spans[0], &[
            ("name", "post_order"),
            ("kind", "router"),
            ("code.file.path", file!()),
            ("isolation", "SERIALIZABLE"),
            ("read_only", "false"),
            ("run", "1"),
            ("outcome", "committed"),
            ("statements", "4"),
            ("db.system.name", system),
        ]);
        assert!(!spans[0].fields.contains_key("error.type"), "{spans:#?}");
        let number = |span: &Span, field| span.fields[field].parse::<u64>().unwrap();
        assert_eq!(spans[0].fields["transaction.id"].len(), 16);
        assert!(number(&spans[0], "round_trips") >= 6);
        for field in ["acquire_us", "statements_us", "commit_us"] {
            number(&spans[0], field);
        }
        check(&spans[2], &[
            ("otel.kind", "client"),
            ("db.system.name", system),
            ("db.operation.name", "insert"),
            ("db.query.text", "insert into items (id, name) values (?, ?)"),
            ("affected_rows", "1"),
        ]);
        check(&spans[6], &[("db.response.returned_rows", "2")]);
        for span in &spans {
            assert!(!format!("{span:?}").contains("hunter2"), "{span:?}");
        }
        factory.close(crate::GRACE).await;
    }

    #[tokio::test]
    async fn a_failure_is_on_its_statement_and_on_its_boundary() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let (heard, _hearing) = Heard::start();
        let failed = factory
            .transaction(async |tx: &mut Session| {
                store(tx, 1).await?;
                store(tx, 1).await
            })
            .await;
        failed.unwrap_err();
        let refused = factory.transaction(async |_: &mut Session| Err::<(), Error>(sqlx::Error::RowNotFound.into())).await;
        refused.unwrap_err();
        let spans = heard.take();
        check(&spans[0], &[("outcome", "rolled_back"), ("error.type", "unique constraint"), ("otel.status_code", "ERROR")]);
        check(&spans[4], &[("error.type", "unique constraint"), ("otel.status_code", "ERROR")]);
        assert!(spans[4].fields.contains_key("db.response.status_code"), "{spans:#?}");
        // What the body says of its own accord.
        check(&spans[5], &[("outcome", "rolled_back")]);
        assert!(!spans[5].fields.contains_key("otel.status_code"), "{spans:#?}");

        let late = factory
            .transaction_with(TxOptions::new().timeout(std::time::Duration::from_millis(300)), async |tx: &mut Session| {
                sqlx::query("select 1").execute(&mut *tx).await?;
                std::future::pending::<Result<(), Error>>().await
            })
            .await;
        late.unwrap_err();
        check(&heard.take()[0], &[("error.type", "boundary timeout"), ("outcome", "rolled_back")]);
        factory.close(crate::GRACE).await;
    }
}

#[track_caller]
fn check(span: &Span, fields: &[(&str, &str)]) {
    for (field, value) in fields {
        assert_eq!(
            span.fields.get(field).map(String::as_str),
            Some(*value),
            "{field}: {span:#?}"
        );
    }
}
