#![deny(warnings)]

use demarcate::sqlite::Session;
use demarcate::{background_job, router_tx, service};

pub trait Sku: ToString + Send + Sync {}

#[service]
pub async fn create_order<'a, S: Sku + ?Sized, const N: usize>(
    tx: &'a mut Session,
    sku: &'a S,
    lines: [i64; N],
) -> Result<&'a S, sqlx::Error> {
    for line in lines {
        sqlx::query("select ?, ?")
            .bind(sku.to_string())
            .bind(line)
            .execute(&mut *tx)
            .await?;
    }
    Ok(sku)
}

#[router_tx]
pub async fn post_order<S>(tx: &mut Session, sku: S) -> Result<S, demarcate::Error>
where
    S: Sku,
{
    create_order(tx, &sku, [1, 2]).await?;
    Ok(sku)
}

#[router_tx]
pub async fn borrowed<'s>(tx: &mut Session, sku: &'s str) -> Result<&'s str, demarcate::Error> {
    sqlx::query("select ?").bind(sku).execute(&mut *tx).await?;
    Ok(sku)
}

#[background_job]
pub async fn ship<S>(tx: &mut Session, sku: S) -> Result<S, demarcate::Error>
where
    S: Sku + 'static,
{
    create_order(tx, &sku, [1]).await?;
    Ok(sku)
}

fn main() {}
