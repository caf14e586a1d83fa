//! Expansions, as a person reads them.

mod foreign;

use std::fs;
use std::path::Path;

use demarcate_rules::Kind;
use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

use crate::expand::expand;
use crate::paths::PRIVATE;

fn expanded(kind: Kind, args: &str, item: &str) -> String {
    let tokens = |text: &str| -> TokenStream { text.parse().expect("tokens") };
    // Snapshots do not change with each release.
    let output = expand(kind, tokens(args), tokens(item));
    let output = tokens(&output.to_string().replace(PRIVATE, "__private"));
    prettyplease::unparse(&syn::parse2(output).expect("items"))
}

/// Compares with `src/snapshots/<name>.rs`; `DEMARCATE_SNAPSHOTS=overwrite` writes it.
fn snapshot(name: &str, kind: Kind, args: &str, item: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/snapshots/{name}.rs"));
    let actual = expanded(kind, args, item);
    if std::env::var_os("DEMARCATE_SNAPSHOTS").is_some_and(|how| how == "overwrite") {
        fs::write(&path, &actual).expect("the snapshot can be written");
    }
    let expected = fs::read_to_string(&path).expect("there is a snapshot");
    assert_eq!(actual, expected, "{}", path.display());
}

#[test]
fn router() {
    snapshot(
        "router",
        Kind::Router,
        "isolation = Serializable, read_only, timeout = \"5s\", name = \"place an order\"",
        "/// Its docs stay.
         pub async fn post_order(tx: &mut Session, Json(order): Json<NewOrder>) -> Result<Json<Order>, ApiError> {
             use audit::log;
             create_order(tx, &order).await
         }",
    );
}

#[test]
fn router_with_a_factory_from_elsewhere() {
    snapshot(
        "router_from",
        Kind::Router,
        "from = self.db, crate = my::demarcate",
        "async fn place(&self, sku: String) -> Result<impl IntoResponse, Status> { self.create(tx, sku).await }",
    );
}

#[test]
fn every_option_of_a_transaction_reaches_the_runtime() {
    snapshot(
        "router_options",
        Kind::Router,
        "isolation = Serializable, read_write, confirm_commit, independent, timeout = \"5s\", statement_timeout = \"1s\",
         lock_timeout = \"250ms\", idle_timeout = \"1m\", no_rollback_for = ApiError::Gone(why) if why.is_expected()",
        "async fn post_order(tx: &mut Session) -> Result<(), ApiError> { create_order(tx).await }",
    );
}

#[test]
fn what_is_run_again_has_its_arguments_anew() {
    snapshot(
        "router_again",
        Kind::Router,
        "retry = 3",
        "async fn post_order(
             &self,
             tx: &mut Session,
             Json(mut order): Json<NewOrder>,
             #[cfg(unix)] (a, ref b): (A, B),
             mut seen: HashSet<i64>,
             _: Extension<Quiet>,
             Marker: Marker,
         ) -> Result<impl IntoResponse, ApiError> { order.seal(); seen.insert(1); create_order(tx, order).await }",
    );
    snapshot(
        "job_again",
        Kind::Job,
        "retry = 3, on_error = mark_failed, no_rollback_for = ShipError::Refused(_) | ShipError::Lost",
        "async fn ship(tx: &mut Session, mut order_id: i64) -> Result<(), ShipError> { send(tx, order_id).await }",
    );
}

#[test]
fn boundary() {
    snapshot(
        "boundary",
        Kind::Boundary,
        "allow(D044, reason = \"a cache\"), allow(D021, reason = \"counts\")",
        "/// Its docs stay.
         pub fn settle(db: &SessionFactory, pool: &PgPool) -> impl Future<Output = Result<(), Error>> {
             let opens = pool.begin();
             let factory = db.clone();
             factory.transaction(async |tx| {
                 tokio::spawn(count());
                 query(\"select 1\").fetch_all(pool).await?;
                 query(\"create temporary table t (a int)\").execute(&mut *tx).await
             })
         }",
    );
}

#[test]
fn what_a_service_requires() {
    snapshot(
        "service_requires",
        Kind::Service,
        "requires(isolation = Serializable)",
        "impl Accounts {
             fn new() -> Self { Self }
             #[service(requires(read_write))]
             async fn withdraw(&self, tx: &mut Session) -> Result<(), sqlx::Error> { debit(tx).await }
             async fn balance(&self, tx: &mut Session) -> Result<i64, sqlx::Error> { read(tx).await }
         }",
    );
}

#[test]
fn service() {
    snapshot(
        "service",
        Kind::Service,
        "",
        "async fn create_order(
             tx: &mut Session,
             (id, names): (i64, &[String]),
             make: impl Fn(i64),
             #[cfg(unix)] unix: Unix,
         ) -> Result<Order, sqlx::Error> {
             const SQL: &str = \"insert into orders (id) values (?)\";
             make(id);
             sqlx::query(SQL).bind(id).fetch_one(&mut *tx).await
         }",
    );
}

