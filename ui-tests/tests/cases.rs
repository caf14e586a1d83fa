//! How many cases there are, by rule: a rule without a mistake, or without what is right, is a failure.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use demarcate_rules::RULES;

/// The `.stderr` files of a rule's folder.
fn messages(folder: &str, rule: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(Path::new(folder).join(rule)) else {
        return Vec::new();
    };
    entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "stderr")
        })
        .collect()
}

/// How often a rule speaks in these.
fn spoken(files: &[PathBuf], code: &str) -> usize {
    let of_file = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("a file of messages");
        let errors = text.lines().filter(|line| line.starts_with("error"));
        errors
            .filter(|line| line.contains(&format!("{code}:")))
            .count()
    };
    files.iter().map(of_file).sum()
}

/// The examples on a rule's page that compile: what is right, and how it is allowed.
fn right(code: &str) -> usize {
    let page = format!("../docs/rules/{code}.md");
    let text = fs::read_to_string(&page).unwrap_or_else(|error| panic!("{page}: {error}"));
    text.lines().filter(|line| *line == "```rust").count()
}

/// The files in `pass/`.
fn idioms() -> Vec<String> {
    let entries = fs::read_dir("pass").expect("pass/");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string());
    names
        .map(|name| name.expect("a name in UTF-8"))
        .filter(|name| name.ends_with(".rs"))
        .collect()
}

#[test]
fn every_idiom_is_compiled_and_run() {
    let manifest = fs::read_to_string("pass/Cargo.toml").expect("a manifest");
    for file in idioms() {
        assert!(
            manifest.contains(&format!("\npath = \"{file}\"\n")),
            "pass/Cargo.toml has no `[[test]]` for {file}"
        );
    }
}

#[test]
fn every_rule_has_cases() {
    let mut table = format!(
        "{:<6}{:<22}{:>6}{:>9}{:>7}\n",
        "rule", "name", "files", "mistakes", "right"
    );
    let mut without = Vec::new();
    let mut totals = [0; 3];
    for rule in RULES {
        let mut files = messages("fail", rule.name);
        files.extend(messages("types", rule.name));
        let row = [files.len(), spoken(&files, rule.code), right(rule.code)];
        if row.contains(&0) {
            without.push(rule.code);
        }
        let [files, mistakes, right] = row;
        let (code, name) = (rule.code, rule.name);
        table.push_str(&format!(
            "{code:<6}{name:<22}{files:>6}{mistakes:>9}{right:>7}\n"
        ));
        totals
            .iter_mut()
            .zip(row)
            .for_each(|(total, one)| *total += one);
    }
    let [files, mistakes, right] = totals;
    let pass = idioms().len();
    table.push_str(&format!("{:<28}{files:>6}{mistakes:>9}{right:>7}\n", "all"));
    table.push_str(&format!("and {pass} files in pass/\n"));
    // Not through `print!`, which shows nothing of a test that passes.
    io::stdout()
        .write_all(table.as_bytes())
        .expect("it can be written");
    assert_eq!(without, [""; 0], "a rule without cases");
}
