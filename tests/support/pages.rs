//! Tests of the code in the pages of the rules: the correct examples compile, the wrong ones do not.
//!
//! That it fails for the reason that its page is about is tested in `rules/tests/pages.rs`, which also finds the page
//! that is missing.

/// Makes a module of each page, so that rustdoc sees its code.
macro_rules! pages {
    ($($code:ident)*) => {
        $(
            #[doc = include_str!(concat!("../../docs/rules/", stringify!($code), ".md"))]
            pub mod $code {}
        )*
    };
}

pages! {
    D000 D001 D002 D003 D004 D005 D006 D007 D008 D009
    D010 D011 D012 D013
    D020 D021 D022 D023 D024 D025
    D030 D031 D032
    D040 D041 D042 D043 D044 D045
    D050 D051 D052
}

#[doc = include_str!("../../docs/rules.md")]
pub mod index {}
