use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<(), demarcate::Error> {
    // The scope has done its work.
    let _ = tx
        .savepoint(async |sp| {
            sqlx::query("select 1").execute(&mut *sp).await.ok();
            Ok::<_, demarcate::Error>(())
        })
        .await;
    Ok(())
}

fn main() {}
