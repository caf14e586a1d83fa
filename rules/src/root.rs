//! Finds the package whose files a function names: `query_file!("queries/find.sql")`.

use std::cell::RefCell;
use std::env;
use std::path::{Path, PathBuf};

thread_local! {
    static ROOT: RefCell<Option<PathBuf>> = const { RefCell::new(None) };
}

/// Runs `look` for the package in that directory. Otherwise the package is the one that cargo is compiling.
pub fn in_package<T>(directory: &Path, look: impl FnOnce() -> T) -> T {
    let before = ROOT.replace(Some(directory.to_owned()));
    let looked = look();
    ROOT.set(before);
    looked
}

/// The directory of the package, if it is known.
pub(crate) fn root() -> Option<PathBuf> {
    ROOT.with_borrow(Clone::clone)
        .or_else(|| env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from))
}
