use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    tx.savepoint(async |sp| {
        sqlx::query("select 1").execute(&mut *sp).await?;
        sp.commit().await?;
        Ok::<_, sqlx::Error>(())
    })
    .await
}

fn main() {}
