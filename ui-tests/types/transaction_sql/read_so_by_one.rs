use demarcate::service;
use sqlx::{MySql, Postgres, Sqlite};

type Of<DB> = demarcate::Session<DB>;

mod shop {
    pub type Session = demarcate::postgres::Session;
}

#[service]
async fn hash(tx: &mut shop::Session) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("select 1 # ; commit").execute(&mut *tx).await?;
    Ok(())
}

#[service]
async fn dollars(#[session] tx: &mut Of<Sqlite>) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("select $$ ; rollback; $$").execute(&mut *tx).await?;
    Ok(())
}

#[service(allow(second_session, reason = "the archive is another server"))]
async fn both(
    #[session] tx: &mut Of<Postgres>,
    #[session] archive: &mut Of<MySql>,
) -> Result<(), sqlx::Error> {
    sqlx::query("create table a (b int)").execute(&mut *tx).await?;
    sqlx::query("create table a (b int)").execute(&mut *archive).await?;
    Ok(())
}

fn main() {}
