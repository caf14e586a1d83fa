//! Every option of a transaction, and errors that commit.

use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{background_job, router_tx};

pub enum ApiError {
    NotFound(i64),
    Gone { code: u16 },
    Database(demarcate::Error),
}

impl From<demarcate::Error> for ApiError {
    fn from(error: demarcate::Error) -> Self {
        Self::Database(error)
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

type Answer<T> = Result<T, ApiError>;

#[router_tx(
    isolation = Serializable,
    read_write,
    confirm_commit,
    timeout = "5s",
    statement_timeout = "1s",
    lock_timeout = "250ms",
    idle_timeout = "1m",
    retry = 3
)]
pub async fn order(tx: &mut Session, id: i64) -> Answer<i64> {
    Ok(sqlx::query_scalar("select ?")
        .bind(id)
        .fetch_one(&mut *tx)
        .await?)
}

#[router_tx(no_rollback_for = ApiError::NotFound(_))]
pub async fn note(tx: &mut Session, id: i64) -> Answer<()> {
    sqlx::query("insert into visits (id) values (?)")
        .bind(id)
        .execute(&mut *tx)
        .await?;
    Err(ApiError::NotFound(id))
}

#[router_tx(no_rollback_for = | ApiError::NotFound(..) | ApiError::Gone { .. } if expected(), name = "noted")]
pub async fn of_several(
    tx: &mut Session,
    id: i64,
) -> Result<impl std::fmt::Display + use<>, ApiError> {
    sqlx::query("insert into visits (id) values (?)")
        .bind(id)
        .execute(&mut *tx)
        .await?;
    if id == 0 {
        return Err(ApiError::Gone { code: 410 });
    }
    Ok(id)
}

#[router_tx(no_rollback_for = ApiError::Gone { code } if *code < 411, retry = 1)]
pub async fn with_a_binding(tx: &mut Session) -> Result<(), ApiError> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

#[background_job(no_rollback_for = _, statement_timeout = "1s")]
pub async fn always_kept(tx: &mut Session, id: i64) -> Result<(), sqlx::Error> {
    sqlx::query("insert into visits (id) values (?)")
        .bind(id)
        .execute(&mut *tx)
        .await?;
    Err(sqlx::Error::RowNotFound)
}

#[background_job(no_rollback_for = error if error.as_database_error().is_none(), read_write, retry = 2)]
pub async fn kept(tx: &mut Session, id: i64) -> Result<(), sqlx::Error> {
    sqlx::query("insert into visits (id) values (?)")
        .bind(id)
        .execute(&mut *tx)
        .await?;
    Ok(())
}

const fn expected() -> bool {
    true
}

pub fn is_send(db: &SessionFactory) -> impl Future<Output = ()> + Send + use<> {
    let db = db.clone();
    async move {
        let _ = note(db.clone(), 1).await;
        let _ = of_several(db.clone(), 1).await;
        let _ = db.run(always_kept(1)).await;
        let _ = db.spawn(kept(1)).await;
    }
}

fn main() {}
