//! Settings against real servers.

use demarcate::Settings;
use demarcate_tests::{mariadb, postgres};

/// As a generator of passwords gives it out, and as it is pasted.
const PASSWORD: &str = "p@ss:w/r%d?#x";

/// A URL of the same server for another user.
fn url_of(url: &str, user: &str, password: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (_, place) = rest.split_once('@').unwrap();
    format!("{scheme}://{user}:{password}@{place}")
}

#[tokio::test]
async fn a_password_that_nobody_has_encoded_lets_in() {
    use demarcate::postgres::SessionFactory;

    let db = postgres().await;
    let user = format!("u_{}", db.name());
    db.admin(&format!("create role {user} login password '{PASSWORD}'"))
        .await;
    let settings = Settings::from_url(&url_of(db.url(), &user, PASSWORD)).unwrap();
    let factory = SessionFactory::from_settings(&settings).await.unwrap();
    let who: String = factory
        .transaction(async |tx| {
            sqlx::query_scalar("select current_user::text")
                .fetch_one(&mut *tx)
                .await
        })
        .await
        .unwrap_or_else(|error: sqlx::Error| panic!("{error}"));
    assert_eq!(who, user);

    // Refused, it says who, and not with what.
    let refused = SessionFactory::from_settings(&settings.password("wr@ng?hunter2"))
        .await
        .unwrap_err();
    let said = format!("{refused} {refused:?}");
    assert!(said.contains(&user) && said.contains("28P01"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");

    factory.close(crate::GRACE).await;
    db.admin(&format!("drop role {user}")).await;
}

#[tokio::test]
async fn variables_that_name_no_database_serve_mysql_as_well() {
    use demarcate::mysql::SessionFactory;

    let db = mariadb().await;
    let user = format!("u_{}", db.name());
    db.admin(&format!(
        "create user {user}@'127.0.0.1' identified by '{PASSWORD}'"
    ))
    .await;
    db.admin(&format!(
        "grant all on {}.* to {user}@'127.0.0.1'",
        db.name()
    ))
    .await;
    let (_, place) = db.url().rsplit_once('@').unwrap();
    let (address, name) = place.split_once('/').unwrap();
    let (host, port) = address.split_once(':').unwrap();
    let settings = Settings::from_variables([
        ("DB_HOST", host),
        ("DB_PORT", port),
        ("DB_USER", &user),
        ("DB_PASSWORD", PASSWORD),
        ("DB_NAME", name),
    ])
    .unwrap();
    let factory = SessionFactory::from_settings(&settings).await.unwrap();
    let there: String = factory
        .transaction(async |tx| {
            sqlx::query_scalar("select database()")
                .fetch_one(&mut *tx)
                .await
        })
        .await
        .unwrap_or_else(|error: sqlx::Error| panic!("{error}"));
    assert_eq!(there, db.name());
    factory.close(crate::GRACE).await;
    db.admin(&format!("drop user {user}@'127.0.0.1'")).await;
}
