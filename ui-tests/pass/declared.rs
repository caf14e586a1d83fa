#![deny(warnings)]

//! `async fn` of a trait under `#[service]` has a future that is `Send`, so that generic code can wait for it.

use std::pin::Pin;
use std::sync::Arc;

use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{background_job, router_tx, service};

/// A supertrait, an associated type, a constant, a method that is not async.
#[service]
pub trait Users<K = i64>: Named + Sync
where
    K: Clone + Send + Sync,
{
    type User: Send;

    const LIMIT: usize = { 8 };

    fn limit(&self) -> usize {
        Self::LIMIT
    }

    /// Reads one.
    #[must_use = "it was asked for"]
    async fn find(&self, tx: &mut Session, id: K) -> Result<Self::User, sqlx::Error>;

    async fn touch(&self, tx: &mut Session) -> Result<(), sqlx::Error>;

    async fn name_of<'a>(&'a self, tx: &mut Session, id: &K) -> Result<&'a str, sqlx::Error>;

    async fn elided(&self, tx: &mut Session, prefix: &str) -> Result<&str, sqlx::Error>;

    async fn each<I>(&self, tx: &mut Session, ids: I) -> Result<usize, sqlx::Error>
    where
        I: IntoIterator<Item = K> + Send,
        I::IntoIter: Send;

    async fn named(
        &self,
        tx: &mut Session,
        name: impl Into<String> + Send,
    ) -> Result<usize, sqlx::Error>;

    async fn shown(&self, tx: &mut Session) -> Result<impl std::fmt::Display + Send, sqlx::Error>;

    /// A body of the trait's own.
    async fn both(
        &self,
        tx: &mut Session,
        (first, second): (K, K),
        mut count: usize,
        [_, last]: [usize; 2],
        _: usize,
        _unused: usize,
    ) -> Result<usize, sqlx::Error> {
        let _first = self.find(tx, first).await?;
        self.find(&mut *tx, second).await?;
        count += last;
        Ok(count)
    }

    async fn by_mut(&mut self, tx: &mut Session) -> Result<(), sqlx::Error>
    where
        Self: Send,
    {
        self.touch(tx).await
    }

    async fn by_value(mut self, tx: &mut Session) -> Result<Self, sqlx::Error>
    where
        Self: Sized,
    {
        self.renamed();
        self.touch(tx).await?;
        Ok(self)
    }

    async fn boxed(self: Box<Self>, tx: &mut Session) -> Result<Box<Self>, sqlx::Error> {
        self.touch(tx).await?;
        Ok(self)
    }

    async fn counted(self: Arc<Self>, tx: &mut Session) -> Result<Arc<Self>, sqlx::Error> {
        self.touch(tx).await?;
        Ok(self)
    }

    async fn pinned(self: Pin<&mut Self>, tx: &mut Session) -> Result<(), sqlx::Error> {
        self.as_ref().touch(tx).await
    }

    async fn without_self(tx: &mut Session) -> Result<i64, sqlx::Error> {
        const SQL: &str = "select 1";
        sqlx::query_scalar(SQL).fetch_one(tx).await
    }

    async fn without_session(&self) -> usize {
        1
    }

    #[service(skip)]
    #[allow(async_fn_in_trait, reason = "it stays on one thread")]
    async fn on_one_thread(&self) -> usize {
        let one = std::rc::Rc::new(1);
        tokio::task::yield_now().await;
        *one
    }
}

pub trait Named {
    fn renamed(&mut self) {}
}

pub struct SqlUsers(String);

impl Named for SqlUsers {}

#[service]
impl Users for SqlUsers {
    type User = String;

    async fn find(&self, tx: &mut Session, id: i64) -> Result<String, sqlx::Error> {
        sqlx::query_scalar("select 'ann' where ? > 0")
            .bind(id)
            .fetch_one(&mut *tx)
            .await
    }

    async fn touch(&self, tx: &mut Session) -> Result<(), sqlx::Error> {
        sqlx::query("select 1").execute(tx).await?;
        Ok(())
    }

    async fn name_of<'a>(&'a self, tx: &mut Session, id: &i64) -> Result<&'a str, sqlx::Error> {
        self.find(tx, *id).await?;
        Ok(&self.0)
    }

    async fn elided(&self, tx: &mut Session, _prefix: &str) -> Result<&str, sqlx::Error> {
        self.find(tx, 1).await?;
        Ok(&self.0)
    }

    async fn each<I>(&self, tx: &mut Session, ids: I) -> Result<usize, sqlx::Error>
    where
        I: IntoIterator<Item = i64> + Send,
        I::IntoIter: Send,
    {
        let mut count = 0;
        for id in ids {
            self.find(tx, id).await?;
            count += 1;
        }
        Ok(count)
    }

    async fn named(
        &self,
        tx: &mut Session,
        name: impl Into<String> + Send,
    ) -> Result<usize, sqlx::Error> {
        let name = name.into();
        self.find(tx, 1).await?;
        Ok(name.len())
    }

    async fn shown(&self, tx: &mut Session) -> Result<impl std::fmt::Display + Send, sqlx::Error> {
        self.find(tx, 1).await
    }
}

/// The attribute on a method alone.
pub trait Stores: Sync {
    #[service]
    async fn count(&self, tx: &mut Session) -> Result<i64, sqlx::Error>;
}

impl Stores for SqlUsers {
    #[service]
    async fn count(&self, tx: &mut Session) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("select 1").fetch_one(tx).await
    }
}

/// A module of traits.
#[service]
pub mod traits {
    use super::Session;

    pub trait Lines: Send + Sync {
        async fn lines(&self, tx: &mut Session) -> Result<i64, sqlx::Error>;
    }

    impl Lines for super::SqlUsers {
        async fn lines(&self, tx: &mut Session) -> Result<i64, sqlx::Error> {
            sqlx::query_scalar("select 2").fetch_one(tx).await
        }
    }
}

#[service]
pub async fn show<U>(tx: &mut Session, users: &U) -> Result<usize, sqlx::Error>
where
    U: Users + Stores + traits::Lines,
{
    let _user = users.find(tx, 1).await?;
    users.touch(tx).await?;
    users.count(tx).await?;
    users.lines(tx).await?;
    users.name_of(tx, &1).await?;
    let elided = users.elided(tx, "a").await?.len();
    users.each(tx, [1, 2]).await?;
    users.shown(tx).await?.to_string();
    U::without_self(tx).await?;
    Ok(users.named(tx, "a").await? + elided)
}

#[router_tx]
pub async fn get<U>(tx: &mut Session, users: Arc<U>) -> Result<usize, demarcate::Error>
where
    U: Users + Stores + traits::Lines + 'static,
{
    let name = "a".to_owned();
    users.named(tx, &name).await?;
    users.both(tx, (1, 2), 3, [4, 5], 6, 7).await?;
    users.clone().counted(tx).await?;
    Ok(show(tx, &*users).await? + users.without_session().await)
}

#[background_job]
pub async fn later<U>(tx: &mut Session, users: Arc<U>) -> Result<usize, demarcate::Error>
where
    U: Users + Stores + traits::Lines + 'static,
{
    users.both(tx, (1, 2), 3, [4, 5], 6, 7).await?;
    Ok(show(tx, &*users).await?)
}

pub fn spawn<U>(db: SessionFactory, users: Arc<U>)
where
    U: Users + Stores + traits::Lines + 'static,
{
    tokio::spawn(async move {
        get(db.clone(), users.clone()).await?;
        db.transaction(async |tx| show(tx, &*users).await.map_err(demarcate::Error::from))
            .await
    });
}

fn main() {}
