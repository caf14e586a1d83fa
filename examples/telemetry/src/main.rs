//! `cargo run -p telemetry`, and then:
//!
//! ```sh
//! curl -d '{"sku":"tea"}' -H 'content-type: application/json' localhost:3000/orders
//! curl localhost:3000/metrics
//! ```

use std::env;
use std::time::Duration;

use telemetry::{shop, telemetry::Telemetry};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let endpoint = env::var("OTEL_EXPORTER_OTLP_ENDPOINT");
    let telemetry = Telemetry::start(endpoint.as_deref().unwrap_or("http://localhost:4318"))?;
    let db = shop::open().await?;
    let routes = shop::routes(db.clone()).merge(telemetry.routes(db.clone()));

    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    tracing::info!("http://{}", listener.local_addr()?);
    let stopped = async {
        // An error says that nobody can ask for the end, which is no reason to end.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    axum::serve(listener, routes)
        .with_graceful_shutdown(stopped)
        .await?;
    db.close(Duration::from_secs(10)).await;
    telemetry.end()
}
