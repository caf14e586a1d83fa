//! Statements that one database runs in the transaction and another does not, each where it may stand, and texts that are
//! no SQL.

#![deny(warnings)]

use demarcate::{background_job, router_tx, service};
use sqlx::{Database, MySql, Postgres};

mod shop {
    pub type Session = demarcate::postgres::Session;
}

#[service]
pub async fn grow(tx: &mut shop::Session) -> Result<(), sqlx::Error> {
    sqlx::query("create table notes (text text)").execute(&mut *tx).await?;
    sqlx::query("truncate notes").execute(&mut *tx).await?;
    sqlx::query("set local search_path = shop").execute(&mut *tx).await?;
    sqlx::query("create temp table picked (id int) on commit drop").execute(&mut *tx).await?;
    sqlx::query("select $$ ; commit; $$").execute(&mut *tx).await?;
    sqlx::query("select get_lock('a', 1)").execute(&mut *tx).await?;
    sqlx::query("lock table notes in exclusive mode").execute(&mut *tx).await?;
    sqlx::query("do $$ begin set local role shop; end $$").execute(&mut *tx).await?;
    Ok(())
}

#[service]
pub async fn on_mysql(#[session] tx: &mut demarcate::Session<MySql>) -> Result<(), sqlx::Error> {
    sqlx::query("set @total = 0").execute(&mut *tx).await?;
    sqlx::query("select 1 # ; commit").execute(&mut *tx).await?;
    sqlx::query("set global max_connections = 5").execute(&mut *tx).await?;
    sqlx::query("drop temporary table picked").execute(&mut *tx).await?;
    Ok(())
}

#[router_tx]
pub async fn on_sqlite(tx: &mut demarcate::sqlite::Session) -> Result<(), demarcate::Error> {
    sqlx::query("create table notes (text text)").execute(&mut *tx).await?;
    sqlx::query("create trigger t after insert on notes begin delete from notes; end").execute(&mut *tx).await?;
    sqlx::query("select [a; commit] from b").execute(&mut *tx).await?;
    Ok(())
}

/// Which database it is, only the caller knows.
#[service]
pub async fn on_any<DB>(tx: &mut demarcate::Session<DB>, sql: &str) -> Result<u64, sqlx::Error>
where
    DB: demarcate::Backend,
    for<'q> <DB as Database>::Arguments: sqlx::IntoArguments<DB>,
{
    let _ = (sql, sqlx::query::<DB>("create table notes (text text)"));
    sqlx::Executor::execute(&mut *tx, "create table notes (text text)").await.map(|_| 1)
}

#[service(allow(second_session, reason = "the old shop is another server"))]
pub async fn both(
    #[session] tx: &mut demarcate::Session<Postgres>,
    #[session] old: &mut demarcate::Session<MySql>,
) -> Result<(), sqlx::Error> {
    sqlx::query("create table notes (text text)").execute(&mut *tx).await?;
    sqlx::query("set @total = 0").execute(&mut *old).await?;
    Ok(())
}

pub struct App {
    archive: sqlx::PgPool,
}

#[service(allow(other_executor, reason = "the archive is another server"))]
pub async fn archived(tx: &mut demarcate::mysql::Session, app: &App) -> Result<(), sqlx::Error> {
    sqlx::query("create table if not exists notes (text text)").execute(&app.archive).await?;
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

pub struct Machine;

impl Machine {
    async fn execute(&self, command: &str) -> usize {
        command.len()
    }
}

mod search {
    pub async fn query(text: &str) -> usize {
        text.len()
    }
    pub fn query_param(name: &str, url: &str) -> usize {
        name.len() + url.len()
    }
}
use search::query_param;

#[background_job]
pub async fn strangers(tx: &mut demarcate::sqlite::Session) -> Result<usize, demarcate::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    let sent = Machine.execute("commit").await + Machine::execute(&Machine, "rollback").await;
    Ok(sent + search::query("end").await + query_param("end", "begin"))
}

fn main() {}
