//! `cargo xtask editor`: asks rust-analyzer what a user of demarcate sees while typing, and compares.
//!
//! What the attributes emit stands at places of the user's own tokens, so that an editor may show it in their place; and a method
//! that is there to be refused is offered like any other, unless it is hidden. No test of the compiler sees either.

mod lsp;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use xtask::servers;

use self::lsp::{Place, Server};

/// How a machine comes to have what is needed.
const INSTALL: &str = "install it with `rustup toolchain install nightly -c rust-analyzer -c rust-src`, or build it with \
                       `cargo +nightly install ra_ap_rust-analyzer --locked`";

/// The crate that is opened. A place in it is named by the text before it.
const SOURCE: &str = r#"use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{Error, boundary, router_tx, service};

pub struct NewOrder {
    pub sku: String,
}

#[service]
async fn create_order(tx: &mut Session, order: &NewOrder) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 1")
        .bind(&order.sku)
        .fetch_one(&mut *tx)
        .await
}

#[router_tx]
async fn post_order(tx: &mut Session, order: NewOrder) -> Result<i64, Error> {
    Ok(create_order(tx, &order).await?)
}

#[boundary]
async fn settle(db: &SessionFactory) -> Result<(), Error> {
    db.transaction(async |tx| {
        sqlx::query("select 2").execute(&mut *tx).await?;
        Ok::<_, Error>(())
    })
    .await
}

#[service]
async fn close_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    tx.commit().await
}

#[service]
async fn half_typed(tx: &mut Session) -> Result<(), sqlx::Error> {
    tx.
}
"#;

/// Asks every question, and says which answers are not what is expected.
pub(crate) fn run() -> Result<(), String> {
    let Some(program) = program() else {
        eprintln!(
            "=== editor: skipped: there is no nightly toolchain with a `rust-analyzer`; {INSTALL}"
        );
        return Ok(());
    };
    let directory = servers::workspace().join("target/editor");
    write(&directory)
        .map_err(|error| format!("cannot write the crate in {}: {error}", directory.display()))?;
    let mut server = Server::start(&program, &directory)?;
    let file = directory.join("src/lib.rs");
    server.open(&file, SOURCE)?;
    server.is_ready()?;
    let mut answers = Answers::default();
    completion(&mut server, &file, &mut answers)?;
    hover(&mut server, &file, &mut answers)?;
    definition(&mut server, &file, &mut answers)?;
    diagnostics(&mut server, &file, &mut answers)?;
    server.stop();
    answers.result()
}

/// What was asked, and what was wrong.
#[derive(Default)]
struct Answers {
    asked: usize,
    wrong: Vec<String>,
}

impl Answers {
    fn compare(&mut self, question: &str, is_right: bool, answer: &str) {
        self.asked += 1;
        let verdict = if is_right { "ok" } else { "WRONG" };
        eprintln!("{question}: {verdict}");
        if !is_right {
            self.wrong.push(format!("{question}: {answer}"));
        }
    }

    fn result(self) -> Result<(), String> {
        let Self { asked, wrong } = self;
        eprintln!("=== editor: {asked} answers, {} of them wrong", wrong.len());
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(wrong.join("\n")),
        }
    }
}

/// `tx.` offers what a session has, and nothing that is there to be refused.
fn completion(server: &mut Server, file: &Path, answers: &mut Answers) -> Result<(), String> {
    let place = Place::behind(SOURCE, "async fn half_typed", "tx.\n", 3)?;
    let answer = server.ask("textDocument/completion", &place.within(file))?;
    let items = answer.get("items").unwrap_or(&answer);
    let labels: Vec<&str> = items
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item.get("label")?.as_str())
        .map(|label| label.split('(').next().unwrap_or(label))
        .collect();
    let shown = labels.join(", ");
    for method in ["savepoint", "after_commit", "rollback_only"] {
        let is_offered = labels.contains(&method);
        answers.compare(&format!("`tx.` offers `{method}`"), is_offered, &shown);
    }
    for method in [
        "commit",
        "rollback",
        "begin",
        "pool",
        "acquire",
        "connection",
    ] {
        let is_offered = labels.contains(&method);
        answers.compare(
            &format!("`tx.` does not offer `{method}`"),
            !is_offered,
            &shown,
        );
    }
    Ok(())
}

/// A name and a type show what they are, and not what the attributes emit there.
fn hover(server: &mut Server, file: &Path, answers: &mut Answers) -> Result<(), String> {
    for (behind, word, expected) in [
        (
            "#[service]\nasync fn ",
            "create_order",
            "async fn create_order",
        ),
        ("#[router_tx]\nasync fn ", "post_order", "fn post_order"),
        ("#[boundary]\nasync fn ", "settle", "async fn settle"),
        (
            "create_order(tx: &mut Session, order: &",
            "NewOrder",
            "struct NewOrder",
        ),
        (
            "post_order(tx: &mut Session, order: ",
            "NewOrder",
            "struct NewOrder",
        ),
        ("create_order(tx: &mut ", "Session", "Session"),
        ("post_order(tx: &mut ", "Session", "Session"),
        ("Ok(", "create_order", "async fn create_order"),
    ] {
        let place = Place::behind(SOURCE, behind, word, 1)?;
        let answer = server.ask("textDocument/hover", &place.within(file))?;
        let text = text_of(&answer);
        let is_right = text.contains(expected) && !is_ours(&text);
        let line = behind.lines().last().unwrap_or_default();
        answers.compare(
            &format!("`{line}{word}` is shown as itself"),
            is_right,
            &text,
        );
    }
    Ok(())
}

