use demarcate::{background_job, router_tx, service};
use demarcate::sqlite::Session;

#[service(allow(comit, reason = "a slip"))]
async fn create(tx: &mut Session) -> Result<(), sqlx::Error> {
    let _ = tx;
    Ok(())
}

#[router_tx(allow(D10, reason = "a slip"))]
async fn read(tx: &mut Session) -> Result<(), sqlx::Error> {
    let _ = tx;
    Ok(())
}

#[background_job(allow(propagation, reason = "another word"))]
async fn remove(tx: &mut Session) -> Result<(), sqlx::Error> {
    let _ = tx;
    Ok(())
}

fn main() {
    let _ = (create, read, remove);
}
