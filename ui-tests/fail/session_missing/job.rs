use demarcate::background_job;

#[background_job]
async fn ship(order_id: i64) -> Result<i64, demarcate::Error> {
    Ok(order_id)
}

fn main() {}
