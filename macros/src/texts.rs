//! Questions to the compiler about the database of a session, for texts that only some databases refuse.

use demarcate_rules::Doubtful;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::marked::Marked;
use crate::span::{ends, probe_at};

// Input:
//     sqlx::query("create table notes (text text)").execute(&mut *tx)
//
// Output, at the beginning of the function, inside `if false`:
//     let __probe = ::demarcate::__private::SqlOf::<DatabaseOf<Session>>::of().on::<::demarcate::__private::OnMySql>();
//     ::demarcate::__private::sql_commits_implicitly(__probe.verdict());
//
// With `from = self.db` the database is that of the factory:
//     let __probe = ::demarcate::__private::SqlOf::of_factory(&(self.db)).on::<::demarcate::__private::OnMySql>();
//
// If the answer is no, rustc underlines the text.
pub(crate) fn questions(marked: &Marked<'_>) -> TokenStream {
    marked
        .doubtful
        .iter()
        .filter_map(|text| question(marked, text))
        .collect()
}

fn question(marked: &Marked<'_>, text: &Doubtful) -> Option<TokenStream> {
    let private = marked.private();
    let database = database(marked, text)?;
    let on = Ident::new(text.database, Span::mixed_site());
    let asks = Ident::new(text.question, Span::mixed_site());
    let (probe, probed) = probe_at(ends(&text.on));
    Some(quote! {
        let #probe = #database.on::<#private::#on>();
        #private::#asks(#probe #probed);
    })
}

/// The database of the session that a text is sent on, as a value to ask about. Where there are several sessions, only the
/// one that the text is visibly sent on tells.
fn database(marked: &Marked<'_>, text: &Doubtful) -> Option<TokenStream> {
    let private = marked.private();
    let sessions = marked.sessions();
    if sessions.len() > 1 {
        let (ty, _) = sessions
            .iter()
            .find(|(_, name)| name.is_some() && *name == text.session)?;
        return Some(quote!(#private::SqlOf::<#private::DatabaseOf<#ty>>::of()));
    }
    if let Some(database) = marked.database() {
        return Some(quote!(#private::SqlOf::<#database>::of()));
    }
    let from = marked.args.from.as_ref()?;
    Some(quote!(#private::SqlOf::of_factory(&(#from))))
}
