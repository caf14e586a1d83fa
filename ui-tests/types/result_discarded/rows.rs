use demarcate::service;
use demarcate::sqlite::Session;
use futures_util::StreamExt;

#[service]
async fn names(tx: &mut Session) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::query_scalar("select name from users").fetch(&mut *tx);
    let mut names: Vec<String> = rows.filter_map(|row| async { row.ok() }).collect().await;
    let rows = sqlx::query_scalar("select name from users").fetch(&mut *tx);
    let all = rows.collect::<Vec<Result<String, sqlx::Error>>>().await;
    names.extend(all.into_iter().filter_map(Result::ok));
    let all = sqlx::query_scalar::<_, String>("select name from users").fetch_all(&mut *tx).await;
    names.extend(all.into_iter().flatten());
    Ok(names)
}

fn main() {}
