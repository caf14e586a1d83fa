//! Every mistake with its message, and every idiom.
//!
//! * `fail/<rule>/<the-mistake>.rs`: a rule of `demarcate-rules` speaks, so the message is ours to the letter.
//! * `types/<rule>/<the-mistake>.rs`: the compiler speaks, about a type or a lifetime. Parts of these messages are its
//!   own, so that a newer compiler changes files in this folder only.
//! * `pass/<the-idiom>.rs`: compiles without a warning.
//!
//! The compiler is pinned in `rust-toolchain.toml`. `TRYBUILD=overwrite cargo test` writes the messages anew.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("pass/*.rs");
    cases.compile_fail("fail/*/*.rs");
    cases.compile_fail("types/*/*.rs");
}
