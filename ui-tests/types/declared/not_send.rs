use std::rc::Rc;

use demarcate::service;
use demarcate::sqlite::Session;

#[service]
trait Users: Sync {
    async fn find(&self, tx: &mut Session, id: i64) -> Result<String, sqlx::Error>;

    async fn both(&self, tx: &mut Session) -> Result<String, sqlx::Error> {
        let first = Rc::new(self.find(tx, 1).await?);
        let second = self.find(tx, 2).await?;
        Ok(format!("{first} {second}"))
    }
}

struct SqlUsers;

#[service]
impl Users for SqlUsers {
    async fn find(&self, tx: &mut Session, id: i64) -> Result<String, sqlx::Error> {
        let id = Rc::new(id);
        let name: String = sqlx::query_scalar("select 'ann'").fetch_one(&mut *tx).await?;
        Ok(format!("{name}: {id}"))
    }
}

fn main() {}
