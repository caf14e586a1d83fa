//! Finds the files that a function names: `query_file!("queries/find.sql")`, which stands beside the package's manifest, and
//! `include_str!("find.sql")`, which stands beside the source.

use std::cell::RefCell;
use std::env;
use std::path::{Path, PathBuf};

use proc_macro2::Span;

thread_local! {
    static ROOT: RefCell<Option<PathBuf>> = const { RefCell::new(None) };
    static FILE: RefCell<Option<PathBuf>> = const { RefCell::new(None) };
}

/// Runs `look` for the package in that directory. Otherwise the package is the one that cargo is compiling.
pub fn in_package<T>(directory: &Path, look: impl FnOnce() -> T) -> T {
    let before = ROOT.replace(Some(directory.to_owned()));
    let looked = look();
    ROOT.set(before);
    looked
}

/// Runs `look` for that file of source. Otherwise the compiler knows the file in which a token stands.
pub fn in_file<T>(file: &Path, look: impl FnOnce() -> T) -> T {
    let before = FILE.replace(Some(file.to_owned()));
    let looked = look();
    FILE.set(before);
    looked
}

/// The text of a file that is named beside the source of a token. What cannot be read is the compiler's to report.
pub(crate) fn beside(token: Span, name: &str) -> Option<String> {
    let path = Path::new(name);
    if path.is_absolute() {
        return std::fs::read_to_string(path).ok();
    }
    let source = FILE.with_borrow(Clone::clone);
    let source = source.or_else(|| token.local_file())?;
    std::fs::read_to_string(source.parent()?.join(path)).ok()
}

/// The directory of the package, if it is known.
pub(crate) fn root() -> Option<PathBuf> {
    ROOT.with_borrow(Clone::clone)
        .or_else(|| env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from))
}
