use demarcate::service;
use demarcate::sqlite::Session;

mod login {
    pub struct Session;
}

#[service(allow(second_session, reason = "the other one is not ours"))]
async fn place_order(tx: &mut Session, login: &mut login::Session) -> Result<(), sqlx::Error> {
    let _ = login;
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
