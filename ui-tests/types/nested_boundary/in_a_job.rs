use demarcate::background_job;
use demarcate::sqlite::{Session, SessionFactory};

fn factory() -> SessionFactory {
    unimplemented!()
}

#[background_job]
async fn ship(tx: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    factory().transaction(async |_tx| Ok::<_, demarcate::Error>(())).await
}

fn main() {}
