#![deny(warnings)]

//! Many things have a `commit`, a `rollback` and a `begin`.

use demarcate::sqlite::Session;
use demarcate::service;

pub struct IndexWriter {
    docs: Vec<String>,
}

impl IndexWriter {
    pub fn commit(&mut self) -> Result<usize, sqlx::Error> {
        Ok(self.docs.len())
    }

    pub fn rollback(self) -> usize {
        self.docs.len()
    }

    pub fn begin<'a>(&'a mut self, doc: &'a str) -> Batch<'a> {
        Batch { writer: self, doc }
    }
}

pub struct Batch<'a> {
    writer: &'a mut IndexWriter,
    doc: &'a str,
}

impl Batch<'_> {
    pub async fn commit(self) -> Result<usize, sqlx::Error> {
        self.writer.docs.push(self.doc.to_owned());
        self.writer.commit()
    }
}

pub struct Search {
    writer: std::sync::Mutex<IndexWriter>,
}

pub trait Commit {
    fn commit(&self) -> usize;
}

#[service]
pub async fn index<C: Commit + ?Sized>(
    tx: &mut Session,
    search: &Search,
    mut writer: IndexWriter,
    generic: &C,
) -> Result<usize, sqlx::Error> {
    sqlx::query("select 1").execute(tx).await?;
    search.writer.lock().unwrap().commit()?;
    let mut all = generic.commit();
    all += writer.commit()?;
    all += writer.begin(&String::from("a")).commit().await?;
    all += ["b"].map(|doc| writer.begin(doc).writer.commit().unwrap_or(0))[0];
    writer.commit()?;
    {
        let tx = &mut writer;
        tx.commit()?;
    }
    commit(&mut writer);
    IndexWriter::commit(&mut writer)?;
    all += writer.rollback();
    Ok(all)
}

fn commit(_: &mut IndexWriter) {}

fn main() {}
