use demarcate::{background_job, postgres, router_tx, service};

#[service]
async fn import(tx: &mut postgres::Session, legacy: &mut demarcate::mysql::Session) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    sqlx::query("select 1").execute(&mut *legacy).await?;
    Ok(())
}

#[router_tx]
async fn post_import(tx: &mut postgres::Session, legacy: &mut demarcate::mysql::Session) -> Result<(), sqlx::Error> {
    import(tx, legacy).await
}

#[background_job]
async fn import_later(
    tx: &mut postgres::Session,
    legacy: &mut demarcate::Session<sqlx::MySql>,
) -> Result<(), sqlx::Error> {
    import(tx, legacy).await
}

fn main() {}
