use demarcate::postgres::Session;
use demarcate::service;

#[service]
async fn place(tx: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("select setseed(0.5)").execute(&mut *tx).await?;
    sqlx::query("select dblink_connect('archive', $1)").bind("a").execute(&mut *tx).await?;
    sqlx::query("load 'auto_explain'").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
