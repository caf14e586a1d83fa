use demarcate::background_job;
use demarcate::sqlite::SessionFactory;

#[background_job]
async fn sweep(db: SessionFactory) -> Result<(), demarcate::Error> {
    let _ = db;
    Ok(())
}

fn main() {}
