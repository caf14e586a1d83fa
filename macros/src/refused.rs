//! Takes calls that a rule refused out of a body, so that the compiler does not report them a second time.

use demarcate_rules::Args;
use demarcate_rules::control::{self, Control, Judgement, Names};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{Block, Expr, Macro, Path, parse_quote};

use crate::paths;

// Input:
//     let mut inner = tx.begin().await?;
//     tx.commit().await?;
//
// Output:
//     let mut inner = &mut *tx;
//     loop {}
//
// The result of `begin` is replaced by the session, so that later uses of it are checked as such. A commit has no value
// that later code could need.
//
// Returns whether a call was refused. Calls in the tokens of a macro call, which are no expressions, are taken out too.
pub(crate) fn rewrite(block: &mut Block, names: &Names, args: &Args, krate: &Path) -> bool {
    let mut refused = false;
    control::each(block, names, &mut |judgement, expr| {
        if let Judgement::Wrong(control @ (Control::Spawn | Control::After), _, what) = &judgement
            && !args.allows(control.rule())
        {
            refused |= release(expr, what, names);
            return;
        }
        if let Judgement::Refused(control, _) = judgement
            && !args.allows(control.rule())
        {
            refused = true;
            *expr = match (control, &*expr) {
                (Control::Begin | Control::Unguard, Expr::MethodCall(call))
                    if call.args.is_empty() =>
                {
                    let receiver = &call.receiver;
                    parse_quote!(__demarcate_refused!(&mut *#receiver))
                }
                _ => parse_quote!(__demarcate_refused!(loop {})),
            };
        }
    });
    let mut take_out = TakeOut {
        names,
        args,
        krate,
        in_macro: false,
    };
    take_out.visit_block_mut(block);
    refused
}

// Input:
//     tokio::spawn(async move { create_order(&mut *tx).await })
//
// Output:
//     tokio::spawn({
//         if false {
//             let _ = async move { create_order(&mut *tx).await };
//             loop {}
//         }
//         async { loop {} }
//     })
//
// The task borrows the session, which the compiler would report for the same call. The argument of `tx.after_commit(..)`
// is replaced likewise.
fn release(spawn: &mut Expr, what: &str, names: &Names) -> bool {
    let arguments = match spawn {
        Expr::Call(call) => &mut call.args,
        Expr::MethodCall(call) => &mut call.args,
        _ => return false,
    };
    let Some(task) = arguments
        .first_mut()
        .filter(|task| names.is_mentioned(&task.to_token_stream()))
    else {
        return false;
    };
    let released = match task {
        Expr::Closure(_) => quote!(|| loop {}),
        Expr::Async(_) => quote!(async { loop {} }),
        _ if what.starts_with("thread") || what.contains("blocking") => return false,
        _ => quote!(async { loop {} }),
    };
    *task = Expr::Verbatim(quote!({
        if false {
            let _ = #task;
            loop {}
        }
        #released
    }));
    true
}

/// Replaces a mark, with all that was called on it (`mark.await?` and so on), by the content of the mark.
struct TakeOut<'a> {
    names: &'a Names,
    args: &'a Args,
    krate: &'a Path,
    /// Whether the expression is an argument of a macro call. The macro may use its value, so the type is kept.
    in_macro: bool,
}

impl VisitMut for TakeOut<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if self.in_macro {
            if let Expr::Macro(mark) = expr
                && mark.mac.path.is_ident("__demarcate_refused")
            {
                *expr = Expr::Verbatim(never(self.krate));
            }
        } else if let Some(Expr::Macro(mark)) = control::chain(expr).last()
            && mark.mac.path.is_ident("__demarcate_refused")
            && let Ok(inner) = mark.mac.parse_body::<Expr>()
        {
            *expr = inner;
        }
        visit_mut::visit_expr_mut(self, expr);
    }

    fn visit_macro_mut(&mut self, mac: &mut Macro) {
        let Self {
            names, args, krate, ..
        } = *self;
        let instead = |control: Control| (!args.allows(control.rule())).then(|| never(krate));
        let outer = std::mem::replace(&mut self.in_macro, true);
        control::each_argument(mac, self, &|tokens| {
            control::without_calls(tokens, names, &instead)
        });
        self.in_macro = outer;
    }
}

/// A future in place of a refused commit.
fn never(krate: &Path) -> TokenStream {
    let private = paths::private(krate);
    quote!(#private::refused())
}