/// Whether a text is about what the attributes emit.
fn is_ours(text: &str) -> bool {
    [
        "The Rust Core Library",
        "__private",
        "__probe",
        "macro_support",
        "LentSession",
    ]
    .iter()
    .any(|word| text.contains(word))
}

/// A call leads to the function, and to nothing else.
fn definition(server: &mut Server, file: &Path, answers: &mut Answers) -> Result<(), String> {
    let place = Place::behind(SOURCE, "Ok(", "create_order", 1)?;
    let answer = server.ask("textDocument/definition", &place.within(file))?;
    let expected = Place::behind(SOURCE, "#[service]\nasync fn ", "create_order", 0)?.line;
    let all = match &answer {
        Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    };
    let lines: Vec<Option<u64>> = all.iter().map(line_of).collect();
    let shown = answer.to_string();
    let is_right = lines == [Some(expected)];
    answers.compare(
        "the definition of `create_order` is the function",
        is_right,
        &shown,
    );
    Ok(())
}

/// The line of a `Location` or a `LocationLink`.
fn line_of(location: &Value) -> Option<u64> {
    let range = location
        .get("targetSelectionRange")
        .or_else(|| location.get("range"))?;
    range.get("start")?.get("line")?.as_u64()
}

/// A broken rule is reported while typing, on the word that is wrong; what is right is not reported.
fn diagnostics(server: &mut Server, file: &Path, answers: &mut Answers) -> Result<(), String> {
    let parameters = json!({ "textDocument": { "uri": lsp::uri(file) } });
    let answer = server.ask("textDocument/diagnostic", &parameters)?;
    let items = answer
        .get("items")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let said: Vec<(Option<u64>, String)> = items
        .iter()
        .map(|item| {
            let message = item
                .get("message")
                .and_then(Value::as_str)
                .unwrap_or_default();
            (line_of(item), message.to_owned())
        })
        .collect();
    let shown = format!("{said:?}");
    let wrong = Place::behind(SOURCE, "async fn close_order", "commit", 0)?.line;
    let is_told = said
        .iter()
        .any(|(line, text)| *line == Some(wrong) && text.contains("D010"));
    answers.compare("`tx.commit()` is reported as D010", is_told, &shown);
    let half = Place::behind(SOURCE, "async fn half_typed", "tx.\n", 0)?.line;
    let elsewhere = said
        .iter()
        .all(|(line, _)| line.is_some_and(|line| line == wrong || line + 2 >= half));
    answers.compare("nothing else is reported", elsewhere, &shown);
    Ok(())
}

/// The text of a hover.
fn text_of(answer: &Value) -> String {
    let contents = answer.get("contents");
    let text = contents
        .and_then(|contents| contents.get("value"))
        .and_then(Value::as_str);
    text.map_or_else(|| answer.to_string(), str::to_owned)
}

/// The first `rust-analyzer` that runs, and a nightly toolchain beside it: it needs the macros' server of the same release.
fn program() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    let of_toolchain = Command::new("rustup")
        .args(["which", "--toolchain", "nightly", "rust-analyzer"])
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map(|path| PathBuf::from(path.trim()));
    let runs = |program: &PathBuf| {
        let mut command = Command::new(program);
        command.arg("--version").env("RUSTUP_TOOLCHAIN", "nightly");
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let has_nightly = runs(&PathBuf::from("rustc"));
    let installed = home.map(|home| home.join("bin/rust-analyzer"));
    [of_toolchain, Some("rust-analyzer".into()), installed]
        .into_iter()
        .flatten()
        .find(|program| has_nightly && runs(program))
}

/// Writes the crate, with the lock file of the workspace, so that nothing is downloaded.
fn write(directory: &Path) -> std::io::Result<()> {
    let workspace = servers::workspace();
    let runtime = workspace.join("runtime");
    fs::create_dir_all(directory.join("src"))?;
    let manifest = format!(
        "[package]\nname = \"editor\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n\
         [dependencies]\ndemarcate = {{ path = {runtime:?}, features = [\"sqlite\"] }}\n\
         sqlx = {{ version = \"0.9\", default-features = false, features = [\"sqlite\"] }}\n\n[workspace]\n"
    );
    fs::write(directory.join("Cargo.toml"), manifest)?;
    fs::copy(workspace.join("Cargo.lock"), directory.join("Cargo.lock"))?;
    fs::write(directory.join("src/lib.rs"), SOURCE)
}
