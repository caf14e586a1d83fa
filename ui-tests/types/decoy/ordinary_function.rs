use demarcate::sqlite::Session;

async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    tx.commit().await?;
    tx.rollback().await?;
    tx.begin().await?;
    Ok(())
}

fn main() {}
