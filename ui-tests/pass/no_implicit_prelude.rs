#![no_implicit_prelude]
#![deny(warnings)]

extern crate demarcate as renamed;

mod code {
    use ::std::convert::From;
    use ::std::result::Result::{self, Ok};

    use crate::renamed::sqlite::{Session, SessionFactory};
    use crate::renamed::{JobError, background_job, router_tx, service};

    // Nothing of these may be looked up where the attributes stand.
    #[allow(dead_code)]
    mod core {}
    #[allow(dead_code)]
    mod std {}
    #[allow(dead_code)]
    mod demarcate {}

    #[service(crate = crate::renamed)]
    pub async fn create_order(tx: &mut Session, sku: i64) -> Result<i64, ::sqlx::Error> {
        match ::sqlx::query("select ?").bind(sku).execute(tx).await {
            Ok(_) => Ok(sku),
            Result::Err(error) => Result::Err(error),
        }
    }

    #[router_tx(crate = crate::renamed, isolation = Serializable, read_only, deferrable, timeout = "5s")]
    pub async fn post_order(tx: &mut Session, sku: i64) -> Result<i64, crate::renamed::Error> {
        tx.after_commit(ship(sku));
        create_order(tx, sku).await.map_err(crate::renamed::Error::from)
    }

    #[background_job(crate = crate::renamed, on_error = mark_failed)]
    pub async fn ship(tx: &mut Session, sku: i64) -> Result<i64, crate::renamed::Error> {
        create_order(tx, sku).await.map_err(crate::renamed::Error::from)
    }

    #[service(crate = crate::renamed)]
    pub async fn mark_failed(tx: &mut Session, _error: &JobError, sku: i64) -> Result<(), ::sqlx::Error> {
        match create_order(tx, sku).await {
            Ok(_) => Ok(()),
            Result::Err(error) => Result::Err(error),
        }
    }

    #[background_job(crate = crate::renamed)]
    pub async fn sweep(_db: &SessionFactory) -> Result<(), crate::renamed::Error> {
        Ok(())
    }

    /// A rule that warns.
    #[allow(deprecated)]
    #[service(crate = crate::renamed)]
    pub async fn patient(tx: &mut Session) -> Result<i64, ::sqlx::Error> {
        ::tokio::time::sleep(::std::time::Duration::from_secs(1)).await;
        create_order(tx, 1).await
    }

    #[service(crate = crate::renamed, allow(sleep, reason = "it waits for nobody"))]
    pub mod block {
        use ::std::result::Result;

        use super::Session;

        pub async fn patient(tx: &mut Session) -> Result<i64, ::sqlx::Error> {
            ::tokio::time::sleep(::std::time::Duration::from_secs(1)).await;
            super::create_order(tx, 1).await
        }
    }
}

fn main() {
    let _: (i32,) = (1,);
    let _ = code::post_order;
    let _ = code::sweep;
    let _ = (code::patient, code::block::patient);
}
