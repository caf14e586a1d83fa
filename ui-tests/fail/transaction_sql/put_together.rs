use demarcate::postgres::Session;
use demarcate::service;
use sqlx::AssertSqlSafe;

const ARCHIVED: &str = "orders_archived";

#[service]
async fn archive(tx: &mut Session, day: bool) -> Result<(), sqlx::Error> {
    let sql = ["update orders set note = ''", "commit"].join("; ");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await?;

    let mut sql = String::from("lock table orders");
    if day {
        sql.push_str("; set statement_timeout = 0");
    }
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await?;

    let sql = format!("insert into {ARCHIVED} select * from orders; rollback");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
