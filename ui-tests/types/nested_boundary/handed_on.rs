use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{Error, router_tx, service};

struct App {
    db: SessionFactory,
}

#[router_tx]
async fn write_log(tx: &mut Session, line: String) -> Result<(), Error> {
    sqlx::query("insert into log (line) values ($1)").bind(line).execute(&mut *tx).await?;
    Ok(())
}

#[service]
async fn pay(tx: &mut Session, app: &App) -> Result<(), Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    write_log(app.db.clone(), "paid".to_owned()).await
}

fn main() {}
