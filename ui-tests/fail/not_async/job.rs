use demarcate::background_job;
use demarcate::sqlite::Session;

#[background_job]
fn ship(tx: &mut Session, order_id: i64) -> Result<i64, demarcate::Error> {
    let _ = tx;
    Ok(order_id)
}

fn main() {}
