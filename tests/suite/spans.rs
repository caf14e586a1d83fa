//! What a listener of `tracing` hears of a boundary, its services and its statements.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use demarcate::{Error, SiteKind, TxOptions, background_job, router_tx, service};
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
    /// The place of the function, as a log shows it.
    place: (Option<&'static str>, Option<u32>),
    fields: BTreeMap<&'static str, String>,
    /// The thread that did so, once nobody holds it.
    closed: Option<ThreadId>,
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

    /// Whether nobody holds a span any more.
    ///
    /// A span that another thread closes, such as that of a connection of SQLite, does not let go of its parent: the
    /// registry of tracing-subscriber 0.3 asks the listener of the running thread to do that, and that thread has none.
    fn all_are_closed(&self) -> bool {
        let spans = self.0.lock().unwrap();
        let here = std::thread::current().id();
        let is_kept = |span: &Span| {
            let mut children = spans.iter().filter(|child| child.parent == Some(span.id));
            children.any(|child| child.closed != Some(here))
        };
        spans
            .iter()
            .all(|span| span.closed.is_some() || is_kept(span))
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
            place: (attributes.metadata().file(), attributes.metadata().line()),
            fields: fields.0,
            closed: None,
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        self.with(id, |span| span.fields.extend(fields.0));
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.with(&id, |span| span.closed = Some(std::thread::current().id()));
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

/// What is logged by this crate, with the names of the spans around it, the outermost first.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<Line>>>);

/// A message, and the spans around it.
type Line = (String, Vec<String>);

impl Lines {
    fn start() -> (Self, DefaultGuard) {
        let lines = Self::default();
        (
            lines.clone(),
            crate::listen(tracing_subscriber::registry().with(lines)),
        )
    }

    fn take(&self) -> Vec<(String, String)> {
        let lines = std::mem::take(&mut *self.0.lock().unwrap());
        lines
            .into_iter()
            .map(|(line, around)| (line, around.join(" > ")))
            .collect()
    }
}

struct Named(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let name = fields.0.remove("otel.name");
        let name = name.unwrap_or_else(|| attributes.metadata().name().to_owned());
        context
            .span(id)
            .unwrap()
            .extensions_mut()
            .insert(Named(name));
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        // sqlx logs statements too.
        if !event.metadata().target().starts_with(module_path!()) {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let around = context
            .event_scope(event)
            .into_iter()
            .flat_map(|scope| scope.from_root());
        let around = around
            .map(|span| span.extensions().get::<Named>().unwrap().0.clone())
            .collect();
        self.0
            .lock()
            .unwrap()
            .push((fields.0.remove("message").unwrap_or_default(), around));
    }
}

on_every_database! {
    #[service]
    async fn inner(tx: &mut Session) -> Result<(), sqlx::Error> {
        tracing::info!("inner begins");
        tokio::task::yield_now().await;
        sqlx::query("select 1").execute(&mut *tx).await?;
        tracing::info!("inner ends");
        Ok(())
    }

    #[service]
    async fn outer(tx: &mut Session) -> Result<(), sqlx::Error> {
        tracing::info!("outer begins");
        inner(tx).await?;
        tokio::task::yield_now().await;
        tracing::info!("outer ends");
        Ok(())
    }

    /// With a span of the user's around what the function does.
    #[service]
    #[tracing::instrument(skip_all)]
    async fn observed(tx: &mut Session) -> Result<(), sqlx::Error> {
        tracing::info!("observed begins");
        inner(tx).await
    }

    #[router_tx]
    async fn post_lines(tx: &mut Session) -> Result<(), Error> {
        outer(tx).await?;
        tokio::task::yield_now().await;
        tracing::info!("router ends");
        tx.before_commit(async |tx| outer(tx).await);
        Ok(())
    }

    #[background_job]
    async fn with_session(tx: &mut Session) -> Result<(), sqlx::Error> {
        tracing::info!("job begins");
        inner(tx).await?;
        tracing::info!("job ends");
        Ok(())
    }

    #[background_job(on_error = note)]
    async fn with_factory(db: &SessionFactory) -> Result<(), Error> {
        tracing::info!("job begins");
        db.transaction(async |tx| Ok::<_, Error>(inner(tx).await?)).await?;
        tracing::info!("job ends");
        Err(sqlx::Error::RowNotFound.into())
    }

    #[service]
    async fn note(tx: &mut Session, _: &demarcate::JobError) -> Result<(), sqlx::Error> {
        tracing::info!("noted");
        sqlx::query("select 1").execute(&mut *tx).await?;
        Ok(())
    }

    #[tokio::test]
    async fn a_line_of_the_log_is_inside_the_service_and_the_job_that_wrote_it() {
        let db = test_db().await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let (lines, _listening) = Lines::start();
        let expected = |expected: &[(&str, &str)]| {
            let expected: Vec<_> = expected.iter().map(|(line, around)| ((*line).to_owned(), (*around).to_owned())).collect();
            assert_eq!(lines.take(), expected);
        };

        post_lines(factory.clone()).await.unwrap();
        let (router, out) = ("router post_lines", "router post_lines > service outer");
        let within = "router post_lines > service outer > service inner";
        let services = [("outer begins", out), ("inner begins", within), ("inner ends", within), ("outer ends", out)];
        expected(&[&services[..], &[("router ends", router)], &services[..]].concat());

        factory.run(with_session()).await.unwrap();
        let job = "background job with_session > background job with_session";
        let within = format!("{job} > service inner");
        expected(&[("job begins", job), ("inner begins", &within), ("inner ends", &within), ("job ends", job)]);

        factory.run(with_factory()).await.unwrap_err();
        let job = "background job with_factory";
        let within = format!("{job} > transaction transaction > service inner");
        let noted = format!("{job} > failure handler with_factory > service note");
        expected(&[("job begins", job), ("inner begins", &within), ("inner ends", &within), ("job ends", job), ("noted", &noted)]);

        // The user's own span is around each line of its function, whatever it calls.
        factory.transaction(async |tx| Ok::<_, Error>(observed(tx).await?)).await.unwrap();
        for (line, around) in lines.take() {
            assert!(around.contains("observed"), "{line}: {around}");
        }
        tracing::info!("afterwards");
        expected(&[("afterwards", "")]);
        factory.close(crate::GRACE).await;
    }

    #[tokio::test]
    async fn a_job_that_failed_has_failed_wherever_one_looks() {
        let db = test_db().await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let _recording = metrics::set_default_local_recorder(&recorder);
        let (heard, _hearing) = Heard::start();
        factory.run(with_factory()).await.unwrap_err();
        factory.run(with_session()).await.unwrap();

        let spans = heard.take();
        let is_job = |span: &&Span| span.fields.get("kind").is_some_and(|kind| kind == "background job") && !span.fields.contains_key("run");
        let handler = spans.iter().find(|span| span.fields.get("kind").is_some_and(|kind| kind == "failure handler"));
        assert_eq!(handler.unwrap().name, "with_factory");
        check(spans.iter().find(is_job).unwrap(), &[("name", "with_factory"), ("outcome", "failed"), ("otel.status_code", "ERROR"), ("code.file.path", file!())]);
        check(handler.unwrap(), &[("outcome", "recorded")]);
        let done: Vec<_> = spans.iter().filter(is_job).map(|span| span.fields["outcome"].as_str()).collect();
        assert_eq!(done, ["failed", "succeeded"]);

        let page = recorder.handle().render();
        for line in [
            r#"demarcate_jobs_total{job="with_factory",kind="background job",outcome="failed"} 1"#,
            r#"demarcate_jobs_total{job="with_session",kind="background job",outcome="succeeded"} 1"#,
            r#"demarcate_job_duration_seconds_count{job="with_factory",outcome="failed"} 1"#,
            r#"demarcate_transactions_total{boundary="with_factory",kind="failure handler",outcome="recorded"} 1"#,
        ] {
            assert!(page.lines().any(|found| found == line), "not there: {line}\n{page}");
        }
        let about_job = |line: &&str| line.contains(r#""with_factory""#) && line.contains(r#""committed""#);
        assert_eq!(page.lines().filter(about_job).count(), 0, "{page}");

        let stats = factory.stats();
        let (_, job) = stats.iter().find(|(site, _)| site.name() == "with_factory" && site.kind() == SiteKind::Job).unwrap();
        assert_eq!((job.jobs_failed, job.jobs_succeeded, job.committed), (1, 0, 0));
        assert!(job.last_error.as_ref().unwrap().message.contains("`with_factory`"), "{job:?}");
        let (_, job) = stats.iter().find(|(site, _)| site.name() == "with_session").unwrap();
        assert_eq!((job.jobs_failed, job.jobs_succeeded, job.committed), (0, 1, 1));
        factory.close(crate::GRACE).await;
    }

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
            ("post_order", router, None),
            ("store", "service store", Some(router)),
            ("statement", "insert", Some("service store")),
            ("count", "service count", Some(router)),
            ("store", "service store", Some("service count")),
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
        let line = spans[0].fields["code.line.number"].parse().ok();
        assert_eq!(spans[0].place, (Some(file!()), line), "the callsite is the function");
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
