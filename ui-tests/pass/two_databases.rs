#![deny(warnings)]

use demarcate::{Error, TxOptions, mysql, postgres, service, sqlite};

type Legacy = mysql::Session;

#[service(allow(second_session, reason = "the legacy shop is read until it is gone"))]
async fn import(orders: &mut postgres::Session, legacy: &mut mysql::Session) -> Result<i64, sqlx::Error> {
    let count: i64 = sqlx::query_scalar("select count(*) from orders").fetch_one(&mut *legacy).await?;
    sqlx::query("insert into imports (orders) values ($1)").bind(count).execute(&mut *orders).await?;
    Ok(count)
}

/// Aliases, a block, `requires` of both, and a guard that is lifted for both.
struct Shop;

#[service(allow(D002, temporary_table, reason = "two databases"), requires(read_write))]
impl Shop {
    async fn copy(&self, #[session] orders: &mut postgres::Session, #[session] legacy: &mut Legacy) -> Result<i64, sqlx::Error> {
        import(orders, legacy).await
    }

    async fn three(
        &self,
        a: &mut postgres::Session,
        b: &mut mysql::Session,
        c: &mut sqlite::Session,
    ) -> Result<(), sqlx::Error> {
        sqlx::query("select 1").execute(&mut *c).await?;
        self.copy(a, b).await?;
        Ok(())
    }
}

/// A plain function opens one boundary in the other.
async fn in_both(orders: &postgres::SessionFactory, legacy: &mysql::SessionFactory) -> Result<i64, Error> {
    orders
        .transaction_with(TxOptions::new().read_write(), async |orders: &mut postgres::Session| {
            legacy.transaction(async |legacy| import(orders, legacy).await.map_err(Error::from)).await
        })
        .await
}

/// So does a service that has leave for it.
#[service(allow(past_the_session, nested_boundary, reason = "the legacy shop is read until it is gone"))]
async fn with_factory(orders: &mut postgres::Session, legacy: &mysql::SessionFactory) -> Result<i64, Error> {
    legacy.transaction(async |legacy| import(orders, legacy).await.map_err(Error::from)).await
}

/// The session's own database stays the one that is asked about where the types are generic.
#[service]
async fn generic<T: Send>(tx: &mut postgres::Session, value: Option<T>) -> Result<Option<T>, sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(value)
}

fn is_send<T: Send>(_: impl FnOnce() -> T) {}

fn main() {
    fn factory<F>() -> F {
        unreachable!("never called")
    }
    is_send(|| async { in_both(&factory(), &factory()).await });
    is_send(|| async {
        let orders: postgres::SessionFactory = factory();
        orders.transaction(async |tx| with_factory(tx, &factory()).await).await
    });
    is_send(|| async {
        let orders: postgres::SessionFactory = factory();
        orders.transaction(async |tx| generic(tx, Some(1)).await.map_err(Error::from)).await
    });
    let _ = Shop::three;
}
