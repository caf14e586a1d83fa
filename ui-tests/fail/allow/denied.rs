use demarcate::service;
use demarcate::sqlite::Session;

#[service(deny(commit))]
async fn create(tx: &mut Session) -> Result<(), sqlx::Error> {
    let _ = tx;
    Ok(())
}

fn main() {
    let _ = create;
}
