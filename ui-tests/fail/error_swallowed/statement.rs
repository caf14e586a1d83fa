use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    match sqlx::query("select 1").execute(&mut *tx).await {
        Ok(_) => {}
        Err(_) => {}
    }
    match sqlx::query("select 1").execute(&mut *tx).await {
        Ok(done) if done.rows_affected() == 1 => {}
        _ => {}
    }
    if let Ok(done) = sqlx::query("select 1").execute(&mut *tx).await {
        println!("{}", done.rows_affected());
    }
    if let Err(_error) = sqlx::query("select 1").execute(&mut *tx).await {
        println!("failed");
    }
    let Ok(_) = sqlx::query("select 1").execute(&mut *tx).await else {
        return Ok(());
    };
    Ok(())
}

fn main() {}
