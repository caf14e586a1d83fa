#![deny(warnings)]

use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{background_job, router_tx, service};

pub struct Orders<T> {
    db: SessionFactory,
    prefix: T,
}

#[service]
impl<T: AsRef<str> + Send + Sync> Orders<T> {
    pub const LIMIT: usize = { 8 };

    /// A constructor has no session, and takes what it likes.
    pub const fn new(db: SessionFactory, prefix: T) -> Self {
        Self { db, prefix }
    }

    pub async fn create(&self, tx: &mut Session, sku: &str) -> Result<String, sqlx::Error> {
        let sku = self.named(sku);
        sqlx::query("select ?").bind(&sku).execute(&mut *tx).await?;
        Ok(sku)
    }

    #[service(allow(past_the_session, reason = "reads a setting before the transaction"))]
    pub async fn setting(tx: &mut Session, pool: &sqlx::SqlitePool) -> Result<(), sqlx::Error> {
        let _ = pool;
        sqlx::query("select 1").execute(tx).await?;
        Ok(())
    }

    #[service(skip)]
    pub async fn migrate(pool: &sqlx::SqlitePool) -> Result<(), sqlx::Error> {
        let tx = pool.begin().await?;
        tx.commit().await
    }

    #[router_tx(from = self.db)]
    pub async fn place(&self, sku: &str) -> Result<String, demarcate::Error> {
        Ok(self.create(tx, sku).await?)
    }

    fn named(&self, sku: &str) -> String {
        format!("{}{sku}", self.prefix.as_ref())
    }
}

#[service]
pub trait Store {
    type Id: Send;

    fn name(&self) -> &'static str {
        "store"
    }

    fn save(&self, tx: &mut Session) -> impl Future<Output = Result<Self::Id, sqlx::Error>> + Send;
}

#[service]
impl<T: AsRef<str> + Send + Sync> Store for Orders<T> {
    type Id = String;

    async fn save(&self, tx: &mut Session) -> Result<Self::Id, sqlx::Error> {
        self.create(tx, "a").await
    }
}

#[service]
pub mod orders {
    use super::{Session, background_job, router_tx};

    pub const fn helper() -> i64 {
        1
    }

    pub async fn count(tx: &mut Session) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("select ?")
            .bind(helper())
            .fetch_one(tx)
            .await
    }

    /// Marked by itself as well: it is no other thing for that.
    #[service]
    pub async fn twice(tx: &mut Session) -> Result<i64, sqlx::Error> {
        Ok(2 * count(tx).await?)
    }

    #[router_tx(read_only)]
    pub async fn get(tx: &mut Session) -> Result<i64, demarcate::Error> {
        Ok(inner::Shop.count(tx).await?)
    }

    #[background_job]
    pub async fn ship(tx: &mut Session, id: i64) -> Result<i64, demarcate::Error> {
        Ok(id + twice(tx).await?)
    }

    pub mod inner {
        use super::Session;

        pub struct Shop;

        impl Shop {
            pub async fn count(&self, tx: &mut Session) -> Result<i64, sqlx::Error> {
                super::count(tx).await
            }
        }
    }

    #[service(skip)]
    pub mod setup {
        pub async fn migrate(pool: &sqlx::SqlitePool) -> Result<(), sqlx::Error> {
            pool.begin().await?.commit().await
        }
    }

    #[cfg(any())]
    async fn not_there(tx: Session) {
        tx.commit().await;
    }
}

fn main() {}
