use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{Error, service};

struct App {
    db: SessionFactory,
}

#[service]
async fn create_order(tx: &mut Session, app: &App) -> Result<(), Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    app.db.connection(async |_| Ok::<_, Error>(())).await?;
    Ok(())
}

fn main() {}
