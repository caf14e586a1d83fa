use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn place(tx: &mut Session) -> Result<(), demarcate::Error> {
    let mut query = sqlx::QueryBuilder::<sqlx::Sqlite>::new("delete from orders where id = ");
    query.push_bind(1).push("; commit");
    query.build().execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
