use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{background_job, router_tx, service};

#[service]
async fn add(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("insert into log (id) values (1)").execute(&mut *tx).await?;
    Ok(())
}

#[router_tx]
async fn post_order(tx: &mut Session, id: i64) -> Result<(), demarcate::Error> {
    add(tx).await?;
    tx.after_commit(async move {
        let _first = sqlx::query("insert into log (id) values (?)").bind(id).execute(&mut *tx).await;
        let _second = add(tx).await;
    });
    Ok(())
}

#[service]
async fn create(tx: &mut Session) -> Result<(), sqlx::Error> {
    tx.after_commit(async { println!("{tx:?}", tx = tx) });
    add(tx).await
}

#[background_job]
async fn ship(tx: &mut Session, db: SessionFactory2) -> Result<(), demarcate::Error> {
    // Another session, of another boundary.
    tx.after_commit(async move {
        let _logged = db.0.transaction(async |tx| add(tx).await.map_err(demarcate::Error::from)).await;
    });
    tx.after_commit(async move { add(tx).await.unwrap() });
    Ok(())
}

#[derive(Clone)]
struct SessionFactory2(SessionFactory);

fn main() {}
