use demarcate::service;
use demarcate::postgres::Session;

#[service]
async fn place(tx: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("set search_path to shop").execute(&mut *tx).await?;
    sqlx::query("select set_config('app.user', $1, false)").bind("a").execute(&mut *tx).await?;
    sqlx::raw_sql("select 1; reset all").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
