#![deny(warnings)]

//! A trait under `#[async_trait]` has boxed futures, can be made into an object, and stays so.

use demarcate::service;
use demarcate::sqlite::Session;

#[service]
#[async_trait::async_trait]
pub trait Below: Send + Sync {
    async fn a(&self, tx: &mut Session) -> Result<(), sqlx::Error>;

    async fn b(&self, tx: &mut Session) -> Result<(), sqlx::Error> {
        self.a(tx).await
    }
}

#[async_trait::async_trait]
#[service]
pub trait Above: Send + Sync {
    async fn a(&self, tx: &mut Session) -> Result<(), sqlx::Error>;

    async fn b(&self, tx: &mut Session) -> Result<(), sqlx::Error> {
        self.a(tx).await
    }
}

pub fn objects<'a>(below: &'a dyn Below, above: &'a dyn Above) -> (&'a dyn Below, &'a dyn Above) {
    (below, above)
}

fn main() {}
