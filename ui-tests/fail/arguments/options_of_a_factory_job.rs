use demarcate::background_job;
use demarcate::sqlite::SessionFactory;

#[background_job(isolation = Serializable, timeout = "5s", name = "nightly sweep")]
async fn sweep(db: &SessionFactory) -> Result<(), demarcate::Error> {
    let _ = db;
    Ok(())
}

fn main() {}
