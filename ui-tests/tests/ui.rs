//! Every mistake with its message, and every idiom.
//!
//! * `fail/<rule>/<the-mistake>.rs`: a rule of `demarcate-rules` speaks, so the message is ours to the letter.
//! * `types/<rule>/<the-mistake>.rs`: the compiler speaks, about a type or a lifetime. Parts of these messages are its
//!   own, so that a newer compiler changes files in this folder only.
//!
//! What must compile is in `pass/`, a package of programs, and not here: with a single case that
//! must compile trybuild builds one file after the other, and without any it checks them all in one run of cargo.
//!
//! The compiler is pinned in `rust-toolchain.toml`. `TRYBUILD=overwrite cargo test` writes the messages anew.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("fail/*/*.rs");
    cases.compile_fail("types/*/*.rs");
}
