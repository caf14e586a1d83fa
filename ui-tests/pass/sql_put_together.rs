//! Texts that are put together, and arguments of macros that only look like the wrong ones.

#![deny(warnings)]

use std::fmt::Write;

use demarcate::{mysql, postgres, service};
use sqlx::{AssertSqlSafe, PgPool, Postgres, QueryBuilder};

macro_rules! json {
    ({ $($key:literal : $value:expr),* }) => { vec![$(format!("{}{}", $key, $value)),*] };
}

/// What its tokens mean, only the macro knows.
macro_rules! later {
    ($pool:ident . $field:ident : $what:tt) => { (&$pool.$field, stringify!($what)) };
}

pub struct Orders {
    pub archive: PgPool,
}

#[service]
impl Orders {
    const TEMPORARY: &'static str = "create temp table picked (id bigint)";
    const COUNT: &'static str = include_str!("../fail/transaction_sql/sql/count.sql");

    pub async fn count(&self, tx: &mut postgres::Session, scope: &str) -> Result<i64, sqlx::Error> {
        let mut sql = Self::TEMPORARY.to_owned();
        sql.push_str(" on commit drop");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await?;

        let setting = format!("set {scope} statement_timeout = 0");
        sqlx::query(AssertSqlSafe(setting)).execute(&mut *tx).await?;

        let mut parts = vec!["select case when count(*) > 0 then 1"];
        parts.push("end from orders");
        sqlx::query(AssertSqlSafe(parts.join(" "))).execute(&mut *tx).await?;

        let mut text = String::new();
        write!(text, "select '{}'", "; commit").map_err(|_| sqlx::Error::RowNotFound)?;
        sqlx::query(AssertSqlSafe(text)).execute(&mut *tx).await?;

        let mut all = QueryBuilder::<Postgres>::new("create temp table chosen (id bigint) ");
        all.push(["on commit", "drop"].join(" "));
        all.build().execute(&mut *tx).await?;
        sqlx::query_scalar(Self::COUNT).fetch_one(&mut *tx).await
    }
}

#[service]
pub async fn set(tx: &mut postgres::Session, tenant: &str) -> Result<(), sqlx::Error> {
    sqlx::query("select set_config('app.tenant', $1, is_local => true)").bind(tenant).execute(&mut *tx).await?;
    sqlx::query("select set_config('app.tenant', $1, true::boolean)").bind(tenant).execute(&mut *tx).await?;
    sqlx::query("select * from dblink('dbname=audit', 'select id from log') as t (id bigint)").execute(&mut *tx).await?;
    sqlx::query("copy orders from '/tmp/orders.csv'").execute(&mut *tx).await?;
    sqlx::query("select 'pg_sleep(5)', sleep from naps").execute(&mut *tx).await?;
    Ok(())
}

#[service]
pub async fn ranked(tx: &mut mysql::Session, least: i64) -> Result<(), sqlx::Error> {
    sqlx::query("set @place = 0").execute(&mut *tx).await?;
    sqlx::query("select @place := @place + 1, id from orders where total > ?").bind(least).execute(&mut *tx).await?;
    sqlx::query("call totals(?, @total)").bind(least).execute(&mut *tx).await?;
    sqlx::query("select @total").execute(&mut *tx).await?;
    Ok(())
}

#[service]
pub async fn shown(tx: &mut postgres::Session, orders: &[i64]) -> Result<Vec<String>, sqlx::Error> {
    let count: i64 = sqlx::query_scalar("select count(*) from orders").fetch_one(&mut *tx).await?;
    let first = orders.first();
    tracing::info!(count, ?first, of = orders.len(), "{} of them", count + 1);
    tracing::debug!(target: "orders", { count = %count }, "counted");
    let _span = tracing::info_span!("orders", count, empty = tracing::field::Empty);
    if let Err(error) = sqlx::query("select 1").execute(&mut *tx).await {
        tracing::warn!(%error, "left out");
        return Err(error);
    }
    let nested = json!({ "first": first.copied().unwrap_or_default(), "count": count });
    Ok(nested)
}

#[service]
impl Orders {
    pub async fn sized(&self, tx: &mut postgres::Session) -> Result<(), sqlx::Error> {
        sqlx::query("select 1").execute(&mut *tx).await?;
        tracing::info!(size = self.archive.size(), pool = ?self.archive, "{:?}", self.archive);
        let _sizes = json!({ "size": self.archive.size(), "idle": self.archive.num_idle() });
        println!("{:?} {}", self.archive, self.archive.is_closed());
        Ok(())
    }
}

pub fn field(orders: &Orders) -> (&PgPool, &str) {
    later!(orders.archive: { tx.commit() })
}

fn main() {}
