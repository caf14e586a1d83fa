use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{background_job, service};

struct Orders {
    db: SessionFactory,
}

impl Orders {
    #[service]
    async fn create(&self, tx: &mut Session) -> Result<(), demarcate::Error> {
        sqlx::query("select 1").execute(&mut *tx).await?;
        self.db.spawn(ship(1));
        if self.db.run(ship(2)).await.is_err() {
            println!("not shipped");
        }
        Ok(())
    }
}

#[background_job]
async fn ship(_tx: &mut Session, _order_id: i64) -> Result<(), demarcate::Error> {
    Ok(())
}

fn main() {}
