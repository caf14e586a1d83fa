use demarcate::service;
use demarcate::sqlite::Session;

macro_rules! timed {
    ($what:expr) => {
        $what
    };
}

#[service]
async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    if matches!(tx.commit().await, Ok(())) {
        return Ok(());
    }
    tokio::select! {
        done = tx.rollback() => done?,
        () = async {} => {}
    }
    timed!(tx.commit().await)?;
    let all = vec![tx.commit().await];
    all.into_iter().collect()
}

fn main() {}
