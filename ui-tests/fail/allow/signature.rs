use demarcate::service;
use demarcate::sqlite::Session;

#[service(allow(D003, reason = "it is mine"))]
async fn create(tx: &mut Session) -> Result<(), sqlx::Error> {
    let _ = tx;
    Ok(())
}

fn main() {
    let _ = create;
}
