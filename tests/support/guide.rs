//! Tests of the guide: its code compiles and runs, its links lead somewhere, and rustdoc has each page.

/// The pages with the tests that their comments hold, as `build.rs` writes them.
#[cfg(doctest)]
pub mod pages {
    include!(concat!(env!("OUT_DIR"), "/guide.rs"));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::{Path, PathBuf};

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    /// The pages of the guide, by file name.
    fn pages() -> BTreeMap<String, String> {
        let entries = fs::read_dir(root().join("docs/guide")).expect("the guide is there");
        entries
            .map(|entry| {
                let entry = entry.expect("a file");
                let text = fs::read_to_string(entry.path()).expect("a page is text");
                (entry.file_name().into_string().expect("a name"), text)
            })
            .collect()
    }

    /// Returns the text without its code blocks.
    fn prose(page: &str) -> String {
        let parts = page.split("```").step_by(2);
        parts.collect()
    }

    /// Returns the anchor that a forge and rustdoc generate for a heading.
    fn anchor(heading: &str) -> String {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.replace(' ', "-");
        kept.chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
            .collect()
    }

    /// Returns the targets of the links of a page, inline ones and reference definitions.
    fn targets(page: &str) -> Vec<String> {
        let prose = prose(page);
        let inline = prose
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        let defined = prose
            .lines()
            .filter(|line| line.starts_with('['))
            .filter_map(|line| line.split_once("]: ").map(|(_, target)| target));
        inline.chain(defined).map(str::to_owned).collect()
    }

    #[test]
    fn links_lead_somewhere() {
        let mut checked = 0;
        for (name, page) in pages()
            .iter()
            .map(|(name, page)| (format!("docs/guide/{name}"), page.clone()))
            .chain([(
                "README.md".to_owned(),
                fs::read_to_string(root().join("README.md")).expect("the README is there"),
            )])
        {
            let from = root().join(&name);
            for target in targets(&page)
                .iter()
                .filter(|target| !target.starts_with("http"))
            {
                let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
                let to = if file.is_empty() {
                    from.clone()
                } else {
                    from.with_file_name(file)
                };
                assert!(
                    to.exists(),
                    "{name} has a link to `{target}`, which is not there"
                );
                if !fragment.is_empty() {
                    let text = fs::read_to_string(&to).expect("a page is text");
                    let headings = text.lines().filter(|line| line.starts_with('#'));
                    let is_there = headings.map(anchor).any(|anchor| anchor == fragment);
                    assert!(
                        is_there,
                        "{name} has a link to `{target}`, and there is no such heading"
                    );
                }
                checked += 1;
            }
        }
        assert!(checked > 50, "only {checked} links were found");
    }

    #[test]
    fn links_by_name_are_defined() {
        for (name, page) in pages() {
            let prose = prose(&page);
            for label in prose
                .split("][")
                .skip(1)
                .filter_map(|rest| rest.split(']').next())
            {
                let definition = format!("\n[{label}]: ");
                assert!(
                    prose.contains(&definition),
                    "{name} does not define [{label}]"
                );
            }
        }
    }

    /// Returns the contents of the files below a folder whose names have this ending.
    fn texts(folder: &Path, end: &str, into: &mut String) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                texts(&path, end, into);
            } else if path.to_string_lossy().ends_with(end) {
                *into += &fs::read_to_string(&path).expect("a text");
            }
        }
    }

    /// The first column of the tables of messages quotes what the crates say.
    #[test]
    fn messages_are_quoted_as_they_are() {
        let mut said = String::new();
        for (folder, end) in [
            ("runtime/src", ".rs"),
            ("rules/src", ".rs"),
            ("macros/src", ".rs"),
            ("ui-tests", ".stderr"),
        ] {
            texts(&root().join(folder), end, &mut said);
        }
        // A text goes on in the next line of the source after a `\`.
        let parts: Vec<&str> = said.split("\\\n").collect();
        let parts: Vec<&str> = parts
            .iter()
            .enumerate()
            .map(|(i, part)| if i == 0 { part } else { part.trim_start() })
            .collect();
        let said = parts.concat().replace('`', "");

        let page = &pages()["15-when-it-says.md"];
        let mut checked = 0;
        for row in page.lines().filter(|line| line.starts_with("| `")) {
            let message = row.split('`').nth(1).expect("a message");
            assert!(said.contains(message), "nobody says `{message}`");
            checked += 1;
        }
        assert!(checked > 15, "only {checked} messages were found");
    }

    #[test]
    fn rustdoc_has_each_page() {
        let module = fs::read_to_string(root().join("runtime/src/guide.rs")).expect("it is there");
        for name in pages().keys().filter(|name| *name != "README.md") {
            assert!(
                module.contains(&format!("{name:?}")),
                "runtime/src/guide.rs does not include {name}"
            );
        }
    }

    #[test]
    fn the_readme_fits_on_four_screens() {
        let readme = fs::read_to_string(root().join("README.md")).expect("the README is there");
        assert!(readme.lines().count() <= 200);
    }
}
