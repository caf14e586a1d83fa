//! Calls that a rule refused are taken out, so that the compiler does not report them a second time.

use demarcate_rules::Args;
use demarcate_rules::control::{self, Control, Judgement, Names};
use syn::visit_mut::{self, VisitMut};
use syn::{Block, Expr, parse_quote};

// Input:
//     let mut inner = tx.begin().await?;
//     tx.commit().await?;
//
// Output:
//     let mut inner = &mut *tx;
//     loop {}
//
// What was begun is the session still, and what is said of it later is true. A commit has no value worth having.
pub(crate) fn rewrite(block: &mut Block, names: &Names, args: &Args) -> bool {
    let mut refused = false;
    control::each(block, names, &mut |judgement, expr| {
        if let Judgement::Refused(control, _) = judgement
            && !args.allows(control.rule())
        {
            refused = true;
            *expr = match (control, &*expr) {
                (Control::Begin | Control::Unguard, Expr::MethodCall(call)) if call.args.is_empty() => {
                    let receiver = &call.receiver;
                    parse_quote!(__demarcate_refused!(&mut *#receiver))
                }
                _ => parse_quote!(__demarcate_refused!(loop {})),
            };
        }
    });
    if refused {
        TakeOut.visit_block_mut(block);
    }
    refused
}

/// Puts what stands in a mark in place of the mark and of all that was called on it: `mark.await?` and so on.
struct TakeOut;

impl VisitMut for TakeOut {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if let Some(Expr::Macro(mark)) = control::chain(expr).last()
            && mark.mac.path.is_ident("__demarcate_refused")
            && let Ok(inner) = mark.mac.parse_body::<Expr>()
        {
            *expr = inner;
        }
        visit_mut::visit_expr_mut(self, expr);
    }
}
