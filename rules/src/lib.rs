//! The rules of `demarcate` for transaction boundaries, services and background jobs, each with its message.
//!
//! The rules look at one function at a time, as tokens: [`Item::parse`] reads an attribute's item, [`Args::parse`]
//! reads its arguments, and [`check`] applies every rule to the function.
//! All mistakes of a function are found in one run, each on the token that is wrong. Nothing here
//! depends on being inside a proc macro: `cargo demarcate` calls the same functions over whole files.
//!
//! Only the compiler knows the type of a parameter or of a method's receiver. For these the crate returns the questions
//! to ask ([`Function::foreign_parameters`], [`control::each`]), and the macros emit them.
//!
//! ```
//! use demarcate_rules::{Args, Errors, Item, Kind, check};
//!
//! let item = "async fn ship(tx: &mut Session) -> Result<(), Error> { tx.commit().await }";
//! let mut errors = Errors::default();
//! let args = Args::parse(Kind::Service, "".parse()?, &mut errors);
//! let Item::Function(function) = Item::parse(item.parse()?)? else { unreachable!() };
//! check(Kind::Service, &args, &function, &mut errors);
//!
//! let codes: Vec<_> = errors.iter().filter_map(|m| m.rule).map(|rule| rule.code).collect();
//! assert_eq!(codes, ["D010"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod args;
mod attributed;
mod body;
mod check;
mod errors;
mod kind;
mod root;
mod rule;
mod suggest;
mod syntax;

pub use args::{Allowed, Args, Denied, Isolation, Kept, Requires, Retry, Timeout};
pub use attributed::{Attributed, On};
pub use body::names::Tie;
pub use check::{
    Checked, Doubtful, check, check_unmarked, control, each_boundary, lost, question, swallowed,
};
pub use errors::{Errors, Mistake};
pub use kind::Kind;
pub use root::{in_file, in_package};
pub use rule::{Level, RULES, Rule, VARIANTS};
pub use syntax::block::{Block, Member, MemberItem};
pub use syntax::function::{Body, Boxed, Function};
pub use syntax::item::{Item, Other};
pub use syntax::pattern::{Binding, bindings, introduced, plain_name, without_type};
pub use syntax::session::Lent;

#[cfg(test)]
mod tests {
    use crate::{Args, Errors, Item, Kind, check};

