//! What the attributes add to `cargo check`: `cargo bench -p demarcate-benches --bench expand -- [runs] [attribute]
//! [optimised]`.
//!
//! Writes the same 1,000 functions four times, and checks each crate in turn:
//!
//! * `attributes`: routers, services and background jobs as a user writes them;
//! * `by hand`: the same without attributes: services are plain functions, routers and jobs open their boundary with
//!   `db.transaction(async move |tx| ..)`;
//! * `stripped`: the attributes taken away and nothing put in their place; no boundary is opened, so it does less;
//! * `nothing`: the structs alone, without a function, which is what cargo and the loading of crates cost.
//!
//! Two measurements: a whole check, as CI does it, and the check after a file was saved with incremental compilation on,
//! as an editor does it. A proc macro runs anew each time, and what else has not changed is read from the cache; so the
//! second shows the attributes at their dearest.
//!
//! With `service`, `router_tx` or `background_job` as the second argument only these are marked, and all others are
//! plain in each crate.
//!
//! With `optimised` the crates' workspace says `[profile.dev.build-override] opt-level = 1`, as the guide advises.
//!
//! It is a measurement and not a test. Processor time is what to compare where the machine has other work to do.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Instant, SystemTime};

/// Services, routers and jobs in one module.
const MODULE: [Kind; 10] = [
    Kind::Find,
    Kind::Insert,
    Kind::Update,
    Kind::Count,
    Kind::List,
    Kind::Tag,
    Kind::Post,
    Kind::Get,
    Kind::Ship,
    Kind::Sweep,
];
const MODULES: usize = 100;
const ATTRIBUTES: [&str; 3] = ["service", "router_tx", "background_job"];

/// What a function is written after: six services, two routers, two jobs.
#[derive(Clone, Copy)]
enum Kind {
    Find,
    Insert,
    Update,
    Count,
    List,
    Tag,
    Post,
    Get,
    Ship,
    Sweep,
}

/// How the functions are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Attributes,
    ByHand,
    Stripped,
    Nothing,
}

const FORMS: [(Form, &str); 4] = [
    (Form::Attributes, "attributes"),
    (Form::ByHand, "by hand"),
    (Form::Stripped, "stripped"),
    (Form::Nothing, "nothing"),
];

fn main() -> io::Result<()> {
    let runs = std::env::args()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(7);
    let only = std::env::args().find(|argument| ATTRIBUTES.contains(&argument.as_str()));
    let marked = |attribute: &str| only.as_ref().is_none_or(|only| only == attribute);
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("expand");
    let optimised = std::env::args().any(|argument| argument == "optimised");
    write_workspace(&root, &marked, optimised)?;
    let functions = MODULES
        * MODULE
            .into_iter()
            .filter(|kind| marked(parts(*kind).0))
            .count();
    eprintln!("{functions} functions; checking the dependencies once");
    for (_, name) in FORMS {
        check(&root, name, true)?;
        check(&root, name, false)?;
    }
    report(&root, "whole check", false, runs, functions)?;
    report(&root, "after a file was saved", true, runs, functions)
}

