//! Every form of function.

#![deny(warnings)]

use std::sync::Arc;

use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{background_job, router_tx, service};

pub struct Order {
    id: i64,
    lines: [i64; 2],
}

/// Patterns, a wildcard, `mut`, `ref`-less bindings with `@`, and parameters that are not there.
#[service]
pub async fn patterns(
    tx: &mut Session,
    (a, mut b): (i64, i64),
    Order {
        id,
        lines: [first, ..],
    }: Order,
    whole @ [_, _]: [i64; 2],
    _: &str,
    #[cfg(any())] pool: sqlx::SqlitePool,
    #[cfg(any())] other: impl sqlx::SqliteExecutor<'_>,
    #[cfg(not(target_os = "none"))] there: i64,
) -> Result<i64, sqlx::Error> {
    b += a + id + first + whole[0] + there;
    sqlx::query("select ?").bind(b).execute(&mut *tx).await?;
    Ok(b)
}

#[router_tx]
pub async fn router_patterns(
    mut tx: &mut Session,
    Order { id, .. }: Order,
    mut count: i64,
    #[cfg(any())] pool: sqlx::SqlitePool,
) -> Result<i64, demarcate::Error> {
    count += 1;
    let session = &mut tx;
    Ok(patterns(
        session,
        (id, count),
        Order { id, lines: [1, 2] },
        [1, 2],
        "",
        1,
    )
    .await?)
}

#[background_job]
pub async fn job_patterns(
    tx: &mut Session,
    (a, b): (i64, i64),
    mut count: i64,
    #[cfg(any())] pool: &sqlx::SqlitePool,
) -> Result<i64, demarcate::Error> {
    count += a + b;
    sqlx::query("select ?").bind(count).execute(tx).await?;
    Ok(count)
}

/// Generics, constants, lifetimes, `where`, `impl Trait`, `dyn Trait`, function pointers.
#[service]
pub async fn generic<'a, 'b: 'a, T, F, const N: usize>(
    tx: &'a mut Session,
    texts: [&'b T; N],
    make: F,
    names: impl IntoIterator<Item = impl AsRef<str>>,
    sink: &mut (dyn FnMut(&str) + Send),
    plain: fn(i64) -> i64,
) -> Result<Vec<&'b T>, sqlx::Error>
where
    T: ?Sized + AsRef<str> + Sync,
    F: for<'x> Fn(&'x str) -> Option<&'x str>,
{
    let names: Vec<String> = names
        .into_iter()
        .map(|name| name.as_ref().to_owned())
        .collect();
    for name in names {
        sink(make(&name).unwrap_or_default());
        sqlx::query("select ?, ?")
            .bind(name)
            .bind(plain(1))
            .execute(&mut *tx)
            .await?;
    }
    Ok(texts.to_vec())
}

pub trait Sized2: Send {
    fn size(&self) -> i64;
}

#[service]
pub async fn opaque(
    tx: &mut Session,
    thing: impl Sized2,
    mut more: impl Sized2 + Clone,
) -> Result<i64, sqlx::Error> {
    more = more.clone();
    let size = thing.size() + more.size();
    drop(thing);
    sqlx::query_scalar("select ?")
        .bind(size)
        .fetch_one(tx)
        .await
}

#[router_tx]
pub async fn opaque_router(
    tx: &mut Session,
    thing: impl Sized2 + 'static,
) -> Result<impl Sized2, demarcate::Error> {
    sqlx::query("select ?")
        .bind(thing.size())
        .execute(tx)
        .await?;
    Ok(thing)
}

#[background_job]
pub async fn opaque_job(
    tx: &mut Session,
    thing: impl Sized2 + 'static,
) -> Result<impl Sized2, demarcate::Error> {
    sqlx::query("select ?")
        .bind(thing.size())
        .execute(tx)
        .await?;
    Ok(thing)
}

#[background_job]
pub async fn opaque_of_several(db: &SessionFactory) -> Result<impl Send + use<>, demarcate::Error> {
    db.transaction(async |tx| generic_count(tx).await).await
}

