use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn grow(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("create table users (mail text unique on conflict rollback)").execute(&mut *tx).await?;
    sqlx::raw_sql("create trigger t before update on stock begin select raise(rollback, 'sold out'); end")
        .execute(&mut *tx)
        .await?;
    Ok(())
}

fn main() {}
