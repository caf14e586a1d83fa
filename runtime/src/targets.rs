//! The targets of spans and events: the names that a subscriber's filter matches.
//!
//! They are written out, so that moving code between modules renames nothing that users filter by.

/// The spans of boundaries, services and statements.
pub(crate) const ROOT: &str = "demarcate";
/// Repeated runs of a boundary.
pub(crate) const BOUNDARY: &str = "demarcate::boundary";
/// Commits whose answer was lost.
pub(crate) const COMMIT: &str = "demarcate::commit";
/// Changes of a monitored database's health.
pub(crate) const HEALTH: &str = "demarcate::health";
/// Hooks that failed, or did not run.
pub(crate) const HOOKS: &str = "demarcate::hooks";
/// Background jobs that failed.
pub(crate) const JOB: &str = "demarcate::job";
/// Connections that were closed instead of being returned to the pool.
pub(crate) const LEASE: &str = "demarcate::lease";
/// The pool: connections that could not be made, statements that could not be stopped, and closing.
pub(crate) const POOL: &str = "demarcate::pool";
/// Errors that HTTP was told.
pub(crate) const PROBLEM_REPORT: &str = "demarcate::problem::report";
/// Savepoints beyond the number that the server handles cheaply.
pub(crate) const SAVEPOINT: &str = "demarcate::savepoint";
/// The settings in use.
pub(crate) const SETTINGS: &str = "demarcate::settings";
/// The log of statements.
pub(crate) const SQL: &str = "demarcate::sql";
/// Waiting for a database that starts.
pub(crate) const STARTUP: &str = "demarcate::startup";
/// The ends of boundaries, and replicas that cannot be reached.
pub(crate) const TRANSACTION: &str = "demarcate::transaction";
/// Connections of other pools that were taken inside a boundary.
pub(crate) const TRIPWIRE: &str = "demarcate::tripwire";
/// The pooler that was found in front of the server.
pub(crate) const VERIFY: &str = "demarcate::verify";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::{Path, PathBuf};

    /// What users can filter by. A change here is one for the changelog.
    const TARGETS: [&str; 16] = [
        "demarcate",
        "demarcate::boundary",
        "demarcate::commit",
        "demarcate::health",
        "demarcate::hooks",
        "demarcate::job",
        "demarcate::lease",
        "demarcate::pool",
        "demarcate::problem::report",
        "demarcate::savepoint",
        "demarcate::settings",
        "demarcate::sql",
        "demarcate::startup",
        "demarcate::transaction",
        "demarcate::tripwire",
        "demarcate::verify",
    ];

    const MACROS: [&str; 8] = [
        "trace!(", "debug!(", "info!(", "warn!(", "error!(", "event!(", "_span!(", "span!(",
    ];

    #[test]
    fn every_event_and_span_has_one_of_the_listed_targets() {
        let mut constants = BTreeMap::new();
        for line in include_str!("targets.rs").lines() {
            let Some(constant) = line.strip_prefix("pub(crate) const ") else {
                continue;
            };
            let (name, value) = constant.split_once(": &str = ").expect("a constant");
            constants.insert(name.to_owned(), value.trim_matches([';', '"']).to_owned());
        }
        let mut listed: Vec<&str> = constants.values().map(String::as_str).collect();
        listed.sort_unstable();
        assert_eq!(listed, TARGETS);

        let mut unused: Vec<&String> = constants.keys().collect();
        for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
            let text = fs::read_to_string(&path).expect("a source file");
            for (at, _) in text.match_indices("tracing::") {
                let call = &text[at + "tracing::".len()..];
                let name = call.split('(').next().unwrap_or_default();
                if !MACROS
                    .iter()
                    .any(|known| format!("{name}(").ends_with(known))
                {
                    continue;
                }
                let arguments = call[name.len() + 1..].trim_start();
                let target = arguments.strip_prefix("target: targets::");
                let target = target.and_then(|rest| rest.split(',').next());
                assert!(
                    target.is_some_and(|target| constants.contains_key(target)),
                    "{}: `tracing::{name}(..)` begins with no `target: targets::..`",
                    path.display()
                );
                unused.retain(|name| Some(name.as_str()) != target);
            }
        }
        assert!(unused.is_empty(), "no event has the targets {unused:?}");
    }

    /// The files of code: a macro imported by its bare name would escape the test above.
    fn sources(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                found.extend(sources(&path));
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("targets.rs")
            {
                let text = fs::read_to_string(&path).expect("a source file");
                assert!(
                    !text.contains("use tracing::{") && !text.contains("use tracing::info"),
                    "{}: write `tracing::info!(..)`, so that its target is checked",
                    path.display()
                );
                found.push(path);
            }
        }
        found
    }
}
