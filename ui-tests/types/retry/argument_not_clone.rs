use demarcate::sqlite::Session;
use demarcate::{Error, background_job, router_tx};

struct Parcel(i64);

#[router_tx(retry = 3)]
async fn post(tx: &mut Session, Parcel(id): Parcel, parcel: Parcel) -> Result<(), Error> {
    sqlx::query("select ?, ?").bind(id).bind(parcel.0).execute(&mut *tx).await?;
    Ok(())
}

#[background_job(retry = 3)]
async fn ship(tx: &mut Session, parcel: Parcel) -> Result<(), Error> {
    sqlx::query("select ?").bind(parcel.0).execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
