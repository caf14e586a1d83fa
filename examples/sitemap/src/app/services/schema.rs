//! The tables themselves.

use demarcate::service;

use super::{SCHEMA, Session};

/// Creates what is not there.
#[service]
pub(crate) async fn create(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(SCHEMA).execute(&mut *tx).await?;
    Ok(())
}

/// Asks the database for a sign of life.
#[service]
pub(crate) async fn ask(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}
