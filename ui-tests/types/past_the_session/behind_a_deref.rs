use std::ops::Deref;

use demarcate::service;
use demarcate::sqlite::{Session, SessionFactory};
use sqlx::SqlitePool;

struct Db(SqlitePool);

impl Deref for Db {
    type Target = SqlitePool;

    fn deref(&self) -> &SqlitePool {
        &self.0
    }
}

/// As `web::Data<Db>` is.
struct Data(Db);

impl Deref for Data {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.0
    }
}

struct Factory(SessionFactory);

impl Deref for Factory {
    type Target = SessionFactory;

    fn deref(&self) -> &SessionFactory {
        &self.0
    }
}

#[service]
async fn one(_tx: &mut Session, db: &Db) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&**db).await?;
    Ok(())
}

#[service]
async fn two(_tx: &mut Session, db: Data) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&**db).await?;
    Ok(())
}

#[service]
async fn boundaries(_tx: &mut Session, db: Factory) -> Result<(), sqlx::Error> {
    drop(db);
    Ok(())
}

fn main() {}
