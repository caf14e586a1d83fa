//! The tables themselves.

use demarcate::service;

use super::{SCHEMA, Session};

/// Creates what is not there.
#[service]
pub(crate) async fn create(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(SCHEMA).execute(&mut *tx).await?;
    Ok(())
}
