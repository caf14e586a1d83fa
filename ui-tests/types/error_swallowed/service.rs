use demarcate::sqlite::Session;
use demarcate::{router_tx, service};
use futures_util::StreamExt;

struct Orders<'a> {
    tx: &'a mut Session,
}

impl Orders<'_> {
    async fn count(&mut self) -> Result<i64, sqlx::Error> {
        count(self.tx).await
    }
}

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<i64, demarcate::Error> {
    let mut sum = match count(tx).await {
        Ok(n) => n,
        Err(_) => 0,
    };
    if let Ok(n) = count(tx).await {
        sum += n;
    }
    let Ok(_n) = count(tx).await else {
        return Ok(sum);
    };
    let counted = count(tx).await;
    match counted {
        Ok(n) => sum += n,
        Err(..) => println!("failed"),
    }
    let counted = count(tx).await;
    if let Ok(counted) = counted {
        sum += counted;
    }
    // A savepoint whose body passes over a failure does not commit either.
    sum += tx
        .savepoint(async |tx| match count(tx).await {
            Ok(n) => Ok::<_, demarcate::Error>(n),
            Err(_) => Ok(0),
        })
        .await?;
    let mut orders = Orders { tx };
    if let Ok(n) = orders.count().await {
        sum += n;
    }
    Ok(sum)
}

#[service]
async fn read(tx: &mut Session) -> Result<i64, sqlx::Error> {
    let mut sum = 0;
    let mut rows = sqlx::query_scalar::<_, i64>("select 1").fetch(&mut *tx);
    while let Some(Ok(n)) = rows.next().await {
        sum += n;
    }
    let mut rows = sqlx::query_scalar::<_, i64>("select 1").fetch(&mut *tx);
    while let Some(row) = rows.next().await {
        let Ok(n) = row else { continue };
        sum += n;
    }
    Ok(sum)
}

async fn count(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await
}

fn main() {}
