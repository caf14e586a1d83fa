#![deny(warnings)]
#![allow(dead_code)]

//! Iterators, streams, slices and bounds of other kinds than those that a rule is about.

use demarcate::service;
use demarcate::sqlite::Session;
use futures_util::TryStreamExt;

fn spawn(id: i64) -> String {
    id.to_string()
}

fn spawn_by_name(name: &str) -> usize {
    name.len()
}

struct JoinSet;

impl FromIterator<i64> for JoinSet {
    fn from_iter<I: IntoIterator<Item = i64>>(_: I) -> Self {
        Self
    }
}

#[service]
async fn functions_called_so(tx: &mut Session, ids: Vec<i64>) -> Result<Vec<String>, sqlx::Error> {
    save(tx).await?;
    let lengths: Vec<_> = ["a", "b"].into_iter().map(spawn_by_name).collect();
    println!("{lengths:?}");
    let joined: JoinSet = ids.iter().copied().collect();
    let again = JoinSet::from_iter(ids.iter().copied());
    drop((joined, again));
    Ok(ids.into_iter().map(spawn).collect())
}

#[service]
async fn counted(tx: &mut Session, ids: &[i64]) -> Result<usize, sqlx::Error> {
    let rows = sqlx::query("select 1").fetch_all(&mut *tx).await?;
    ids.iter().for_each(|_| println!("one"));
    let more = rows.iter().fold(0, |rows, _| rows + 1);
    let last = ids.iter().last().is_some();
    let streamed = sqlx::query("select 1")
        .fetch(&mut *tx)
        .try_fold(0, |rows, _| async move { Ok(rows + 1) })
        .await?;
    Ok(rows.iter().count() + more + streamed + usize::from(last))
}

#[service]
async fn arrays(tx: &mut Session, names: &[Option<i64>]) -> Result<u64, sqlx::Error> {
    if let [Some(first), ..] = names {
        println!("{first}");
    }
    match [save(tx).await, save(tx).await] {
        [Ok(first), Ok(second)] => Ok(first + second),
        [Err(error), _] | [_, Err(error)] => Err(error),
    }
}

trait Store<T>: Sync {
    fn load(&self) -> T;
}

#[service]
async fn bounds<'a, T, S, F>(
    tx: &mut Session,
    store: &S,
    ids: impl IntoIterator<Item = &'a (i64, String), IntoIter: Send> + Send,
    path: impl AsRef<std::path::Path> + Send,
    rename: impl for<'b> Fn(&'b str) -> &'b str + Send,
    check: &(dyn Fn(&str) -> Result<String, std::fmt::Error> + Sync),
    count: F,
) -> Result<u64, sqlx::Error>
where
    T: Into<String> + Send,
    S: Store<T>,
    F: AsyncFnOnce(&mut Session) -> Result<u64, sqlx::Error>,
{
    let name: String = store.load().into();
    for (id, text) in ids {
        println!("{id} {} {:?}", rename(text), check(&name));
    }
    println!("{}", path.as_ref().display());
    count(tx).await
}

#[service]
async fn save(tx: &mut Session) -> Result<u64, sqlx::Error> {
    let saved = sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(saved.rows_affected())
}

fn main() {}
