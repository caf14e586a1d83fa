use demarcate::postgres::Session;
use demarcate::service;

#[service]
async fn export(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("select * from dblink('dbname=audit', 'insert into log values (1) returning id') as t (id bigint)")
        .execute(&mut *tx)
        .await?;
    sqlx::query("copy orders to program 'gzip > /tmp/orders.gz'").execute(&mut *tx).await?;
    sqlx::query("select set_config('app.tenant', $1, is_local => false)").bind("a").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
