use std::collections::HashMap;

use demarcate::service;
use demarcate::sqlite::Session;
use futures_util::{FutureExt, TryFutureExt};

type Counted = Result<i64, sqlx::Error>;

#[service]
async fn create_order(tx: &mut Session, all: bool) -> Result<i64, sqlx::Error> {
    let _ = Some(count(tx).await);
    let _ = &count(tx).await;
    drop(vec![count(tx).await]);
    let counted = Box::new(count(tx).await);
    let mut sum = counted.unwrap_or(0);
    let both = (count(tx).await, 1);
    sum += both.0.unwrap_or(0);
    let counted;
    if all {
        counted = count(tx).await;
    } else {
        counted = Ok(0);
    }
    sum += counted.unwrap_or(0);
    let counted = loop {
        break count(tx).await;
    };
    sum += counted.unwrap_or_default();
    for n in count(tx).await {
        sum += n;
    }
    let mut list = Vec::new();
    list.extend(count(tx).await);
    sum += Counted::ok(count(tx).await).unwrap_or(0);
    let mut counts = Vec::new();
    for _ in 0..3 {
        counts.push(count(tx).await);
    }
    sum += counts.into_iter().map_while(Result::ok).sum::<i64>();
    let counts = [count(tx).await, count(tx).await];
    sum += counts.into_iter().flat_map(|n| n).sum::<i64>();
    let counts = vec![count(tx).await];
    sum += counts.into_iter().map(Result::unwrap_or_default).sum::<i64>();
    let mut by_name = HashMap::new();
    by_name.insert("a", count(tx).await);
    sum += by_name.into_values().filter(|n| n.is_ok()).count() as i64;
    let counted = count(tx).await;
    sum += counted.as_ref().copied().unwrap_or_default();
    sum += count(tx).unwrap_or_else(|_| 0).await;
    count(tx).map(drop).await;
    tokio::select! {
        _ = count(tx) => {}
        () = std::future::pending() => {}
    }
    sum += tokio::select! {
        n = count(tx) => n.unwrap_or(0),
        () = std::future::pending() => 0,
    };
    Ok(sum)
}

async fn count(tx: &mut Session) -> Counted {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await
}

fn main() {}
