//! The packages of a workspace, as `cargo metadata` tells them.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// A workspace, and the packages in it that use demarcate.
pub(crate) struct Workspace {
    metadata: Metadata,
}

/// A package that uses demarcate.
pub(crate) struct Package {
    /// Where its Cargo.toml is.
    pub(crate) directory: PathBuf,
    /// The first file of each of its targets.
    pub(crate) roots: BTreeSet<PathBuf>,
    /// The same of those that are no tests and no benchmarks.
    pub(crate) programs: BTreeSet<PathBuf>,
    /// The names under which it imports demarcate.
    pub(crate) names: Vec<String>,
    /// Whether it is demarcate.
    pub(crate) is_ours: bool,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<PackageData>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct PackageData {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    rename: Option<String>,
}

#[derive(Deserialize)]
struct Target {
    src_path: PathBuf,
    kind: Vec<String>,
}

impl Target {
    fn is_test(&self) -> bool {
        self.kind
            .iter()
            .any(|kind| kind == "test" || kind == "bench")
    }
}

impl Workspace {
    /// Asks cargo for the workspace of that manifest, or of the current directory.
    pub(crate) fn load(manifest: Option<&Path>) -> Result<Self, String> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["metadata", "--no-deps", "--format-version", "1"]);
        if let Some(manifest) = manifest {
            command.arg("--manifest-path").arg(manifest);
        }
        let output = command
            .output()
            .map_err(|error| format!("cannot run `cargo metadata`: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("`cargo metadata` failed: {}", said.trim()));
        }
        let metadata = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("cannot read what `cargo metadata` said: {error}"))?;
        Ok(Self { metadata })
    }

    /// The packages that use demarcate, or are it.
    pub(crate) fn packages(&self) -> impl Iterator<Item = Package> {
        self.metadata.packages.iter().filter_map(|package| {
            let mut names: Vec<_> = package
                .dependencies
                .iter()
                .filter(|dependency| dependency.name == "demarcate")
                .map(|dependency| {
                    dependency
                        .rename
                        .as_deref()
                        .unwrap_or("demarcate")
                        .replace('-', "_")
                })
                .collect();
            if package.name == "demarcate" {
                names.push("demarcate".to_owned());
            }
            (!names.is_empty()).then(|| Package {
                directory: directory(&package.manifest_path),
                roots: package
                    .targets
                    .iter()
                    .map(|target| target.src_path.clone())
                    .collect(),
                programs: package
                    .targets
                    .iter()
                    .filter(|target| !target.is_test())
                    .map(|target| target.src_path.clone())
                    .collect(),
                names,
                is_ours: package.name == "demarcate",
            })
        })
    }

    /// A path as cargo would print it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        let shown = path
            .strip_prefix(&self.metadata.workspace_root)
            .unwrap_or(path);
        shown.display().to_string()
    }
}

fn directory(manifest: &Path) -> PathBuf {
    manifest.parent().unwrap_or(manifest).to_owned()
}
