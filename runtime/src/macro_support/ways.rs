//! The types that lead past the session, and those of tasks: the one list that a [`Probe`](super::verdict::Probe) asks.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{
    Arc, LazyLock, Mutex, MutexGuard, OnceLock, RwLock, RwLockReadGuard, RwLockWriteGuard,
};

use sqlx::pool::PoolConnection;
use sqlx::{Database, Pool, Transaction};

use crate::backend::Backend;
use crate::factory::SessionFactory;
use crate::macro_support::verdict::{
    Bounds, Harmless, IsReceiver, IsTask, Meets, Opens, Receives, Task,
};

/// Can begin a transaction, or holds one, or opens boundaries.
pub trait Way {
    /// What it does: [`Opens`] or [`Bounds`].
    type Verdict;
    /// Where it leads.
    type Database;
}

impl<DB: Database> Way for Pool<DB> {
    type Verdict = Opens;
    type Database = DB;
}

impl<DB: Database> Way for PoolConnection<DB> {
    type Verdict = Opens;
    type Database = DB;
}

impl<DB: Database> Way for Transaction<'_, DB> {
    type Verdict = Opens;
    type Database = DB;
}

impl<DB: Backend> Way for SessionFactory<DB> {
    type Verdict = Bounds;
    type Database = DB;
}

/// A connection of its own type for each database.
macro_rules! connections {
    ($($feature:literal $connection:ty => $database:ident,)*) => {
        $(
            #[cfg(feature = $feature)]
            impl Way for $connection {
                type Verdict = Opens;
                type Database = sqlx::$database;
            }
        )*
    };
}

connections! {
    "sqlite" sqlx::SqliteConnection => Sqlite,
    "postgres" sqlx::PgConnection => Postgres,
    "postgres" sqlx::postgres::PgListener => Postgres,
    "mysql" sqlx::MySqlConnection => MySql,
}

/// A wrapper around a way is one.
macro_rules! around {
    ($($(#[$when:meta])* [$($generic:tt)*] $outer:ty,)*) => {
        $(
            $(#[$when])*
            impl<T: Way $($generic)*> Way for $outer {
                type Verdict = T::Verdict;
                type Database = T::Database;
            }
        )*
    };
}

around! {
    [+ ?Sized] &T,
    [+ ?Sized] &mut T,
    [+ ?Sized] Box<T>,
    [+ ?Sized] Rc<T>,
    [+ ?Sized] Arc<T>,
    [+ ?Sized] std::rc::Weak<T>,
    [+ ?Sized] std::sync::Weak<T>,
    [+ ?Sized] RefCell<T>,
    [+ ?Sized] Mutex<T>,
    [+ ?Sized] MutexGuard<'_, T>,
    [+ ?Sized] RwLock<T>,
    [+ ?Sized] RwLockReadGuard<'_, T>,
    [+ ?Sized] RwLockWriteGuard<'_, T>,
    [+ ?Sized] tokio::sync::Mutex<T>,
    [+ ?Sized] tokio::sync::MutexGuard<'_, T>,
    [+ ?Sized] tokio::sync::RwLock<T>,
    [] Pin<T>,
    [] Option<T>,
    [, E] Result<T, E>,
    [] Vec<T>,
    [] VecDeque<T>,
    [] [T],
    [, const N: usize] [T; N],
    [, K, S] HashMap<K, T, S>,
    [, K] BTreeMap<K, T>,
    [] OnceCell<T>,
    [] OnceLock<T>,
    [] tokio::sync::OnceCell<T>,
    [, F] LazyLock<T, F>,
    #[cfg(feature = "axum")]
    [] axum::extract::State<T>,
    #[cfg(feature = "axum")]
    [] axum::Extension<T>,
}

/// A tuple leads where its first way does. Of one with a way in another place, those that a signature names are asked about one
/// by one.
macro_rules! first_of {
    ($($rest:ident)*) => {
        impl<T: Way, $($rest),*> Way for (T, $($rest,)*) {
            type Verdict = T::Verdict;
            type Database = T::Database;
        }
    };
}

first_of!();
first_of!(A);
first_of!(A B);
first_of!(A B C);

/// Is of another database than `DB`.
pub trait OfAnother<DB> {}

/// One database is not the other.
macro_rules! differ {
    ($($one:ident $one_feature:literal, $other:ident $other_feature:literal;)*) => {
        $(
            #[cfg(all(feature = $one_feature, feature = $other_feature))]
            impl OfAnother<sqlx::$other> for sqlx::$one {}
            #[cfg(all(feature = $one_feature, feature = $other_feature))]
            impl OfAnother<sqlx::$one> for sqlx::$other {}
        )*
    };
}

differ! {
    Postgres "postgres", MySql "mysql";
    Postgres "postgres", Sqlite "sqlite";
    MySql "mysql", Sqlite "sqlite";
}

/// Types that meet a condition.
macro_rules! meet {
    ($condition:ty => $verdict:ty: $([$($generic:tt)*] $met:ty,)*) => {
        $(
            impl<$($generic)*> Meets<$condition> for $met {
                type Verdict = $verdict;
            }
        )*
    };
}

meet! {
    IsTask => Task:
    [T] tokio::task::JoinHandle<T>,
    [] tokio::task::AbortHandle,
    [T] tokio::task::JoinSet<T>,
    [T] std::thread::JoinHandle<T>,
    [T: Meets<IsTask>, E] Result<T, E>,
}

/// The type of what a function returns.
trait Returns {
    /// That type.
    type Value;
}

impl<T> Returns for fn() -> T {
    type Value = T;
}

/// The type `!`, of a call that never returns. It cannot be named in any other way yet.
type Never = <fn() -> ! as Returns>::Value;

meet! {
    IsTask => Harmless:
    [] Never,
}

meet! {
    IsReceiver => Receives:
    [T] tokio::sync::mpsc::Receiver<T>,
    [T] tokio::sync::mpsc::UnboundedReceiver<T>,
    [T] tokio::sync::broadcast::Receiver<T>,
    [T] tokio::sync::watch::Receiver<T>,
}
