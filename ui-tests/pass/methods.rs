#![deny(warnings)]

use std::sync::Arc;

use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{router_tx, service};

pub struct Orders<T> {
    db: SessionFactory,
    prefix: T,
}

impl<T: AsRef<str> + Send + Sync> Orders<T> {
    #[service]
    pub async fn create(&self, tx: &mut Session, sku: &str) -> Result<String, sqlx::Error> {
        let sku = format!("{}{sku}", self.prefix.as_ref());
        sqlx::query("select ?").bind(&sku).execute(&mut *tx).await?;
        Ok(sku)
    }

    #[service]
    pub async fn create_static(tx: &mut Session, _: &Self) -> Result<(), sqlx::Error> {
        sqlx::query("select 1").execute(tx).await?;
        Ok(())
    }

    #[router_tx(from = self.db)]
    pub async fn place(&self, sku: &str) -> Result<String, demarcate::Error> {
        Ok(self.create(tx, sku).await?)
    }

    #[router_tx(from = self.factory())]
    pub async fn place_owned(self: Arc<Self>, sku: String) -> Result<String, demarcate::Error> {
        Self::create_static(&mut *tx, &self).await?;
        Ok(self.create(tx, &sku).await?)
    }

    fn factory(&self) -> SessionFactory {
        self.db.clone()
    }
}

/// The signature is fixed from outside.
pub trait Place {
    fn place(&self, sku: String) -> impl Future<Output = Result<String, demarcate::Error>> + Send;
}

pub struct Shop(SessionFactory);

impl Place for Shop {
    #[router_tx(from = self.0)]
    async fn place(&self, sku: String) -> Result<String, demarcate::Error> {
        sqlx::query("select ?").bind(&sku).execute(tx).await?;
        Ok(sku)
    }
}

pub trait Store {
    #[service]
    fn save(&self, tx: &mut Session) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

impl Store for Shop {
    #[service]
    async fn save(&self, tx: &mut Session) -> Result<(), sqlx::Error> {
        sqlx::query("select 1").execute(tx).await?;
        Ok(())
    }
}

fn main() {}
