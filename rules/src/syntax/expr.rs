//! Reads parts of an expression that do not depend on the meaning of its names.

use proc_macro2::{TokenStream, TokenTree};
use syn::{BinOp, Block, Expr, ExprPath, Ident, Stmt, UnOp};

/// The name in `name`, `(name)`, `&name`, `&mut *name`.
pub(crate) fn plain_place(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Path(ExprPath {
            qself: None, path, ..
        }) => path.get_ident(),
        Expr::Paren(inner) => plain_place(&inner.expr),
        Expr::Group(inner) => plain_place(&inner.expr),
        Expr::Reference(inner) => plain_place(&inner.expr),
        Expr::Unary(inner) if matches!(inner.op, UnOp::Deref(_)) => plain_place(&inner.expr),
        _ => None,
    }
}

/// The expression in `(expr)`.
pub(crate) fn without_parens(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(inner) => without_parens(&inner.expr),
        Expr::Group(inner) => without_parens(&inner.expr),
        expr => expr,
    }
}

/// The value of a block.
pub(crate) fn tail(block: &Block) -> Option<&Expr> {
    match block.stmts.last() {
        Some(Stmt::Expr(tail, None)) => Some(tail),
        _ => None,
    }
}

/// Whether any word in tokens is wanted.
pub(crate) fn any_word(tokens: TokenStream, wanted: &dyn Fn(&Ident) -> bool) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => wanted(&word),
        TokenTree::Group(group) => any_word(group.stream(), wanted),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// The last name of the path that is called.
pub(crate) fn called(func: &Expr) -> Option<&Ident> {
    match func {
        Expr::Path(path) => path.path.segments.last().map(|last| &last.ident),
        _ => None,
    }
}

/// The type or module before the name that is called: `JoinSet` in `JoinSet::from_iter`.
pub(crate) fn owner(func: &Expr) -> Option<&Ident> {
    match func {
        Expr::Path(path) => path
            .path
            .segments
            .iter()
            .rev()
            .nth(1)
            .map(|last| &last.ident),
        _ => None,
    }
}

/// Whether a path goes through something of that name.
pub(crate) fn names_crate(path: &syn::Path, name: &str) -> bool {
    path.segments.iter().any(|segment| segment.ident == name)
}

/// Iterates over an expression and its receivers, from the outside in: `a.b()?.await`, `a.b()?`, `a.b()`, `a`.
pub fn chain(expr: &Expr) -> impl Iterator<Item = &Expr> {
    std::iter::successors(Some(expr), |expr| match expr {
        Expr::MethodCall(call) => Some(&call.receiver),
        Expr::Await(inner) => Some(&inner.base),
        Expr::Try(inner) => Some(&inner.expr),
        Expr::Field(inner) => Some(&inner.base),
        Expr::Paren(inner) => Some(&inner.expr),
        Expr::Group(inner) => Some(&inner.expr),
        _ => None,
    })
}

/// The conditions in `a && b && c`.
pub(crate) fn conditions(cond: &Expr) -> Vec<&Expr> {
    match cond {
        Expr::Binary(both) if matches!(both.op, BinOp::And(_)) => {
            let mut all = conditions(&both.left);
            all.extend(conditions(&both.right));
            all
        }
        cond => vec![cond],
    }
}
