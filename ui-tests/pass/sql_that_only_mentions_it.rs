#![deny(warnings)]

use demarcate::sqlite::Session;
use demarcate::service;

#[service]
pub async fn notes(tx: &mut Session, table: &str) -> Result<(), sqlx::Error> {
    sqlx::query("insert into notes (text) values ('please commit; rollback')").execute(&mut *tx).await?;
    sqlx::query("select \"commit\" from begin_log -- rollback").execute(&mut *tx).await?;
    sqlx::query("create trigger t after insert on a begin delete from b; end").execute(&mut *tx).await?;
    let sql = format!("select 1 from {table}");
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *tx).await?;
    println!("commit");
    Ok(())
}

fn main() {}