#[test]
fn job_with_a_handler() {
    snapshot(
        "job",
        Kind::Job,
        "on_error = mark_failed",
        "async fn ship(tx: &mut Session, order_id: i64) -> Result<(), ShipError> { send(tx, order_id).await }",
    );
}

#[test]
fn job_of_several_transactions() {
    snapshot(
        "job_of_several",
        Kind::Job,
        "name = \"nightly sweep\"",
        "async fn sweep(db: &SessionFactory) -> Result<u64, SweepError> { db.transaction(async |tx| step(tx).await).await }",
    );
}

#[test]
fn a_receiver_is_asked_about() {
    snapshot(
        "asked",
        Kind::Service,
        "",
        "async fn index(tx: &mut Session, search: &Search) -> Result<(), sqlx::Error> { search.writer().commit()?; search.writer.commit()?; Ok(()) }",
    );
}

#[test]
fn a_refused_call_is_taken_out() {
    snapshot(
        "refused",
        Kind::Service,
        "",
        "async fn create(tx: &mut Session) -> Result<(), sqlx::Error> {
             let mut inner = tx.begin().await?;
             add(&mut inner).await?;
             inner.commit().await
         }",
    );
}

#[test]
fn wrong_arguments_leave_the_function_with_the_others() {
    snapshot(
        "wrong_arguments",
        Kind::Router,
        "isolaton = Serializable, read_only",
        "async fn get_order(tx: &mut Session) -> Result<Order, ApiError> { find(tx).await }",
    );
}

#[test]
fn a_wrong_signature_leaves_the_body_in_sight() {
    snapshot(
        "wrong_signature",
        Kind::Job,
        "",
        "async fn ship(tx: &mut Session, note: &str) -> Result<(), ShipError> { send(tx, note).await }",
    );
}

#[test]
fn a_session_that_is_returned_is_nothing_to_the_compiler() {
    let item = "async fn post_order(tx: &mut Session) -> Result<&mut Session, ApiError> { Ok(tx) }";
    snapshot("session_returned", Kind::Router, "", item);
    // Where it is allowed, the function is the user's own again.
    let allowed = expanded(Kind::Router, "allow(D009, reason = \"a test\")", item);
    assert!(allowed.contains("Ok(tx)"), "{allowed}");
}

