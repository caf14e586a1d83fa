use demarcate::{mysql, postgres, service};

struct App {
    legacy: mysql::SessionFactory,
}

#[service]
async fn import(tx: &mut postgres::Session, app: &App) -> Result<(), demarcate::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    app.legacy
        .transaction(async |legacy| {
            sqlx::query("select 1").execute(&mut *legacy).await?;
            Ok(())
        })
        .await
}

fn main() {}
