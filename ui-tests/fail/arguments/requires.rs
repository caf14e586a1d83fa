use demarcate::sqlite::Session;
use demarcate::{router_tx, service};

#[service(requires)]
async fn nothing(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await.map(drop)
}

#[service(requires(isolation = Snapshot, read_only))]
async fn misspelt(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await.map(drop)
}

#[service(isolation = Serializable)]
async fn of_a_boundary(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await.map(drop)
}

#[router_tx(requires(read_write))]
async fn of_a_service(tx: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

#[service(requires(read_write))]
async fn without_a_name(_: &mut Session) -> Result<(), sqlx::Error> {
    Ok(())
}

struct Shop;

#[service]
impl Shop {
    #[service(requires(read_write))]
    fn open() -> Self {
        Self
    }
}

#[service(requires(read_write))]
trait Store {
    async fn create(&self, tx: &mut Session) -> Result<(), sqlx::Error>;
    async fn remove(&self, tx: &mut Session) -> Result<(), sqlx::Error>;
}

fn main() {}
