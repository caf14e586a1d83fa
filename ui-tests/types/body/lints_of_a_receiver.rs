#![deny(unused_must_use)]

use demarcate::service;
use demarcate::sqlite::Session;

struct Index;

impl Index {
    fn writer(&self) -> Index {
        Index
    }

    fn commit(&self) -> Result<(), ()> {
        Ok(())
    }

    async fn rollback(self) {}

    #[must_use]
    fn begin(&self) -> i32 {
        1
    }
}

#[service]
async fn index(tx: &mut Session, index: Index) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(tx).await?;
    index.commit();
    index.writer().begin();
    index.rollback();
    Ok(())
}

fn main() {}
