use demarcate::background_job;
use demarcate::sqlite::Session;

struct Warehouse {
    id: i64,
}

impl Warehouse {
    #[background_job]
    async fn ship(&self, tx: &mut Session) -> Result<(), demarcate::Error> {
        sqlx::query("select ?").bind(self.id).execute(&mut *tx).await?;
        Ok(())
    }
}

fn main() {}
