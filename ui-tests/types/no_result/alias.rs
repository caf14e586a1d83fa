use demarcate::sqlite::Session;
use demarcate::service;

type Count = i64;

#[service]
async fn count(tx: &mut Session) -> Count {
    let _ = tx;
    1
}

fn main() {}
