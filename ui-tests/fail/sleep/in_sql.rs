use demarcate::{mysql, postgres, service};

#[service(deny(sleep))]
async fn wait(tx: &mut postgres::Session) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_sleep(5)").execute(&mut *tx).await?;
    Ok(())
}

#[service(deny(sleep))]
async fn wait_there(tx: &mut mysql::Session) -> Result<(), sqlx::Error> {
    sqlx::query("do sleep(5)").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
