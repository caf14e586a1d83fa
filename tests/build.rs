//! Makes doctests of the guide's pages.
//!
//! A page shows code as a program has it: PostgreSQL, and nothing around it that belongs to a test. A comment
//! `<!-- test .. -->` before a block of code holds what runs it. A forge and rustdoc do not show the comment; here its
//! lines are put behind the code. Attributes that make a test of a function are left out of such a block, so that the
//! comment can call the function.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let guide = Path::new("../docs/guide");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", guide.display());
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let mut pages: Vec<PathBuf> = fs::read_dir(guide)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    pages.sort();
    let mut modules = String::new();
    for page in pages {
        let name = page.file_stem().expect("a file").to_string_lossy();
        let name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let file = out.join(format!("{name}.md"));
        fs::write(&file, with_tests(&fs::read_to_string(&page)?))?;
        modules += &format!("#[doc = include_str!({file:?})]\npub mod page_{name} {{}}\n");
    }
    fs::write(out.join("guide.rs"), modules)
}

/// The page, with the lines of each comment `<!-- test` at the end of the block of code that follows it.
fn with_tests(page: &str) -> String {
    let mut result = String::new();
    let mut lines = page.lines();
    let mut test: Option<String> = None;
    while let Some(line) = lines.next() {
        if line == "<!-- test" {
            let comment = lines.by_ref().take_while(|line| *line != "-->");
            test = Some(comment.map(|line| format!("{line}\n")).collect());
            continue;
        }
        result += &format!("{line}\n");
        if !line.starts_with("```") {
            continue;
        }
        let test = test.take();
        for line in lines.by_ref() {
            let is_end = line == "```";
            if is_end {
                result += test.as_deref().unwrap_or_default();
            }
            let makes_a_test = ["#[sqlx::test", "#[tokio::test"];
            if test.is_none()
                || !makes_a_test
                    .iter()
                    .any(|it| line.trim_start().starts_with(it))
            {
                result += &format!("{line}\n");
            }
            if is_end {
                break;
            }
        }
    }
    result
}
