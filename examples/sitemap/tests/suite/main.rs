//! The program as a whole, over real HTTP, on SQLite and on PostgreSQL.

mod batch;
mod commands;
mod limit;
mod operations;
mod program;
mod refusals;
mod scan;
#[cfg(unix)]
mod served;
mod start;
mod trouble;

/// Makes of each function two tests.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(crate::program::Program::on_sqlite().await).await;
                }
            )*
        }

        mod on_postgres {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(crate::program::Program::on_postgres().await).await;
                }
            )*
        }
    };
}
pub(crate) use on_both;
