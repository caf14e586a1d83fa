use std::rc::Rc;

use demarcate::sqlite::Session;
use demarcate::{Error, router_tx};

struct TypedSession(Rc<i64>);

impl TypedSession {
    fn user(&self) -> i64 {
        *self.0
    }
}

#[router_tx]
async fn post(tx: &mut Session, session: TypedSession) -> Result<i64, Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(session.user())
}

#[router_tx]
async fn borrowed(tx: &mut Session, session: &Rc<i64>, id: i64) -> Result<i64, Error> {
    sqlx::query("select ?").bind(**session).bind(id).execute(&mut *tx).await?;
    Ok(id)
}

fn main() {}
