use demarcate::service;
use demarcate::sqlite::Session;

macro_rules! attempt {
    (do $what:expr) => {
        $what
    };
}

#[service]
async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    attempt!(do tx.commit().await)
}

fn main() {}
