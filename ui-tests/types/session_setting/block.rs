use demarcate::service;
use demarcate::postgres::Session;

#[service]
async fn settle(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("do $$ begin set search_path = tenant_1; end $$").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
