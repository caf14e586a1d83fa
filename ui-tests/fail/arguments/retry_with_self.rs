use demarcate::sqlite::Session;
use demarcate::{Error, background_job, router_tx};

struct Shop {
    sold: u64,
}

impl Shop {
    #[router_tx(retry = 3)]
    async fn sell(&mut self, tx: &mut Session) -> Result<(), Error> {
        self.sold += 1;
        sqlx::query("update stock set n = n - 1").execute(&mut *tx).await?;
        Ok(())
    }

    #[background_job(retry = 3)]
    async fn close(self, tx: &mut Session) -> Result<(), Error> {
        sqlx::query("update shops set sold = ?").bind(self.sold as i64).execute(&mut *tx).await?;
        Ok(())
    }
}

fn main() {}
