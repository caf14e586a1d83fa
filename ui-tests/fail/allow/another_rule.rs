use demarcate::service;
use demarcate::sqlite::Session;

#[service(allow(rollback, reason = "another one is broken"))]
async fn create(tx: &mut Session) -> Result<(), sqlx::Error> {
    tx.commit().await
}

fn main() {
    let _ = create;
}
