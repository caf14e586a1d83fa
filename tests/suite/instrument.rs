//! What `#[tracing::instrument]` sees above and below each attribute: the table of the guide, tried.

use demarcate::postgres::{Session, SessionFactory};
use demarcate::{Error, background_job, router_tx, service};
use tracing::instrument;

use crate::GRACE;
use crate::echo::Log;

#[derive(Clone, Copy)]
enum Ends {
    Well,
    /// The body returns an error.
    InTheBody,
    /// The body returns `Ok`, and a constraint that is checked at the commit refuses.
    AtTheCommit,
}

const TABLES: &str = "
    create table items (id int primary key);
    create table parts (item int references items deferrable initially deferred)";

/// The body of each: records a field, logs a line, and fails where it is told to.
async fn work(tx: &mut Session, ends: Ends) -> Result<(), Error> {
    tracing::Span::current().record("order", 7);
    tracing::info!("a line");
    if let Ends::AtTheCommit = ends {
        sqlx::query("insert into parts values (1)")
            .execute(&mut *tx)
            .await?;
    }
    match ends {
        Ends::InTheBody => Err(sqlx::Error::RowNotFound.into()),
        _ => Ok(()),
    }
}

#[instrument(name = "mine", skip_all, fields(order), err)]
#[router_tx]
async fn router_above(tx: &mut Session, ends: Ends) -> Result<(), Error> {
    work(tx, ends).await
}

#[router_tx]
#[instrument(name = "mine", skip_all, fields(order), err)]
async fn router_below(tx: &mut Session, ends: Ends) -> Result<(), Error> {
    work(tx, ends).await
}

#[instrument(name = "mine", skip_all, fields(order), err)]
#[service]
async fn service_above(tx: &mut Session, ends: Ends) -> Result<(), Error> {
    work(tx, ends).await
}

#[service]
#[instrument(name = "mine", skip_all, fields(order), err)]
async fn service_below(tx: &mut Session, ends: Ends) -> Result<(), Error> {
    work(tx, ends).await
}

#[instrument(name = "mine", skip_all, fields(order), err)]
#[background_job]
async fn job_above(tx: &mut Session, ends: Ends) -> Result<(), Error> {
    work(tx, ends).await
}

// Without `err`: what it stands on returns a job, and no `Result`.
#[background_job]
#[instrument(name = "mine", skip_all, fields(order))]
async fn job_below(tx: &mut Session, ends: Ends) -> Result<(), Error> {
    work(tx, ends).await
}

async fn run(db: &SessionFactory, name: &str, ends: Ends) {
    match name {
        "`#[router_tx]`, above" => drop(router_above(db.clone(), ends).await),
        "`#[router_tx]`, below" => drop(router_below(db.clone(), ends).await),
        "`#[service]`, above" => drop(
            db.transaction(async |tx| service_above(tx, ends).await)
                .await,
        ),
        "`#[service]`, below" => drop(
            db.transaction(async |tx| service_below(tx, ends).await)
                .await,
        ),
        "`#[background_job]`, above" => drop(db.run(job_above(ends)).await),
        "`#[background_job]`, below" => drop(db.run(job_below(ends)).await),
        _ => panic!("{name} is not tried"),
    }
}

#[tokio::test]
async fn the_table_of_the_guide_is_what_is_seen() {
    let database = demarcate_tests::postgres().await;
    database.admin(TABLES).await;
    let db = SessionFactory::connect(database.url()).await.unwrap();
    let (log, _logging) = Log::start();
    let page = include_str!("../../docs/guide/21-instrument.md");
    let is_row = |line: &&str| line.starts_with("| `#[") && !line.starts_with("| `#[instrument]`");
    let rows: Vec<&str> = page.lines().filter(is_row).collect();
    assert_eq!(rows.len(), 6);
    let mut tried = Vec::new();
    for row in &rows {
        let name = row.split('|').nth(1).unwrap().trim();
        let yes = |is: bool| if is { "yes" } else { "**no**" };
        run(&db, name, Ends::Well).await;
        let lines = log.take("a line");
        let [line] = &lines[..] else {
            panic!("{name}: {lines:#?}")
        };
        println!("{name}: {line}");
        let (is_inside, is_recorded) = (line.contains("mine"), line.contains("order=7"));
        let errors = async |ends| {
            run(&db, name, ends).await;
            let lines = log.take("suite::instrument: error=");
            println!("{name}: {lines:#?}");
            !lines.is_empty()
        };
        let (body, commit) = match name {
            "`#[background_job]`, below" => ("does not compile", "does not compile"),
            _ => (
                yes(errors(Ends::InTheBody).await),
                yes(errors(Ends::AtTheCommit).await),
            ),
        };
        tried.push(format!(
            "| {name} | {} | {} | {body} | {commit} |",
            yes(is_inside),
            yes(is_recorded)
        ));
    }
    db.close(GRACE).await;
    assert_eq!(
        tried.join("\n"),
        rows.join("\n"),
        "this is what was seen, and what docs/guide/21-instrument.md says"
    );
}
