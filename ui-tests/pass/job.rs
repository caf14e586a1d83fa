#![deny(warnings)]

use std::sync::Arc;

use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{JobError, background_job, router_tx, service};

#[background_job(on_error = jobs::mark_failed, timeout = "2m")]
pub async fn ship(tx: &mut Session, order_id: i64, note: String) -> Result<(), ShipError> {
    sqlx::query("select ?, ?")
        .bind(order_id)
        .bind(note)
        .execute(&mut *tx)
        .await?;
    Ok(())
}

mod jobs {
    use super::{JobError, Session, service};

    #[service]
    pub async fn mark_failed(
        tx: &mut Session,
        error: &JobError,
        order_id: i64,
        note: String,
    ) -> Result<(), sqlx::Error> {
        sqlx::query("select ?, ?, ?")
            .bind(error.to_string())
            .bind(order_id)
            .bind(note)
            .execute(&mut *tx)
            .await?;
        Ok(())
    }
}

/// Its arguments are not used again, so they need no `Clone`.
#[background_job(name = "nightly sweep")]
async fn sweep(
    db: &SessionFactory,
    ids: Vec<NotClone>,
    (mut from, _): (i64, i64),
) -> Result<i64, demarcate::Error> {
    for NotClone(id) in ids {
        from += id;
        db.transaction(async |tx| {
            sqlx::query("select ?").bind(id).execute(&mut *tx).await?;
            Ok::<_, demarcate::Error>(())
        })
        .await?;
    }
    Ok(from)
}

struct NotClone(i64);

#[derive(Debug)]
pub struct ShipError;

impl std::fmt::Display for ShipError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not shipped")
    }
}

impl std::error::Error for ShipError {}

impl From<sqlx::Error> for ShipError {
    fn from(_: sqlx::Error) -> Self {
        Self
    }
}

impl From<demarcate::Error> for ShipError {
    fn from(_: demarcate::Error) -> Self {
        Self
    }
}

struct Warehouse(i64);

impl Warehouse {
    #[background_job]
    async fn close(self: Arc<Self>, tx: &mut Session) -> Result<i64, demarcate::Error> {
        sqlx::query("select ?")
            .bind(self.0)
            .execute(&mut *tx)
            .await?;
        Ok(self.0)
    }
}

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<(), demarcate::Error> {
    tx.after_commit(ship(1, String::new()));
    Ok(())
}

async fn by_hand(db: SessionFactory) -> Result<(), JobError> {
    let total: i64 = db.run(sweep(vec![NotClone(1)], (1, 2))).await?;
    db.spawn(Arc::new(Warehouse(total)).close()).await?;
    drop(post_order(db).await);
    Ok(())
}

fn main() {
    let _ = by_hand;
}
