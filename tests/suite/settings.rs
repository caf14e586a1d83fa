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

/// What a URL says of the time zone holds, or is refused; what the refusal advises holds.
#[tokio::test]
async fn the_time_zone_of_a_url_holds_or_is_refused() {
    let db = mariadb().await;
    let zoned = format!("{}?timezone=+02:00", db.url());
    let factory = demarcate::mysql::SessionFactory::connect(&zoned)
        .await
        .unwrap();
    let ahead: (String, i64) = factory
        .transaction(async |tx| {
            let ask = "select @@session.time_zone, timestampdiff(minute, utc_timestamp(), now())";
            Ok::<_, demarcate::Error>(sqlx::query_as(ask).fetch_one(&mut *tx).await?)
        })
        .await
        .unwrap();
    assert_eq!(ahead, ("+02:00".to_owned(), 120));
    factory.close(crate::GRACE).await;

    use demarcate::postgres::SessionFactory;

    let db = postgres().await;
    for zone in [
        "timezone=Europe/Berlin",
        "options=-c%20TimeZone%3DEurope/Berlin",
        "options[timezone]=Europe/Berlin",
    ] {
        let sign = if db.url().contains('?') { '&' } else { '?' };
        let url = format!("{}{sign}{zone}", db.url());
        let refused = SessionFactory::connect_lazy(&url).unwrap_err();
        assert!(matches!(refused, demarcate::Error::Config { .. }));
        let said = refused.to_string();
        assert!(said.contains("`Builder::after_connect`"), "{zone}: {said}");
    }
    let zone_of = async |factory: &SessionFactory| {
        factory
            .transaction(async |tx| {
                let ask = sqlx::query_scalar::<_, String>("select current_setting('TimeZone')");
                Ok::<_, demarcate::Error>(ask.fetch_one(&mut *tx).await?)
            })
            .await
            .unwrap()
    };
    let plain = SessionFactory::connect(db.url()).await.unwrap();
    assert_eq!(zone_of(&plain).await, "UTC");
    plain.close(crate::GRACE).await;
    let factory = SessionFactory::builder()
        .url(db.url())
        .after_connect(|connection| {
            Box::pin(async move {
                let zone = sqlx::raw_sql("set time zone 'Europe/Berlin'");
                zone.execute(connection).await?;
                Ok(())
            })
        });
    // Behind a pooler in transaction mode no connection has a session of its own.
    let factory = match factory.connect().await {
        Err(demarcate::Error::Unsupported { .. }) => return,
        factory => factory.unwrap(),
    };
    assert_eq!(zone_of(&factory).await, "Europe/Berlin");
    factory.close(crate::GRACE).await;
}

/// A builder takes one database, and what it can set there.
#[tokio::test]
async fn what_a_builder_cannot_do_is_refused() {
    use demarcate::settings::TargetSessionAttrs;
    use demarcate::sqlite::SessionFactory;

    let refused = SessionFactory::builder()
        .url("sqlite::memory:")
        .target_session_attrs(TargetSessionAttrs::Primary)
        .connect_lazy()
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "SQLite has no `target_session_attrs`; leave it out: a file has no standby"
    );
    let pool = || sqlx::SqlitePool::connect_lazy("sqlite::memory:").unwrap();
    let builder = SessionFactory::builder()
        .pool(pool())
        .url("sqlite::memory:");
    let refused = builder.connect_lazy().unwrap_err().to_string();
    assert!(refused.contains("leave one of them out"), "{refused}");
    let builder = SessionFactory::builder()
        .pool(pool())
        .application_name("shop");
    let refused = builder.connect_lazy().unwrap_err().to_string();
    assert!(
        refused.contains("set them where the pool is made"),
        "{refused}"
    );
    let refused = SessionFactory::builder().connect_lazy().unwrap_err();
    assert!(refused.to_string().contains("a `pool`"), "{refused}");

    let factory = SessionFactory::builder().pool(pool()).connect().await;
    let factory = factory.unwrap();
    let one = factory.transaction(async |tx| {
        Ok::<i64, demarcate::Error>(sqlx::query_scalar("select 1").fetch_one(&mut *tx).await?)
    });
    assert_eq!(one.await.unwrap(), 1);
    factory.close(crate::GRACE).await;
}
