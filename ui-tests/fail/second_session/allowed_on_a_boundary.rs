use demarcate::{background_job, mysql, postgres, router_tx};

#[router_tx(allow(D002, reason = "two databases"))]
async fn post_import(tx: &mut postgres::Session, legacy: &mut mysql::Session) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    sqlx::query("select 1").execute(&mut *legacy).await?;
    Ok(())
}

#[background_job(allow(second_session, reason = "two databases"))]
async fn import_later(tx: &mut postgres::Session) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
