use std::sync::Arc;

use demarcate::TxOptions;
use demarcate::service;
use demarcate::sqlite::{Session, SessionFactory};

struct Orders {
    db: Arc<SessionFactory>,
}

impl Orders {
    #[service]
    async fn create(&self, tx: &mut Session) -> Result<(), demarcate::Error> {
        sqlx::query("select 1").execute(&mut *tx).await?;
        self.db.transaction_with(TxOptions::new().read_only(), async |_tx| Ok::<_, demarcate::Error>(())).await
    }
}

fn main() {}
