//! What has a `commit` and is no transaction of sqlx, as the crates have it that are used beside a database.

#![deny(warnings)]

use std::sync::{Arc, Mutex};

use demarcate::sqlite::Session;
use demarcate::{background_job, router_tx, service};

type Done<T = ()> = Result<T, sqlx::Error>;

/// As tantivy's.
pub struct IndexWriter(u64);

impl IndexWriter {
    pub fn commit(&mut self) -> Done<u64> {
        Ok(self.0)
    }
    pub fn rollback(&mut self) -> Done<u64> {
        Ok(self.0)
    }
    pub fn prepare_commit(&mut self) -> Done<PreparedCommit<'_>> {
        Ok(PreparedCommit(self))
    }
}

pub struct PreparedCommit<'a>(&'a mut IndexWriter);

impl PreparedCommit<'_> {
    pub fn commit(self) -> Done<u64> {
        self.0.commit()
    }
}

/// As git2's: `commit` with many arguments, through `&self`.
pub struct Repository;

impl Repository {
    pub fn commit(&self, update: Option<&str>, message: &str, parents: &[&Repository]) -> Done<usize> {
        Ok(update.map_or(0, str::len) + message.len() + parents.len())
    }
    pub fn transaction(&self) -> Done<RefTransaction<'_>> {
        Ok(RefTransaction(self))
    }
}

pub struct RefTransaction<'repo>(&'repo Repository);

impl RefTransaction<'_> {
    pub fn commit(self) -> Done {
        self.0.commit(None, "", &[]).map(drop)
    }
}

/// As a Kafka consumer's, async and through an `Arc`.
pub struct Consumer;

impl Consumer {
    pub async fn commit(&self, mode: bool) -> Done<bool> {
        Ok(mode)
    }
}

/// As redb's and heed's: a transaction of the user's own.
pub struct Database;

impl Database {
    pub fn begin_write(&self) -> Done<WriteTransaction> {
        Ok(WriteTransaction)
    }
    pub fn begin(&self) -> Done<RwTxn<'_>> {
        Ok(RwTxn(self))
    }
}

pub struct WriteTransaction;

impl WriteTransaction {
    pub fn commit(self) -> Done {
        Ok(())
    }
    pub fn abort(self) -> Done {
        Ok(())
    }
}

pub struct RwTxn<'env>(#[allow(dead_code)] &'env Database);

impl RwTxn<'_> {
    pub fn commit(self) -> Done {
        Ok(())
    }
    pub fn rollback(self) {}
}

/// A type of the same name as sqlx's.
pub struct Transaction(Vec<u8>);

impl Transaction {
    pub fn begin() -> Self {
        Self(Vec::new())
    }
    pub fn commit(&mut self) -> &mut Self {
        self.0.push(0);
        self
    }
}

pub struct Beside {
    index: Mutex<IndexWriter>,
    repository: Repository,
    consumer: Arc<Consumer>,
    database: Database,
    all: Vec<IndexWriter>,
    maybe: Option<WriteTransaction>,
}

#[service]
pub async fn service(tx: &mut Session, beside: &mut Beside) -> Done<u64> {
    sqlx::query("select 1").execute(tx).await?;
    let Beside { index, repository, consumer, database, all, maybe } = beside;
    // `&mut self`
    let mut count = index.lock().expect("no panic").commit()?;
    count += index.get_mut().expect("no panic").prepare_commit()?.commit()?;
    for writer in all.iter_mut() {
        count += writer.commit()?;
    }
    count += all[0].rollback()?;
    // `&self`
    repository.commit(Some("HEAD"), "message", &[&Repository])?;
    repository.transaction()?.commit()?;
    consumer.commit(true).await?;
    // `self`
    let write = database.begin_write()?;
    write.commit()?;
    let txn = database.begin()?;
    if count > 3 { txn.commit()? } else { txn.rollback() }
    if let Some(write) = maybe.take() {
        write.commit()?;
    }
    maybe.replace(WriteTransaction).map(WriteTransaction::commit).transpose()?;
    Transaction::begin().commit().commit();
    Ok(count)
}

#[router_tx]
pub async fn router(tx: &mut Session, mut index: IndexWriter, database: Arc<Database>) -> Done<u64> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    database.begin()?.commit()?;
    let count = index.commit()?;
    tx.after_commit(async move {
        let _ = index.commit();
    });
    Ok(count)
}

#[background_job]
pub async fn job(tx: &mut Session, repository: Repository, database: Database) -> Done<usize> {
    sqlx::query("select 1").execute(tx).await?;
    database.begin_write()?.commit()?;
    let closure = |message: &str| repository.commit(None, message, &[]);
    closure("a")
}

fn main() {}
