//! `#[boundary]`: the function as it was written, whose closures are held to the rules.

use proc_macro2::TokenStream;

use crate::marked::Marked;

// Input:
//     #[boundary]
//     async fn settle(db: &SessionFactory, pool: &PgPool) -> Result<(), Error> {
//         db.transaction(async |tx| { rows(tx).fetch_all(pool).await }).await
//     }
//
// Output:
//     async fn settle(db: &SessionFactory, pool: &PgPool) -> Result<(), Error> {
//         db.transaction(async |tx| { /* may a statement be sent to `pool`? */ }).await
//     }
pub(crate) fn expand(marked: &Marked<'_>) -> TokenStream {
    let body = match marked.warnings.is_empty() {
        true => marked.body.plain(),
        false => marked.body.with(&marked.warnings),
    };
    marked.emit(&marked.function.sig, &body)
}
