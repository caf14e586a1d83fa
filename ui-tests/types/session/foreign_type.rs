use demarcate::{background_job, router_tx, service};

struct Session;

#[service]
async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    let _ = tx;
    Ok(())
}

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<(), demarcate::Error> {
    let _ = tx;
    Ok(())
}

#[background_job]
async fn ship(tx: &mut Session) -> Result<(), demarcate::Error> {
    let _ = tx;
    Ok(())
}

fn main() {}
