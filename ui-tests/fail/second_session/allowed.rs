//! Where a second session may be, all rules look at both.

use demarcate::{mysql, postgres, service};

type Legacy = mysql::Session;

#[service(allow(second_session, reason = "the legacy shop is read until it is gone"))]
async fn import(tx: &mut postgres::Session, legacy: &mut mysql::Session) -> Result<(), sqlx::Error> {
    let _ = sqlx::query("delete from orders").execute(&mut *legacy).await;
    sqlx::query("set session sql_mode = ''").execute(&mut *legacy).await?;
    legacy.commit().await?;
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

#[service(allow(second_session, reason = "the legacy shop is read until it is gone"))]
async fn owned(#[session] tx: &mut postgres::Session, #[session] legacy: &Legacy) -> Result<(), sqlx::Error> {
    let _ = (tx, legacy);
    Ok(())
}

fn main() {}
