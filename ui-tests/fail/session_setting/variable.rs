use demarcate::mysql::Session;
use demarcate::service;

#[service]
async fn place(tx: &mut Session, user: i64) -> Result<(), sqlx::Error> {
    sqlx::query("set @current_user_id = ?").bind(user).execute(&mut *tx).await?;
    sqlx::query("select @current_user_id := ?").bind(user).execute(&mut *tx).await?;
    sqlx::query("select * into outfile '/tmp/orders' from orders").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
