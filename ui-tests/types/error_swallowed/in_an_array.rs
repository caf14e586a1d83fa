use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn save(tx: &mut Session) -> Result<u64, sqlx::Error> {
    let saved = sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(saved.rows_affected())
}

#[service]
async fn save_two(tx: &mut Session) -> Result<(), sqlx::Error> {
    match [save(tx).await, save(tx).await] {
        [Ok(first), Ok(second)] => println!("{first} {second}"),
        _ => println!("not both"),
    }
    if let [Ok(first), ..] = [save(tx).await, save(tx).await] {
        println!("{first}");
    }
    let [Ok(first), Ok(_)] = [save(tx).await, save(tx).await] else {
        return Ok(());
    };
    println!("{first}");
    Ok(())
}

fn main() {}