/// Checks every crate in turn, that often, and prints the medians.
fn report(
    root: &Path,
    title: &str,
    incremental: bool,
    runs: usize,
    functions: usize,
) -> io::Result<()> {
    let mut times = FORMS.map(|_| (Vec::new(), Vec::new()));
    for _ in 0..runs {
        for ((_, name), (wall, cpu)) in FORMS.iter().zip(&mut times) {
            let time = check(root, name, incremental)?;
            wall.push(time.wall);
            cpu.push(time.cpu);
        }
    }
    let medians = times.map(|(wall, cpu)| Time {
        wall: median(wall),
        cpu: median(cpu),
    });
    let attributes = medians[0];
    println!("\n{title}, median of {runs}");
    println!(
        "{:<12} {:>9} {:>9}   attributes are {:>6} {:>6} {:>11} {:>7}",
        "", "seconds", "cpu", "times", "cpu", "us/function", "share"
    );
    for ((form, name), time) in FORMS.iter().zip(medians) {
        print!("{name:<12} {:>9.3} {:>9.3}", time.wall, time.cpu);
        if matches!(form, Form::ByHand | Form::Stripped) {
            #[expect(clippy::cast_precision_loss, reason = "a thousand")]
            let each = (attributes.cpu - time.cpu) * 1e6 / functions as f64;
            print!(
                "   {:>21.3} {:>6.3} {each:>11.0} {:>6.1}%",
                attributes.wall / time.wall,
                attributes.cpu / time.cpu,
                (1.0 - time.cpu / attributes.cpu) * 100.0,
            );
        }
        println!();
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Time {
    wall: f64,
    cpu: f64,
}

/// Checks one crate after its file was touched.
fn check(root: &Path, name: &str, incremental: bool) -> io::Result<Time> {
    let file = source(root, name);
    fs::File::options()
        .append(true)
        .open(&file)?
        .set_modified(SystemTime::now())?;
    let start = Instant::now();
    let before = cpu_of_children();
    let status = Command::new(env!("CARGO"))
        .args(["check", "--quiet", "--package", &package(name)])
        .current_dir(root)
        .env("CARGO_TARGET_DIR", root.join("target"))
        .env("CARGO_INCREMENTAL", if incremental { "1" } else { "0" })
        .status()?;
    let time = Time {
        wall: start.elapsed().as_secs_f64(),
        cpu: cpu_of_children() - before,
    };
    if !status.success() {
        return Err(io::Error::other(format!("`{name}` does not compile")));
    }
    Ok(time)
}

/// Seconds of processor time that ended child processes have used: user and system. Zero where there is no /proc.
fn cpu_of_children() -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;

    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is the program's name in parentheses; cutime and cstime are the 16th and the 17th.
    let behind_the_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks: f64 = behind_the_name
        .split(' ')
        .skip(13)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    ticks / TICKS_PER_SECOND
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

fn package(name: &str) -> String {
    name.replace(' ', "-")
}

fn source(root: &Path, name: &str) -> PathBuf {
    root.join(package(name)).join("src/lib.rs")
}

/// A workspace of its own, with the versions of this one's lock file.
fn write_workspace(root: &Path, marked: &dyn Fn(&str) -> bool, optimised: bool) -> io::Result<()> {
    let house = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new(".."));
    fs::create_dir_all(root)?;
    fs::copy(house.join("Cargo.lock"), root.join("Cargo.lock"))?;
    let members: Vec<_> = FORMS
        .iter()
        .map(|(_, name)| format!("{:?}", package(name)))
        .collect();
    let profile = if optimised {
        "\n[profile.dev.build-override]\nopt-level = 1\n"
    } else {
        ""
    };
    fs::write(
        root.join("Cargo.toml"),
        format!(
            "[workspace]\nresolver = \"3\"\nmembers = [{}]\n{profile}",
            members.join(", ")
        ),
    )?;
    for (form, name) in FORMS {
        fs::create_dir_all(root.join(package(name)).join("src"))?;
        let manifest = format!(
            "[package]\nname = \"{}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
             demarcate = {{ path = {:?}, features = [\"postgres\"] }}\n\
             sqlx = {{ version = \"0.9\", default-features = false, features = [\"macros\", \"runtime-tokio\", \
             \"postgres\"] }}\n",
            package(name),
            house.join("runtime"),
        );
        fs::write(root.join(package(name)).join("Cargo.toml"), manifest)?;
        fs::write(source(root, name), file(form, marked))?;
    }
    Ok(())
}

/// The crate's only file.
fn file(form: Form, marked: &dyn Fn(&str) -> bool) -> String {
    let mut text = String::from(
        "#![allow(dead_code, unused_imports)]\n\npub type Result<T, E = demarcate::Error> = std::result::Result<T, E>;\n",
    );
    for n in 0..MODULES {
        write!(
            text,
            "\npub mod orders_{n} {{\n    use demarcate::postgres::{{Session, SessionFactory}};\n    \
             use demarcate::{{background_job, router_tx, service}};\n\n    use super::Result;\n\n    \
             #[derive(Clone, Debug, sqlx::FromRow)]\n    pub struct Order {{\n        pub id: i64,\n        \
             pub sku: String,\n        pub amount: i64,\n        pub state: String,\n    }}\n"
        )
        .expect("a string takes what is written");
        if form != Form::Nothing {
            for kind in MODULE {
                text.push('\n');
                for line in function(kind, form, marked).lines() {
                    text.push_str("    ");
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
        text.push_str("}\n");
    }
    text
}

/// One function, in that form if its attribute is one that is marked.
fn function(kind: Kind, form: Form, marked: &dyn Fn(&str) -> bool) -> String {
    let (attribute, name, parameters, returned, body) = parts(kind);
    let is_boundary = attribute != "service";
    // Only with the attribute there is a job that could be registered.
    let body = if form == Form::Attributes && marked("background_job") {
        body.to_owned()
    } else {
        body.replace("tx.after_commit(ship(id));", "let _ = id;")
    };
    let form = if marked(attribute) {
        form
    } else {
        Form::Stripped
    };
    match form {
        Form::Attributes => format!(
            "#[{attribute}]\npub async fn {name}(tx: &mut Session{parameters}) -> {returned} {{\n{body}}}\n"
        ),
        Form::ByHand if is_boundary => format!(
            "pub async fn {name}(db: SessionFactory{parameters}) -> {returned} {{\n    \
             db.transaction(async move |tx: &mut Session| {{\n{body}    }})\n    .await\n}}\n"
        ),
        Form::ByHand | Form::Stripped | Form::Nothing => {
            format!(
                "pub async fn {name}(tx: &mut Session{parameters}) -> {returned} {{\n{body}}}\n"
            )
        }
    }
}

/// The attribute, the name, the parameters behind the session, the return type and the body.
fn parts(
    kind: Kind,
) -> (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
) {
    match kind {
        Kind::Find => (
            "service",
            "find_order",
            ", id: i64",
            "Result<Option<Order>, sqlx::Error>",
            r#"    let order: Option<Order> = sqlx::query_as("select id, sku, amount, state from orders where id = $1")
        .bind(id)
        .fetch_optional(&mut *tx)
        .await?;
    let Some(order) = order else {
        return Ok(None);
    };
    if order.state == "deleted" {
        return Ok(None);
    }
    Ok(Some(order))
"#,
        ),
        Kind::Insert => (
            "service",
            "create_order",
            ", sku: &str, amount: i64, tags: &[String]",
            "Result<i64, sqlx::Error>",
            r#"    let id: i64 = sqlx::query_scalar("insert into orders (sku, amount, state) values ($1, $2, 'new') returning id")
        .bind(sku)
        .bind(amount)
        .fetch_one(&mut *tx)
        .await?;
    for tag in tags {
        sqlx::query("insert into tags (order_id, name) values ($1, $2)")
            .bind(id)
            .bind(tag)
            .execute(&mut *tx)
            .await?;
    }
    Ok(id)
"#,
        ),
        Kind::Update => (
            "service",
            "set_state",
            ", id: i64, state: &str",
            "Result<bool, sqlx::Error>",
            r#"    const SQL: &str = "update orders set state = $1 where id = $2 and state <> $1";
    let done = sqlx::query(SQL).bind(state).bind(id).execute(&mut *tx).await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("insert into events (order_id, what) values ($1, $2)")
        .bind(id)
        .bind(format!("state is now {state}"))
        .execute(&mut *tx)
        .await?;
    Ok(true)
"#,
        ),
        Kind::Count => (
            "service",
            "count_orders",
            ", state: Option<String>",
            "Result<(i64, i64), sqlx::Error>",
            r#"    let all: i64 = sqlx::query_scalar("select count(*) from orders").fetch_one(&mut *tx).await?;
    let wanted: i64 = match &state {
        Some(state) => {
            sqlx::query_scalar("select count(*) from orders where state = $1")
                .bind(state)
                .fetch_one(&mut *tx)
                .await?
        }
        None => all,
    };
    Ok((all, wanted))
"#,
        ),
        Kind::List => (
            "service",
            "list_orders",
            ", after: i64, limit: i64",
            "Result<Vec<(i64, String)>, sqlx::Error>",
            r#"    let orders: Vec<Order> = sqlx::query_as("select * from orders where id > $1 order by id limit $2")
        .bind(after)
        .bind(limit.min(100))
        .fetch_all(&mut *tx)
        .await?;
    let names = orders
        .into_iter()
        .filter(|order| order.amount > 0)
        .map(|order| (order.id, order.sku))
        .collect();
    Ok(names)
"#,
        ),
        Kind::Tag => (
            "service",
            "add_tag",
            ", id: i64, tag: &str",
            "Result<bool, sqlx::Error>",
            r#"    let added = tx
        .savepoint(async |tx| {
            sqlx::query("insert into tags (order_id, name) values ($1, $2)")
                .bind(id)
                .bind(tag)
                .execute(&mut *tx)
                .await?;
            Ok(())
        })
        .await;
    match added {
        Ok(()) => Ok(true),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
        Err(error) => Err(error),
    }
"#,
        ),
        Kind::Post => (
            "router_tx",
            "post_order",
            ", sku: String, amount: i64, tags: Vec<String>",
            "Result<i64>",
            r#"    if let Some(known) = find_order(tx, amount).await? {
        set_state(tx, known.id, "replaced").await?;
    }
    let id = create_order(tx, &sku, amount, &tags).await?;
    for tag in &tags {
        if !add_tag(tx, id, tag).await? {
            set_state(tx, id, "tagged").await?;
        }
    }
    sqlx::query("update stock set reserved = reserved + $1 where sku = $2")
        .bind(amount)
        .bind(&sku)
        .execute(&mut *tx)
        .await?;
    tx.after_commit(ship(id));
    Ok(id)
"#,
        ),
        Kind::Get => (
            "router_tx",
            "get_orders",
            ", after: i64, state: Option<String>",
            "Result<(Vec<(i64, String)>, i64)>",
            r#"    let (all, wanted) = count_orders(tx, state.clone()).await?;
    if wanted == 0 {
        return Ok((Vec::new(), all));
    }
    let mut orders = list_orders(tx, after, wanted).await?;
    orders.sort_by(|a, b| a.1.cmp(&b.1));
    let seen: i64 = sqlx::query_scalar("update readers set seen = seen + $1 returning seen")
        .bind(wanted)
        .fetch_one(&mut *tx)
        .await?;
    Ok((orders, seen))
"#,
        ),
        Kind::Ship => (
            "background_job",
            "ship",
            ", id: i64",
            "Result<()>",
            r#"    let order: Order = sqlx::query_as("select * from orders where id = $1 for update")
        .bind(id)
        .fetch_one(&mut *tx)
        .await?;
    if order.state == "shipped" {
        return Ok(());
    }
    sqlx::query("update stock set reserved = reserved - $1, sent = sent + $1 where sku = $2")
        .bind(order.amount)
        .bind(&order.sku)
        .execute(&mut *tx)
        .await?;
    set_state(tx, id, "shipped").await?;
    Ok(())
"#,
        ),
        Kind::Sweep => (
            "background_job",
            "sweep",
            ", older_than_days: i32",
            "Result<u64>",
            r#"    let old: Vec<i64> = sqlx::query_scalar("select id from orders where created < now() - make_interval(days => $1)")
        .bind(older_than_days)
        .fetch_all(&mut *tx)
        .await?;
    let mut swept = 0;
    for id in old {
        if set_state(tx, id, "swept").await? {
            swept += 1;
        }
        sqlx::query("delete from tags where order_id = $1").bind(id).execute(&mut *tx).await?;
    }
    Ok(swept)
"#,
        ),
    }
}
