use demarcate::service;
use demarcate::sqlite::Session;

#[service(skip)]
async fn create(tx: &mut Session) -> Result<(), sqlx::Error> {
    let _ = tx;
    Ok(())
}

struct Orders;

#[service(skip)]
impl Orders {}

fn main() {
    let _ = (create, Orders);
}