#[service]
async fn generic_count(tx: &mut Session) -> Result<i64, demarcate::Error> {
    Ok(sqlx::query_scalar("select 1").fetch_one(tx).await?)
}

/// Not async: it returns a future.
#[service]
pub fn later(tx: &mut Session) -> impl Future<Output = Result<i64, demarcate::Error>> + Send {
    generic_count(tx)
}

#[service]
pub fn boxed(
    tx: &mut Session,
) -> std::pin::Pin<Box<dyn Future<Output = Result<i64, demarcate::Error>> + Send + '_>> {
    Box::pin(generic_count(tx))
}

/// The names of the language.
#[service]
pub async fn r#async(tx: &mut Session, r#type: i64) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select ?")
        .bind(r#type)
        .fetch_one(tx)
        .await
}

#[derive(Clone)]
pub struct Shop {
    db: SessionFactory,
    prices: Vec<i64>,
}

impl Shop {
    #[service]
    pub async fn by_ref(&self, tx: &mut Session) -> Result<i64, sqlx::Error> {
        r#async(tx, self.prices[0]).await
    }

    #[service]
    pub async fn by_mut(&mut self, tx: &mut Session) -> Result<i64, sqlx::Error> {
        self.prices.push(1);
        self.by_ref(tx).await
    }

    #[service]
    pub async fn by_value(mut self, tx: &mut Session) -> Result<Self, sqlx::Error> {
        self.by_mut(tx).await?;
        Ok(self)
    }

    #[service]
    pub async fn by_arc(self: Arc<Self>, tx: &mut Session) -> Result<Arc<Self>, sqlx::Error> {
        self.by_ref(tx).await?;
        Ok(self)
    }

    #[service]
    pub async fn by_box(self: Box<Self>, tx: &mut Session) -> Result<i64, sqlx::Error> {
        self.by_ref(tx).await
    }

    #[router_tx(from = self.db.clone())]
    pub async fn router(&mut self) -> Result<i64, demarcate::Error> {
        Ok(self.by_mut(tx).await?)
    }

    #[router_tx]
    pub async fn associated(tx: &mut Session, id: i64) -> Result<i64, demarcate::Error> {
        Ok(r#async(tx, id).await?)
    }

    #[background_job]
    pub async fn job(self: Arc<Self>, tx: &mut Session) -> Result<i64, demarcate::Error> {
        Ok(self.by_ref(tx).await?)
    }

    #[background_job]
    pub async fn own_job(self, tx: &mut Session) -> Result<i64, demarcate::Error> {
        Ok(self.by_ref(tx).await?)
    }
}

/// Where the session comes from a macro's caller, where it comes from its definition, and where both do.
macro_rules! services {
    ($tx:ident, $ty:ty, $body:block) => {
        #[service]
        pub async fn of_the_caller($tx: $ty) -> Result<i64, sqlx::Error> $body

        #[router_tx]
        pub async fn router_of_the_caller($tx: $ty) -> Result<i64, sqlx::Error> $body

        #[service]
        pub async fn of_the_definition(tx: &mut Session, $tx: i64) -> Result<i64, sqlx::Error> {
            r#async(tx, $tx).await
        }

        #[background_job]
        pub async fn job_of_the_definition(tx: &mut Session, $tx: i64) -> Result<i64, sqlx::Error> {
            r#async(tx, $tx).await
        }
    };
}

services!(tx, &mut Session, { r#async(&mut *tx, 1).await });

macro_rules! whole {
    ($(#[$attr:meta])* $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty $body:block) => {
        $(#[$attr])*
        pub async fn $name($($arg: $ty),*) -> $ret $body
    };
}

whole! {
    /// Its docs.
    #[service]
    whole(session: &mut Session, id: i64) -> Result<i64, sqlx::Error> { r#async(session, id).await }
}

pub fn nested() {
    #[service]
    async fn inner(tx: &mut Session) -> Result<i64, sqlx::Error> {
        #[service]
        async fn innermost(tx: &mut Session) -> Result<i64, sqlx::Error> {
            r#async(tx, 1).await
        }
        innermost(tx).await
    }
    let _ = inner;
}

fn main() {}
