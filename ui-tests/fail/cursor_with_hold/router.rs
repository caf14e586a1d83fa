use demarcate::router_tx;
use demarcate::postgres::Session;

#[router_tx]
async fn place(tx: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("declare orders_cursor cursor with hold for select * from orders").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
