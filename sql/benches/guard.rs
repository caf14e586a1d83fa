//! Nanoseconds that it takes to see that a text is plain, which is all that the runtime asks of nearly every one; to find
//! what is guarded; and to split a text: `cargo bench -p demarcate-sql`.

use std::hint::black_box;
use std::time::Instant;

use demarcate_sql::{Dialect, guard, is_plain, statements};

const TEXTS: [(&str, Dialect, &str); 16] = [
    (
        "the shortest",
        Dialect::Postgres,
        "select id from orders where id = $1",
    ),
    (
        "insert of five",
        Dialect::Postgres,
        "insert into orders (id, sku, amount, state, note) values ($1, $2, $3, $4, $5)",
    ),
    (
        "update of two",
        Dialect::Sqlite,
        "update orders set state = ?, amount = ? where id = ?",
    ),
    (
        "select by id",
        Dialect::Postgres,
        "select id, sku, state from orders where id = $1",
    ),
    (
        "select by id;",
        Dialect::Postgres,
        "select id, sku, state from orders where id = $1;",
    ),
    (
        "insert returning",
        Dialect::Sqlite,
        "insert into orders (sku, state) values (?, ?) returning *",
    ),
    (
        "update",
        Dialect::MySql,
        "update orders set state = ?, shipped_at = now() where id = ? and state = 'new'",
    ),
    (
        "with, on sqlite",
        Dialect::Sqlite,
        "with a as (select 1) insert into orders (sku) select * from a",
    ),
    (
        "comment first",
        Dialect::Postgres,
        "/* route='/orders' */ select id, sku, state from orders where id = $1",
    ),
    ("set", Dialect::MySql, "set time_zone = '+00:00'"),
    (
        "two statements",
        Dialect::Postgres,
        "update orders set state = 'paid'; delete from carts where id = 1",
    ),
    (
        "quoted semicolon",
        Dialect::Postgres,
        "update orders set note = 'a; b' where id = $1",
    ),
    ("commit", Dialect::Postgres, "commit"),
    (
        "set_config",
        Dialect::Postgres,
        "select set_config('app.user', $1, true)",
    ),
    (
        "product_code",
        Dialect::Postgres,
        "select id, product_code from orders where id = $1",
    ),
    (
        "version comment",
        Dialect::MySql,
        "select /*! straight_join */ id, sku, state from orders where id = ?",
    ),
];

fn main() {
    let long = format!(
        "select {} from orders where id in ({})",
        ["a_column"; 100].join(", "),
        ["?"; 500].join(", ")
    );
    println!(
        "{:<18} {:>6} {:>9} {:>9} {:>9}",
        "text", "bytes", "plain ns", "guard ns", "split ns"
    );
    for (name, dialect, sql) in
        TEXTS
            .into_iter()
            .chain([("long select", Dialect::Postgres, long.as_str())])
    {
        let plain = nanoseconds(|| is_plain(black_box(sql), black_box(dialect)));
        let guarded = nanoseconds(|| guard(black_box(sql), black_box(dialect)).is_some());
        let split = nanoseconds(|| statements(black_box(sql), black_box(dialect)).count() > 0);
        println!(
            "{name:<18} {:>6} {plain:>9.1} {guarded:>9.1} {split:>9.1}",
            sql.len()
        );
    }
}

/// The best of a few rounds: the machine is shared, and only the fastest was undisturbed.
fn nanoseconds(work: impl Fn() -> bool) -> f64 {
    const ROUNDS: usize = 30;
    const REPEATS: u32 = 100_000;
    (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..REPEATS {
                black_box(work());
            }
            start.elapsed().as_secs_f64() * 1e9 / f64::from(REPEATS)
        })
        .fold(f64::INFINITY, f64::min)
}
