use demarcate::service;
use demarcate::sqlite::{Session, SessionFactory};
use sqlx::SqlitePool;

struct Shards {
    all: Vec<SqlitePool>,
    main: SqlitePool,
}

impl Shards {
    fn shard(&self, id: usize) -> &SqlitePool {
        &self.all[id % self.all.len()]
    }

    fn factory(&self, _: &str) -> SessionFactory {
        unimplemented!("never called")
    }

    async fn resolve(&self, _: usize) -> Result<SqlitePool, std::io::Error> {
        Ok(self.main.clone())
    }
}

#[service]
async fn create_order(tx: &mut Session, shards: &Shards, id: usize) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    note(shards.shard(id)).await;
    let shard = shards.shard(id);
    note(shard).await;
    let shard = match id {
        0 => &shards.main,
        _ => &shards.all[1],
    };
    note(shard).await;
    let least = shards.all.iter().min_by_key(|pool| pool.size()).unwrap();
    note(least).await;
    for (pool, id) in shards.all.iter().zip(0..) {
        note(pool).await;
        println!("{id}");
    }
    if let Ok(pool) = shards.resolve(1).await {
        note(&pool).await;
    }
    job(shards.factory("main")).await;
    let last = shards.shard(id);
    Ok(note(last).await)
}

async fn note(pool: &SqlitePool) {
    println!("{}", pool.size());
}

async fn job(db: SessionFactory) {
    println!("{}", db.is_closing());
}

fn main() {}
