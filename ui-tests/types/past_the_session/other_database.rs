use std::sync::Arc;

use demarcate::{background_job, mysql, postgres, router_tx, service};

type Archive = Arc<sqlx::MySqlPool>;

#[service]
async fn restore(tx: &mut postgres::Session, archive: &Archive) -> Result<(), sqlx::Error> {
    let _ = archive;
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

#[router_tx]
async fn post_restore(
    tx: &mut postgres::Session,
    axum::extract::State(archive): axum::extract::State<mysql::SessionFactory>,
) -> Result<(), demarcate::Error> {
    let _ = archive;
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

#[background_job]
async fn restore_later(db: &postgres::SessionFactory, archive: sqlx::SqlitePool) -> Result<(), demarcate::Error> {
    let _ = (db, archive);
    Ok(())
}

fn main() {}