    /// The codes that a service with that body breaks, in the order of the source.
    pub(crate) fn codes(body: &str) -> Vec<&'static str> {
        codes_of(
            Kind::Service,
            &format!("async fn f(tx: &mut Session) -> Result<(), E> {{ {body} }}"),
        )
    }

    pub(crate) fn codes_of(kind: Kind, function: &str) -> Vec<&'static str> {
        let mut errors = Errors::default();
        let args = Args::parse(kind, Default::default(), &mut errors);
        let Ok(Item::Function(function)) = Item::parse(function.parse().expect("tokens")) else {
            panic!("no function: {function}");
        };
        assert!(function.block().is_some(), "the body cannot be read");
        check(kind, &args, &function, &mut errors);
        errors
            .iter()
            .filter_map(|mistake| mistake.rule)
            .map(|rule| rule.code)
            .collect()
    }

    #[test]
    fn mistakes_are_told_in_the_order_of_the_source() {
        assert_eq!(
            codes(
                "sqlx::query(\"begin\").execute(&mut *tx).await?; tokio::spawn(f()); tx.commit().await?;
                 let _ = tx.execute(a).await;
                 sleep(d).await;"
            ),
            ["D013", "D021", "D010", "D030", "D050"]
        );
    }

    #[test]
    fn a_session_of_another_database_is_told_as_that() {
        for (first, second, differ) in [
            ("Session", "Session", false),
            ("mysql::Session", "demarcate::mysql::Session", false),
            ("Session<DB>", "demarcate::Session<DB>", false),
            ("postgres::Session", "mysql::Session", true),
            ("Session", "demarcate::mysql::Session", true),
            ("Session<sqlx::Sqlite>", "Session<Postgres>", true),
        ] {
            let function = format!(
                "async fn f(a: &mut {first}, b: &mut {second}) -> Result<(), E> {{ Ok(()) }}"
            );
            let mut errors = Errors::default();
            let args = Args::parse(Kind::Service, Default::default(), &mut errors);
            let Ok(Item::Function(function)) = Item::parse(function.parse().expect("tokens"))
            else {
                panic!("no function: {function}");
            };
            check(Kind::Service, &args, &function, &mut errors);
            let said = errors.iter().next().expect("D002").error.to_string();
            assert!(said.starts_with("D002"), "{said}");
            assert_eq!(said.contains("of another database"), differ, "{said}");
        }
    }

    #[test]
    fn a_job_with_a_factory_is_free_outside_of_its_boundaries() {
        let job = |body: &str| {
            codes_of(
                Kind::Job,
                &format!("async fn f(db: &SessionFactory) -> Result<(), E> {{ {body} }}"),
            )
        };
        assert_eq!(
            job(
                "tokio::spawn(f()); sleep(d).await; rx.recv().await; db.run(j()).await?; db.spawn(j());"
            ),
            [""; 0]
        );
        assert_eq!(
            job(
                "db.transaction(async |tx| { tokio::spawn(f()); sleep(d).await; db.run(j()).await?; Ok(()) }).await?;"
            ),
            ["D021", "D050", "D022"]
        );
        assert_eq!(
            job("db.transaction(async |tx| db.transaction(async |tx| Ok(())).await).await?;"),
            ["D023"]
        );
    }

    #[test]
    fn an_alias_of_a_jobs_factory_is_the_factory() {
        for given in [
            "let factory = db; factory.transaction(async |t| { BODY }).await?;",
            "let factory = db.clone(); factory.transaction(async |t| { BODY }).await?;",
            "let a = &db; let b = SessionFactory::clone(a); b.transaction_with(o, async |t| { BODY }).await?;",
            "db.clone().transaction(async |t| { BODY }).await?;",
            "db.transaction(|t| Box::pin(async move { BODY })).await?;",
            "Arc::clone(db).stream(o, async |t, out| { BODY });",
            "let own: SessionFactory = make(); own.transaction(async |t| { BODY }).await?;",
            "let own = SessionFactory::connect(url).await?; own.transaction(async |t| { BODY }).await?;",
            "self.app.db.transaction(async |t| { BODY }).await?;",
            "app.transaction(|t: &mut Session| work(async { BODY })).await?;",
        ] {
            let body = given.replace(
                "BODY",
                "let _ = sqlx::query(a).execute(&mut *t).await; tokio::spawn(g());",
            );
            let job =
                format!("async fn f(db: &SessionFactory) -> Result<(), E> {{ {body} Ok(()) }}");
            assert_eq!(codes_of(Kind::Job, &job), ["D030", "D021"], "{given}");
            let plain = format!("fn f(db: Arc<SessionFactory>) {{ {body} }}");
            assert_eq!(
                codes_of(Kind::Boundary, &plain),
                ["D030", "D021"],
                "{given}"
            );
        }
    }

    #[test]
    fn in_a_plain_function_the_rules_hold_in_its_boundaries_alone() {
        let plain = |body: &str| {
            codes_of(
                Kind::Boundary,
                &format!(
                    "pub fn f(&self, State(db): State<SessionFactory>, conn: PgConnection) {{ {body} }}"
                ),
            )
        };
        assert_eq!(
            plain(
                "tokio::spawn(f()); sleep(d).await; let _ = f(db).await; pool.begin().await?; db.run(j()).await?;
                 sqlx::query(\"commit\").execute(pool).await?; tx.savepoint(async |s| { let _ = f(s).await; });
                 conn.transaction(async |c| { let _ = f(c).await; tokio::spawn(g()); }).await?;
                 conn.transaction(|c| Box::pin(async move { let _ = f(c).await; })).await?;
                 list.stream(async |a, b| tokio::spawn(a)); self.stream(a, b); x.transaction(f);
                 fn inner() { tokio::spawn(f()); }
                 db.transaction(async |tx| { tx.after_commit(async { tokio::spawn(f()); }); Ok(()) }).await?;"
            ),
            [""; 0]
        );
        assert_eq!(
            plain(
                "db.transaction(async |tx| {
                     sqlx::query(\"commit\").execute(&mut *tx).await?;
                     db.transaction(async |t| Ok(())).await?;
                     tx.savepoint(async |s| s.commit().await).await?;
                     sleep(d).await;
                     tx.rollback().await
                 }).await"
            ),
            ["D013", "D023", "D010", "D050", "D011"]
        );
        assert_eq!(
            plain(
                "fn inner() { db.transaction(async |t| t.commit().await); } let db = 1; db.transaction(async |t| t.begin());"
            ),
            ["D010", "D012"]
        );
        assert_eq!(
            plain(
                "let work = async |tx: &mut Session| { sqlx::query(\"commit\").execute(&mut *tx).await?; tokio::spawn(f()); };
                 db.transaction(work).await"
            ),
            ["D013", "D021"]
        );
    }

    #[test]
    fn in_a_body_the_boundaries_that_it_may_open_are_held_to_the_rules() {
        for (args, body, expected) in [
            (
                "",
                "db.transaction(async |t| { let _ = sqlx::query(a).execute(&mut *t).await; })",
                vec!["D030"],
            ),
            (
                "",
                "let other = db.clone(); other.transaction(async |t| { let _ = sqlx::query(a).execute(&mut *t).await; })",
                vec!["D030"],
            ),
            (
                "",
                "self.cache.transaction(async |t| { let _ = t.clear().await; t.commit(); })",
                vec![],
            ),
            (
                "allow(nested_boundary, reason = \"another database\")",
                "self.db.transaction(async |t| { let _ = sqlx::query(a).execute(&mut *t).await; })",
                vec!["D030"],
            ),
        ] {
            let mut errors = Errors::default();
            let args = Args::parse(Kind::Service, args.parse().expect("tokens"), &mut errors);
            let item = format!(
                "async fn f(&self, tx: &mut Session, db: &SessionFactory) -> Result<(), E> {{ {body}.await }}"
            );
            let Ok(Item::Function(function)) = Item::parse(item.parse().expect("tokens")) else {
                panic!("no function");
            };
            check(Kind::Service, &args, &function, &mut errors);
            let codes: Vec<_> = errors
                .iter()
                .filter_map(|mistake| mistake.rule)
                .map(|rule| rule.code)
                .collect();
            assert_eq!(codes, expected, "{body}");
        }
    }

    #[test]
    fn a_plain_function_has_no_session() {
        let mut errors = Errors::default();
        let args = Args::parse(
            Kind::Boundary,
            "timeout = \"5s\", allow(D021, reason = \"a test\")"
                .parse()
                .expect("tokens"),
            &mut errors,
        );
        let item = "fn f(tx: &mut Session) { db.transaction(async |t| { spawn(g()); }) }";
        let Ok(Item::Function(function)) = Item::parse(item.parse().expect("tokens")) else {
            panic!("no function");
        };
        check(Kind::Boundary, &args, &function, &mut errors);
        let said: Vec<_> = errors
            .iter()
            .map(|mistake| mistake.error.to_string())
            .collect();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(
            said.iter().any(|text| text.contains("write `#[service]`")),
            "{said:?}"
        );
        assert!(
            said.iter()
                .any(|text| text.contains("`db.transaction_with(options, ..)`")),
            "{said:?}"
        );
    }
}
