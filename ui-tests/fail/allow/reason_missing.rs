use demarcate::service;
use demarcate::sqlite::Session;

#[service(allow(D010))]
async fn create(tx: &mut Session) -> Result<(), sqlx::Error> {
    let _ = tx;
    Ok(())
}

#[service(allow(begin, reason = ""))]
async fn remove(tx: &mut Session) -> Result<(), sqlx::Error> {
    let _ = tx;
    Ok(())
}

fn main() {
    let _ = (create, remove);
}
