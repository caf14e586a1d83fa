#![deny(warnings)]

//! What is not `Send`, and is not kept by the body of a router.

use std::rc::Rc;

use demarcate::router_tx;
use demarcate::sqlite::Session;

pub struct Parts {
    pub id: i64,
    pub request: Rc<str>,
}

#[router_tx]
pub async fn unused(tx: &mut Session, _request: Rc<str>) -> Result<(), demarcate::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

#[router_tx]
pub async fn one_field(tx: &mut Session, parts: Parts) -> Result<i64, demarcate::Error> {
    sqlx::query("select ?").bind(parts.id).execute(&mut *tx).await?;
    Ok(parts.id)
}

#[router_tx]
pub async fn field_of_that_name(tx: &mut Session, _request: Rc<str>, request: &str) -> Result<i64, demarcate::Error> {
    sqlx::query("select ?").bind(request).execute(&mut *tx).await?;
    Ok(Parts { id: 1, request: request.into() }.id)
}

#[router_tx]
pub async fn returned(tx: &mut Session, id: i64) -> Result<Rc<str>, demarcate::Error> {
    sqlx::query("select ?").bind(id).execute(&mut *tx).await?;
    Ok("a".into())
}

fn main() {}
