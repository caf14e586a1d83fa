//! A macro that repeats a suite on every database.

/// Repeats its tests in a module for each database.
///
/// Inside, [`test_db`](crate::TestDb::create) gives the test a database of its own, `Database` is sqlx's type for it,
/// and `Session` and `SessionFactory` are demarcate's aliases for it.
///
/// ```
/// demarcate_tests::on_every_database! {
///     #[tokio::test]
///     async fn a_new_database_is_empty() {
///         let db = test_db().await;
///         db.admin("create table t (id int)").await;
///         assert_eq!(db.admin_value::<i64>("select count(*) from t").await, 0);
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! on_every_database {
    ($($item:item)*) => {
        $crate::__on_one_database! { sqlite, sqlite, Sqlite, $($item)* }
        $crate::__on_one_database! { postgres, postgres, Postgres, $($item)* }
        $crate::__on_one_database! { mariadb, mysql, MySql, $($item)* }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __on_one_database {
    ($name:ident, $module:ident, $database:ident, $($item:item)*) => {
        // No suite needs all of the names.
        #[allow(unused_imports, dead_code)]
        mod $name {
            use super::*;
            use ::demarcate::$module::{Session, SessionFactory};
            use $crate::$name as test_db;
            type Database = ::sqlx::$database;

            $($item)*
        }
    };
}
