//! The program on PostgreSQL.

#[path = "app/mod.rs"]
pub(crate) mod app;

use demarcate::TxOptions;
pub(crate) use demarcate::postgres::{Session, SessionFactory};
use sqlx::AssertSqlSafe;

/// For the one query that is built at run time.
pub(crate) type Database = sqlx::Postgres;

pub(crate) const SCHEMA: &str = include_str!("../sql/postgres.sql");

/// Connects to a database.
pub(crate) async fn connect(url: &str) -> anyhow::Result<SessionFactory> {
    Ok(SessionFactory::connect(url).await?)
}

/// The same, with a schema of our own: what is in the database already is neither read nor written.
pub(crate) async fn connect_to_schema(url: &str, schema: &str) -> anyhow::Result<SessionFactory> {
    let db = SessionFactory::builder()
        .url(url)
        .configure(|options| options.options([("search_path", schema)]))
        .connect()
        .await?;
    run(&db, "create_schema", format!("create schema {schema}")).await?;
    Ok(db)
}

/// Removes that schema, and all that is in it.
pub(crate) async fn drop_schema(db: &SessionFactory, schema: &str) -> Result<(), sqlx::Error> {
    run(db, "drop_schema", format!("drop schema {schema} cascade")).await
}

async fn run(db: &SessionFactory, name: &'static str, sql: String) -> Result<(), sqlx::Error> {
    db.transaction_with(TxOptions::new().name(name), async |tx| {
        // The name of the schema is ours.
        let statement = sqlx::query(AssertSqlSafe(sql.clone()));
        statement.execute(&mut *tx).await?;
        Ok(())
    })
    .await
}
