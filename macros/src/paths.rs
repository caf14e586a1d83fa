//! Paths into the runtime.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::Path;

/// The name of the runtime's module for expansions, which only the macros of the same release know.
pub(crate) const PRIVATE: &str = concat!("__private", env!("CARGO_PKG_VERSION_PATCH"));

/// `::demarcate::__private0`
pub(crate) fn private(krate: &Path) -> TokenStream {
    let module = Ident::new(PRIVATE, Span::call_site());
    quote!(#krate::#module)
}
