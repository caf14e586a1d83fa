//! A service says what it needs of the boundary that it is called in.

use demarcate::sqlite::Session;
use demarcate::{router_tx, service};

#[service(requires(isolation = Serializable, read_write))]
pub async fn withdraw(tx: &mut Session, cents: i64) -> Result<(), sqlx::Error> {
    const SQL: &str = "update accounts set cents = cents - ?";
    sqlx::query(SQL).bind(cents).execute(&mut *tx).await?;
    Ok(())
}

#[service(requires(read_write))]
pub async fn deposit(mut tx: &mut Session, cents: i64) -> Result<(), sqlx::Error> {
    tx = &mut *tx;
    sqlx::query("update accounts set cents = cents + ?")
        .bind(cents)
        .execute(&mut *tx)
        .await?;
    Ok(())
}

pub struct Accounts;

#[service(requires(isolation = demarcate::Isolation::RepeatableRead))]
impl Accounts {
    pub fn new() -> Self {
        Self
    }

    pub async fn balance(&self, tx: &mut Session) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("select cents from accounts")
            .fetch_one(&mut *tx)
            .await
    }

    #[service(requires(isolation = Serializable))]
    pub async fn close(&self, tx: &mut Session) -> Result<(), sqlx::Error> {
        let cents = self.balance(tx).await?;
        withdraw(tx, cents).await
    }
}

impl Default for Accounts {
    fn default() -> Self {
        Self::new()
    }
}

#[router_tx(isolation = Serializable)]
pub async fn close(tx: &mut Session) -> Result<(), demarcate::Error> {
    Accounts::new().close(tx).await?;
    deposit(tx, 1).await?;
    Ok(())
}

fn main() {}
