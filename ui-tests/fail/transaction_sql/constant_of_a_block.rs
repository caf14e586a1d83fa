use demarcate::postgres::Session;
use demarcate::service;

struct Locks;

#[service]
impl Locks {
    const TAKE: &'static str = "select pg_advisory_lock(1)";

    async fn take(&self, tx: &mut Session) -> Result<(), sqlx::Error> {
        sqlx::query(Self::TAKE).execute(&mut *tx).await?;
        Ok(())
    }
}

#[service]
mod archive {
    use demarcate::postgres::Session;

    const END: &str = "commit";

    pub async fn end(tx: &mut Session) -> Result<(), sqlx::Error> {
        sqlx::query(END).execute(&mut *tx).await?;
        Ok(())
    }
}

fn main() {}