#[test]
fn a_block_holds_for_every_function_inside() {
    snapshot(
        "service_impl",
        Kind::Service,
        "allow(past_the_session, reason = \"a test\")",
        "/// Its docs stay.
         impl<T> Orders<T> where T: Sku {
             const N: usize = { 1 };
             /// A constructor.
             pub fn new(pool: PgPool) -> Self { Self { pool } }
             #[service(allow(commit, reason = \"a search index\"))]
             async fn create(&self, tx: &mut Session, more: More) -> Result<(), sqlx::Error> { self.index.commit(); Ok(()) }
             #[cfg(unix)]
             fn helper(&self) { self.pool.begin(); sqlx::query(\"commit\"); }
             #[service(skip)]
             async fn migrate(pool: &PgPool) { pool.begin(); }
             #[router_tx(from = self.db)]
             async fn place(&self) -> Result<(), ApiError> { self.create(tx).await }
         }",
    );
    snapshot(
        "service_trait",
        Kind::Service,
        "",
        "pub trait Store: Send {
             type Id;
             async fn create(&self, tx: &mut Session) -> Result<Self::Id, sqlx::Error>;
             async fn wrong(&self, tx: Session) -> Option<Self::Id>;
             async fn default(&self, tx: &mut Session) -> Result<(), sqlx::Error> { self.create(tx).await.map(drop) }
             fn name(&self) -> &str { \"store\" }
         }",
    );
    snapshot(
        "service_mod",
        Kind::Service,
        "crate = my::demarcate",
        "pub mod orders {
             #![allow(missing_docs)]
             use super::*;
             pub async fn create(tx: &mut Session) -> Result<(), sqlx::Error> { Ok(()) }
             impl Shop { fn name(&self) {} async fn buy(&self, tx: &mut Session) -> Result<(), sqlx::Error> { Ok(()) } }
             #[service(skip)] mod setup { async fn migrate(pool: &PgPool) { pool.begin(); } }
             #[background_job] async fn ship(tx: &mut Session) -> Result<(), E> { Ok(()) }
             #[cfg(test)] mod tests { async fn f(pool: PgPool) { pool.begin(); } }
         }",
    );
}

#[test]
fn whatever_it_stands_on_is_emitted() {
    for kind in [Kind::Router, Kind::Service, Kind::Job] {
        for item in [
            "struct A;",
            "impl A { fn f(&self) {} }",
            "pub mod a { fn f() {} }",
            "async fn f() -> A { b }",
        ] {
            let output = expanded(kind, "", item);
            let plain = prettyplease::unparse(&syn::parse_str(item).expect("an item"));
            assert!(
                output.starts_with(plain.trim_end()) || output.contains("async fn f() -> A"),
                "{output}"
            );
            let is_block = item.starts_with("impl") || item.starts_with("pub mod");
            let is_fine = kind == Kind::Service && is_block;
            assert_ne!(output.contains("compile_error!"), is_fine, "{output}");
        }
    }
}

/// What is half-typed stays, and rustc says what is wrong with it.
#[test]
fn what_is_half_typed_stays_as_it_is() {
    let bodies = [
        "tx.",
        "let x =",
        "let x = ;",
        "create(tx, ).",
        "if tx",
        "tx.commit().",
        "match x { Some(",
        "&mut *",
    ];
    let bodies: Vec<_> = bodies
        .into_iter()
        .filter_map(|body| body.parse::<TokenStream>().ok())
        .collect();
    assert_eq!(bodies.len(), 7, "one of them is no tokens at all");
    for body in bodies {
        let function = quote!(async fn create(tx: &mut Session) -> Result<(), sqlx::Error> { before(tx).await?; #body });
        let method = quote!(
            async fn other(&self, tx: &mut Session) -> Result<(), sqlx::Error> {
                tx.rollback().await
            }
        );
        for (kind, item) in [
            (Kind::Service, function.clone()),
            (Kind::Router, function.clone()),
            (Kind::Job, function.clone()),
            (Kind::Service, quote!(impl Orders { #function #method })),
            (Kind::Service, quote!(trait Orders { #function #method })),
            (
                Kind::Service,
                quote!(mod orders { #function impl Orders { #function #method } }),
            ),
        ] {
            let output = expand(kind, TokenStream::new(), item.clone()).to_string();
            assert!(output.contains(&body.to_string()), "{body}: {output}");
            // The rest is held to the rules.
            assert_eq!(
                output.contains("D011"),
                item.to_string().contains("rollback"),
                "{body}: {output}"
            );
        }
    }
}

#[test]
fn half_typed_arguments_leave_the_item() {
    let function = "async fn create(tx: &mut Session) -> Result<(), sqlx::Error> { add(tx).await }";
    for arguments in [
        "allow",
        "allow(",
        "allow()",
        "allow(D0",
        "allow(D010,",
        "allow(D010, reason",
        "allow(D010, reason =",
        "allow(D010, reason = )",
        "allow(D010, reason = \"a\", )",
        "deny",
        "deny(",
        "ski",
        "timeout =",
        "timeout = \"",
        "retry =",
        "retry = 3x",
        "no_rollback_for =",
        "no_rollback_for = A::",
        "no_rollback_for = A if",
        "requires",
        "requires(",
        "requires()",
        "requires(isolation =",
        "requires(isolation = Serial)",
        "= 5",
        ",",
        "name,",
        "crate = ",
        "crate = ::",
        "isolation = Serial",
        "..",
        "#",
    ] {
        let Ok(tokens) = arguments.parse::<TokenStream>() else {
            continue;
        };
        for (kind, item) in [
            (Kind::Service, function.to_owned()),
            (Kind::Router, function.to_owned()),
            (Kind::Job, function.to_owned()),
            (Kind::Service, format!("impl Orders {{ {function} }}")),
            (Kind::Service, format!("trait Orders {{ {function} }}")),
            (Kind::Service, format!("mod orders {{ {function} }}")),
        ] {
            let output = expand(kind, tokens.clone(), item.parse().expect("tokens"));
            let output = output.to_string();
            assert!(output.contains("fn create"), "{arguments}: {output}");
            assert!(output.contains("add (tx) . await"), "{arguments}: {output}");
            let wanted = usize::from(!matches!(arguments, "allow(D010, reason = \"a\", )"));
            assert!(
                output.matches("compile_error").count() >= wanted,
                "{arguments}: {output}"
            );
        }
    }
}

#[test]
fn a_half_typed_signature_leaves_the_item() {
    for signature in [
        "async fn",
        "async fn create",
        "async fn create(",
        "async fn create()",
        "async fn create(tx)",
        "async fn create(tx:)",
        "async fn create(tx: &)",
        "async fn create(tx: &mut)",
        "async fn create(tx: &mut Session, order)",
        "async fn create(tx: &mut Session, order: Vec<)",
        "async fn create(tx: &mut Session) ->",
        "async fn create(tx: &mut Session) -> Result<",
        "async fn create(tx: &mut Session) -> Result<(), sqlx::>",
        "async fn create<T(tx: &mut Session)",
        "async fn create(tx: &mut Session) -> Result<(), E> where",
        "async fn create(tx: &mut Session) -> Result<(), E> where T:",
        "pub async create(tx: &mut Session)",
    ] {
        for body in ["", ";", "{ add(tx).await }"] {
            let Ok(item) = format!("{signature} {body}").parse::<TokenStream>() else {
                continue;
            };
            for (kind, item) in [
                (Kind::Service, item.clone()),
                (Kind::Router, item.clone()),
                (Kind::Job, item.clone()),
                (Kind::Service, quote!(impl Orders { #item })),
                (Kind::Service, quote!(mod orders { #item })),
            ] {
                let output = expand(kind, TokenStream::new(), item.clone());
                let written = quote!(add(tx).await);
                if !body.contains("add") || foreign::missing(&item, &written).is_some() {
                    continue;
                }
                assert_eq!(
                    foreign::missing(&output, &written),
                    None,
                    "{item}: {output}"
                );
                assert_eq!(
                    output.to_string().contains("create"),
                    item.to_string().contains("create"),
                    "{item}: {output}"
                );
            }
        }
    }
}

/// An editor takes every token at the cursor for what the cursor is on, so that each that is emitted is no wider than one
/// that was written.
#[test]
fn no_token_is_wider_than_one_of_the_users() {
    const PARENTHESIS: &str = "a parenthesis";

    fn ranges(tokens: &TokenStream, into: &mut Vec<(std::ops::Range<usize>, bool, String)>) {
        for token in tokens.clone() {
            let is_group = matches!(token, TokenTree::Group(_));
            into.push((token.span().byte_range(), is_group, token.to_string()));
            if let TokenTree::Group(group) = token {
                for end in [group.span_open(), group.span_close()] {
                    into.push((end.byte_range(), false, PARENTHESIS.to_owned()));
                }
                ranges(&group.stream(), into);
            }
        }
    }
    let service = "async fn create(tx: &mut Session, order: &NewOrder, db: impl Store, (a, b): (Vec<i64>, Option<&str>)) -> \
                   Result<(Order, Vec<Line>), sqlx::Error> { \
                       self.index.writer().commit()?; pool.begin(); query.execute(&self.pool).await?; \
                       sleep(d).await; tokio::spawn(async move { add(tx).await }); tx.commit().await?; \
                       sqlx::query(\"commit\").execute(&mut *tx).await?; Ok(()) }";
    let job = "async fn ship(tx: &mut Session, order: Order, (a, b): (i64, Json<A>)) -> Result<(), ShipError> { \
                   let _ = add(tx).await; rx.recv().await; Ok(()) }";
    for (kind, args, item) in [
        (Kind::Service, "", service.to_owned()),
        (
            Kind::Router,
            "timeout = \"5s\", name = \"a\"",
            service.to_owned(),
        ),
        (Kind::Router, "", format!("pub {job}")),
        (Kind::Job, "read_only", job.to_owned()),
        (Kind::Job, "on_error = failed", job.replace("(a, b)", "c")),
        (
            Kind::Service,
            "deny(D050)",
            format!("impl Orders {{ {service} }}"),
        ),
        (
            Kind::Router,
            "from = self.db",
            job.replace("tx: &mut Session, ", "&self, "),
        ),
    ] {
        let (args, item): (TokenStream, TokenStream) =
            (args.parse().expect("tokens"), item.parse().expect("tokens"));
        let mut written = Vec::new();
        ranges(&args, &mut written);
        ranges(&item, &mut written);
        let mut emitted = Vec::new();
        ranges(&expand(kind, args, item.clone()), &mut emitted);
        emitted.retain(|(range, _, text)| !range.is_empty() && text != PARENTHESIS);
        assert!(
            emitted
                .iter()
                .filter(|(range, ..)| !range.is_empty())
                .count()
                > 20
        );
        for (range, is_group, text) in emitted {
            // A group of ours may stand where a token does, and no token where a group.
            let is_fine = written
                .iter()
                .any(|(known, was_group, _)| *known == range && (is_group || !was_group));
            assert!(is_fine, "{item}: `{text}` at {range:?}");
        }
    }
}

/// Not a file of its own, since it is no Rust that could be printed.
#[test]
fn an_incomplete_body_as_it_is_emitted() {
    for incomplete in ["tx.", "let x ="] {
        let tokens = |text: &str| {
            text.replace("..", incomplete)
                .parse::<TokenStream>()
                .expect("tokens")
        };
        let item = tokens(
            "impl Orders {
                 fn new() -> Self { Self }
                 async fn create(tx: &mut Session) -> Result<(), sqlx::Error> { before(tx).await?; .. }
             }",
        );
        let expected = tokens(
            "impl Orders {
                 fn new() -> Self { Self }
                 async fn create(tx: &mut Session) -> Result<(), sqlx::Error> {
                     if false {
                         ::demarcate::__private::is_fallible::<Result<(), sqlx::Error>>();
                     }
                     let __service = <Session as ::demarcate::__private::LentSession>::enter(
                         tx,
                         ::demarcate::__private::Site::new(
                             \"create\", ::demarcate::__private::SiteKind::Service, ::core::file!(), ::core::line!()
                         )
                     );
                     { before(tx).await?; .. }
                 }
             }",
        );
        let output = expand(Kind::Service, TokenStream::new(), item);
        let text = |tokens: TokenStream| tokens.to_string().replace(char::is_whitespace, "");
        assert_eq!(text(output).replace(PRIVATE, "__private"), text(expected));
    }
}

/// Half-typed code reaches a macro all the time.
#[test]
fn nothing_panics() {
    let pieces = [
        "",
        "#",
        "pub",
        "async",
        "fn",
        "f",
        "(",
        ")",
        "tx: &mut Session",
        ",",
        "-> Result<(), E>",
        "{",
        "}",
        "tx.",
        "commit()",
        ".await?",
        "tx.begin()",
        "sqlx::query(\"commit\")",
        "let",
        "=",
        ";",
        "impl",
        "<",
        ">",
        "..",
        "self",
        "#![a]",
        "'a",
        "|tx|",
        "match",
        "db.transaction(",
        "concat!(",
        "\"",
    ];
    // A small generator of our own: the same pieces in the same order on every run.
    let mut state: u32 = 1;
    let mut next = |limit: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as usize % limit
    };
    for round in 0..4000 {
        let text: Vec<&str> = (0..1 + round % 16)
            .map(|_| pieces[next(pieces.len())])
            .collect();
        let (head, tail) = ("async fn f(tx: &mut Session) -> Result<(), E> { ", " }");
        for text in [text.join(" "), format!("{head}{}{tail}", text.join(" "))] {
            let Ok(item) = text.parse::<TokenStream>() else {
                continue;
            };
            for kind in [Kind::Router, Kind::Service, Kind::Job] {
                let _ = expand(kind, TokenStream::new(), item.clone());
                let _ = expand(kind, item.clone(), item.clone());
                for block in [
                    quote!(impl A { #item }),
                    quote!(trait A { #item fn f() {} }),
                    quote!(mod a { #item }),
                ] {
                    let _ = expand(kind, TokenStream::new(), block);
                }
            }
        }
    }
}
