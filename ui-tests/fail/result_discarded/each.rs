use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn import(tx: &mut Session, lines: Vec<i64>) -> Result<(), sqlx::Error> {
    tx.each(lines.clone(), async |tx, line| {
        sqlx::query("insert into lines (id) values (?)").bind(line).execute(&mut *tx).await?;
        Ok::<_, sqlx::Error>(())
    })
    .await?;
    let _ = tx
        .each(lines, async |tx, line| {
            sqlx::query("insert into lines (id) values (?)").bind(line).execute(&mut *tx).await.ok();
            Ok::<_, sqlx::Error>(())
        })
        .await?;
    Ok(())
}

fn main() {}
