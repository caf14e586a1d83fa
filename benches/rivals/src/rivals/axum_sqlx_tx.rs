//! axum-sqlx-tx, which begins in a handler's extractor and commits in a layer: over HTTP alone.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::post;
use axum_sqlx_tx::Tx;
use sqlx::pool::PoolOptions;
use sqlx::{MySql, Pool, Postgres, Sqlite};

use crate::database::Texts;
use crate::rival::{Failure, POOL, Rival, Work};

pub(crate) struct AxumSqlxTx<DB: sqlx::Database>(Pool<DB>);

macro_rules! axum_sqlx_tx {
    ($database:ty) => {
        impl AxumSqlxTx<$database> {
            pub(crate) fn new(url: &str) -> Self {
                let pool = PoolOptions::<$database>::new().max_connections(POOL);
                Self(pool.connect_lazy_with(<$database>::options(url)))
            }
        }

        impl Rival for AxumSqlxTx<$database> {
            async fn run(&self, _: Work) -> Result<(), Failure> {
                Err("it has boundaries over HTTP alone".into())
            }

            fn router(self: Arc<Self>) -> Router {
                type Lent = Tx<$database>;
                let handler = |Path(row): Path<i32>, mut tx: Lent| async move {
                    let query = sqlx::query(<$database>::UPDATE).bind(row);
                    match query.execute(&mut tx).await {
                        Ok(_) => StatusCode::NO_CONTENT,
                        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
                    }
                };
                let (state, layer) = Lent::setup(self.0.clone());
                Router::new()
                    .route("/{row}", post(handler))
                    .layer(layer)
                    .with_state(state)
            }
        }
    };
}

axum_sqlx_tx!(Postgres);
axum_sqlx_tx!(MySql);
axum_sqlx_tx!(Sqlite);
