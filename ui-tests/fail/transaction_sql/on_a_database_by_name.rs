use demarcate::{router_tx, service};

#[service]
async fn grow(tx: &mut demarcate::mysql::Session) -> Result<(), sqlx::Error> {
    sqlx::query("create table notes (text text)").execute(&mut *tx).await?;
    sqlx::query("set autocommit = 1").execute(&mut *tx).await?;
    sqlx::query("set local time_zone = '+00:00'").execute(&mut *tx).await?;
    Ok(())
}

#[router_tx]
async fn post_order(tx: &mut demarcate::postgres::Session) -> Result<(), demarcate::Error> {
    sqlx::query("set transaction read only").execute(&mut *tx).await?;
    sqlx::query("set search_path = shop").execute(&mut *tx).await?;
    sqlx::query("do $$ begin perform dblink_exec('archive', 'delete from orders'); end $$").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
