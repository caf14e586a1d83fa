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
pub use check::{Checked, check, control, lost, swallowed};
pub use errors::{Errors, Mistake};
pub use kind::Kind;
pub use root::in_package;
pub use rule::{Level, OF_ANOTHER_DATABASE, RULES, Rule};
pub use syntax::block::{Block, Member, MemberItem};
pub use syntax::function::{Body, Boxed, Function};
pub use syntax::item::{Item, Other};
pub use syntax::pattern::{Binding, bindings, introduced, plain_name};
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
}
