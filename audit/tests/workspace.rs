//! `cargo demarcate` over the workspace in `fixture`, which uses demarcate under another name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixture")
}

/// A copy of the fixture, for a test that changes it.
fn copied() -> TempDir {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("a directory");
        for entry in fs::read_dir(from).expect("the fixture") {
            let path = entry.expect("an entry").path();
            let target = to.join(path.file_name().expect("a name"));
            if path.is_dir() {
                copy(&path, &target);
            } else {
                fs::copy(&path, &target).expect("a copy");
            }
        }
    }
    let directory = tempfile::tempdir().expect("a directory");
    copy(&fixture(), directory.path());
    directory
}

fn demarcate(workspace: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cargo-demarcate"))
        .arg("demarcate")
        .args(arguments)
        .current_dir(workspace)
        .output()
        .expect("the program runs")
}

fn lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8(output.stdout.clone()).expect("text");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn every_allow_and_every_skip_is_listed() {
    let output = demarcate(&fixture(), &["allows"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        lines(&output),
        [
            "orders/src/lib.rs:19: sweep: D021 spawn: counts, and nothing of the transaction matters to it",
            "orders/src/lib.rs:20: sweep: D050 sleep: counts, and nothing of the transaction matters to it",
            "orders/src/store.rs:3: impl Store: D008 past_the_session: it owns its pool",
            "orders/src/store.rs:9: index: D010 commit: a search index",
            "orders/src/store.rs:16: migrate: skip",
            "orders/src/store.rs:29: mod setup: skip",
            "orders/src/web/routes.rs:9: export: D024 unguarded: COPY",
        ]
    );
}

#[test]
fn the_list_as_json() {
    let output = demarcate(&fixture(), &["allows", "--format", "json"]);
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).expect("json");
    assert_eq!(list.as_array().map(Vec::len), Some(7));
    assert_eq!(
        list[3],
        serde_json::json!({
            "file": "orders/src/store.rs", "line": 9, "function": "index",
            "what": "allow", "rule": "D010", "name": "commit", "reason": "a search index",
        })
    );
    assert_eq!(list[4]["what"], "skip");
}

#[test]
fn the_rules_hold_over_the_workspace() {
    let output = demarcate(&fixture(), &["check"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let lines = lines(&output);
    let short: Vec<_> = lines
        .iter()
        .map(|line| line.split(' ').take(3).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        short,
        [
            "orders/src/lib.rs:14:8: D010: a",
            "orders/src/lib.rs:30:9: warning: D050:",
            "orders/src/lib.rs:31:12: D011: a",
            "orders/src/store/by_file.rs:5:23: D013: a",
            "orders/src/store/by_file.rs:8:11: `#[service]` does",
            "orders/src/store.rs:12:9: D050: a",
            "orders/src/store.rs:13:12: D012: a",
            "orders/src/store.rs:23:12: D010: a",
            "orders/src/store.rs:33:16: D010: a",
            "orders/src/unmarked.rs:19:24: D021: a",
            "orders/src/unmarked.rs:25:17: D030: the",
            "orders/src/unmarked.rs:35:61: D011: a",
            "orders/src/unmarked.rs:39:10: warning: `sum`",
            "orders/src/unmarked.rs:41:38: D012: a",
            "orders/src/unmarked.rs:43:8: D010: a",
            "orders/src/unmarked.rs:50:4: warning: `by_hand`",
            "orders/src/unmarked.rs:51:9: `__private0` is",
            "orders/src/unmarked.rs:54:10: warning: `lossy`",
            "orders/src/unmarked.rs:55:9: warning: D030:",
            "orders/src/unmarked.rs:56:12: warning: D032:",
        ]
    );
    assert_eq!(
        lines[0],
        "orders/src/lib.rs:14:8: D010: a service does not commit; its caller, the router or job that began the \
         transaction, commits when it returns `Ok`; remove the call; register code that must run after the commit with `tx.after_commit(..)`"
    );
    assert_eq!(
        lines[12],
        "orders/src/unmarked.rs:39:10: warning: `sum` takes a session and has no attribute; write `#[service]`"
    );
    assert_eq!(
        lines[18],
        "orders/src/unmarked.rs:55:9: warning: D030: an error of the database may be discarded here; return it with `?`, or write \
         `#[service]`, and the compiler tells by the type"
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("functions: 13, errors: 14, warnings: 6"),
        "{said}"
    );
}

#[test]
fn a_workspace_without_mistakes_is_a_success() {
    let workspace = copied();
    let orders = workspace.path().join("orders");
    for file in ["src/store.rs", "src/store/by_file.rs"] {
        fs::remove_file(orders.join(file)).expect("it is there");
    }
    let path = orders.join("src/lib.rs");
    let text = fs::read_to_string(&path).expect("it is there");
    let text = text.replace("mod store;", "").replace("mod unmarked;", "");
    let text = text
        .replace("tx.commit().await", "Ok(())")
        .replace("tx.rollback().await", "Ok(())");
    fs::write(&path, text).expect("it can be written");
    let output = demarcate(workspace.path(), &["check"]);
    // What warns stops nothing.
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(lines(&output).len(), 1);
}

#[test]
fn what_cannot_be_read_is_not_said_to_be_right() {
    let workspace = copied();
    fs::write(
        workspace.path().join("orders/src/lib.rs"),
        "mod gone;\nmod half;\n",
    )
    .expect("it can be written");
    fs::write(workspace.path().join("orders/src/half.rs"), "fn f( {").expect("it can be written");
    for command in ["check", "allows"] {
        let output = demarcate(workspace.path(), &[command]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains("gone.rs") && said.contains("half.rs:1:"),
            "{said}"
        );
    }

    let output = demarcate(
        workspace.path(),
        &["check", "--manifest-path", "nowhere/Cargo.toml"],
    );
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
