//! Questions to the compiler about values that are thrown away: is it a result, or a future?

use demarcate_rules::lost::{self, Around, Asked, Part, Question};
use demarcate_rules::{Args, Rule, Tie, control::Names, swallowed, without_type};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Arm, Block, Expr, ExprBlock, ExprMatch, ExprParen, ExprReference, Ident, Pat, PatIdent, Path,
    Stmt, Token, token,
};

use crate::paths;
use crate::span::{ends, probe_at};

// Input:
//     let _ = repo.save(sku).await;
//
// Output:
//     let _ = (match repo.save(sku).await {
//         __value => {
//             if false {
//                 match ::demarcate::__private::dropped_held(&__value) {
//                     __probe => {
//                         ::demarcate::__private::discards(__probe.verdict());
//                         ::demarcate::__private::leaves_alone(__probe.verdict());
//                     }
//                 }
//             }
//             __value
//         }
//     });
//
// It is a `match`, in which the temporaries of the value live as long as before. A local variable is not moved: the question
// about it stands where the value is used, behind a `loop {}`, where nothing is borrowed.
pub(crate) fn rewrite(block: &mut Block, names: &Names, args: &Args, krate: &Path) {
    let rules = Rules::of(args);
    lost::each(block, names, &mut |question, around| {
        if rules.functions(question.asked).is_empty() && !rules.warns(question.asked) {
            return;
        }
        let asking = Asking {
            question,
            rules: &rules,
            private: paths::private(krate),
        };
        match around {
            Around::Expr(expr) => asking.in_expression(expr),
            Around::Stmt(stmt) => asking.in_statement(stmt),
        }
    });
}

/// The rules that are not lifted.
struct Rules {
    discarded: bool,
    never_awaited: bool,
    swallowed: bool,
    /// Whether an error of a service's own is an error as well.
    swallowed_own: bool,
}

impl Rules {
    fn of(args: &Args) -> Self {
        let holds = |code: &str| Rule::find(code).is_some_and(|rule| !args.allows(rule));
        Self {
            discarded: holds("D030"),
            never_awaited: holds("D031"),
            swallowed: holds("D032"),
            swallowed_own: args.denied().any(|rule| rule.code == "D032"),
        }
    }

    /// The functions that reject an answer.
    fn functions(&self, asked: Asked) -> Vec<&'static str> {
        let all: &[(&str, bool)] = match asked {
            Asked::Discarded | Asked::Items | Asked::Counted | Asked::Later => {
                &[("discards", self.discarded)]
            }
            Asked::Made => &[("leaves_alone", self.never_awaited)],
            Asked::Dropped => &[
                ("discards", self.discarded),
                ("leaves_alone", self.never_awaited),
            ],
            Asked::Swallowed | Asked::SwallowedInside | Asked::SwallowedLater | Asked::CutOff => &[
                ("swallows", self.swallowed && !self.swallowed_own),
                ("swallows_own", self.swallowed && self.swallowed_own),
            ],
        };
        let held = all.iter().filter(|(_, holds)| *holds);
        held.map(|(name, _)| *name).collect()
    }

    /// Whether an answer can be a warning.
    fn warns(&self, asked: Asked) -> bool {
        self.swallowed && !self.swallowed_own && asked.is_swallowed()
    }
}

/// One question, as it is written into a body.
struct Asking<'a> {
    question: &'a Question,
    rules: &'a Rules,
    private: TokenStream,
}

impl Asking<'_> {
    fn in_expression(&self, expr: &mut Expr) {
        match (self.question.part, without_parens_mut(expr)) {
            (Part::Receiver, Expr::MethodCall(call)) => self.ask_of(&mut call.receiver),
            (Part::Borrowed, Expr::MethodCall(call)) => self.ask_of_borrowed(&mut call.receiver),
            (Part::Argument, Expr::Call(call)) => {
                if let Some(value) = call.args.first_mut() {
                    self.ask_of(value);
                }
            }
            (Part::Argument, Expr::MethodCall(call)) => {
                if let Some(value) = call.args.first_mut() {
                    self.ask_of(value);
                }
            }
            (Part::Base, Expr::Field(field)) => self.ask_of(&mut field.base),
            (Part::Beside, Expr::MethodCall(call)) => {
                let asked = self.beside(&call.receiver);
                in_front(expr, asked);
            }
            (Part::Iterated, Expr::ForLoop(repeated)) => self.ask_of(&mut repeated.expr),
            (Part::Right, Expr::Assign(assign))
                if self.question.is_name && self.question.asked == Asked::Dropped =>
            {
                let asked = self.beside(&assign.right);
                in_front(expr, asked);
            }
            (Part::Right, Expr::Assign(assign)) => self.ask_of(&mut assign.right),
            (Part::Scrutinee(n), Expr::Match(choice)) => match choice.arms.get_mut(n) {
                Some(arm) if self.question.is_name => {
                    let body =
                        std::mem::replace(&mut *arm.body, Expr::Verbatim(TokenStream::new()));
                    *arm.body = block_of(vec![self.beside(&choice.expr), Stmt::Expr(body, None)]);
                }
                _ => self.ask_of(&mut choice.expr),
            },
            (Part::Condition(n), Expr::If(choice)) if self.question.is_name => {
                let Some(Expr::Let(condition)) = swallowed::condition_mut(&mut choice.cond, n)
                else {
                    return;
                };
                let asked = self.beside(&condition.expr);
                // Where its name does not stand for what the pattern took out of it: `if let Ok(rows) = rows`.
                match &mut choice.else_branch {
                    Some((_, instead)) => match &mut **instead {
                        Expr::Block(block) => block.block.stmts.insert(0, asked),
                        _ => choice.then_branch.stmts.insert(0, asked),
                    },
                    none => {
                        let instead = block_of(vec![asked]);
                        *none = Some((Token![else](Span::mixed_site()), Box::new(instead)));
                    }
                }
            }
            (Part::Condition(n), Expr::If(choice)) => {
                self.in_condition(&mut choice.cond, n, &mut choice.then_branch);
            }
            (Part::Condition(n), Expr::While(choice)) => {
                self.in_condition(&mut choice.cond, n, &mut choice.body);
            }
            _ => {}
        }
    }

    fn in_condition(&self, cond: &mut Expr, n: usize, block: &mut Block) {
        let Some(Expr::Let(condition)) = swallowed::condition_mut(cond, n) else {
            return;
        };
        if self.question.is_name {
            block.stmts.insert(0, self.beside(&condition.expr));
        } else {
            self.ask_of(&mut condition.expr);
        }
    }

    fn in_statement(&self, stmt: &mut Stmt) {
        let is_name = self.question.is_name;
        match (self.question.part, &mut *stmt) {
            (Part::Init, Stmt::Local(local)) => {
                let binds = matches!(without_type(&local.pat), Pat::Ident(_));
                let Some(init) = &mut local.init else {
                    return;
                };
                if is_name && !binds {
                    let asked = self.beside(&init.expr);
                    in_block(stmt, asked);
                } else {
                    self.ask_of(&mut init.expr);
                }
            }
            (Part::Else, Stmt::Local(local)) => {
                let Some(init) = &mut local.init else {
                    return;
                };
                match &mut init.diverge {
                    Some((_, instead)) if is_name => {
                        if let Expr::Block(block) = &mut **instead {
                            block.block.stmts.insert(0, self.beside(&init.expr));
                        }
                    }
                    _ => self.ask_of(&mut init.expr),
                }
            }
            (Part::InitReceiver, Stmt::Local(local)) => {
                let init = local.init.as_mut().map(|init| &mut *init.expr);
                if let Some(Expr::MethodCall(call)) = init.map(without_parens_mut) {
                    self.ask_of(&mut call.receiver);
                }
            }
            (Part::Whole, Stmt::Expr(expr, _)) => self.ask_of(expr),
            (_, Stmt::Expr(expr, _)) => self.in_expression(expr),
            _ => {}
        }
    }

    /// Puts the question around a value.
    fn ask_of(&self, value: &mut Expr) {
        let name = Ident::new("__value", Span::mixed_site());
        let asked = self.asked(&quote!(&), &name);
        take(value, |value| around(value, &name, &asked));
    }

    /// The same, of a value that is only borrowed.
    fn ask_of_borrowed(&self, value: &mut Expr) {
        let name = Ident::new("__value", Span::mixed_site());
        let asked = self.asked(&TokenStream::new(), &name);
        take(value, |value| {
            let borrowed = Expr::Reference(ExprReference {
                attrs: Vec::new(),
                and_token: Token![&](Span::mixed_site()),
                mutability: None,
                expr: Box::new(value),
            });
            around(borrowed, &name, &asked)
        });
    }

    // Output:
    //     #[allow(unreachable_code)]
    //     {
    //         if false {
    //             loop {}
    //             match ::demarcate::__private::dropped_lent(&saved) { .. }
    //         }
    //     }
    fn beside(&self, value: &Expr) -> Stmt {
        let asked = self.asked(&quote!(&), place(value));
        let beside = quote!(#[allow(unreachable_code)] { if false { loop {} #asked } });
        Stmt::Expr(Expr::Verbatim(beside), None)
    }

    /// The questions about a value. If the answer is no, rustc underlines the tokens that throw it away.
    fn asked(&self, borrow: &TokenStream, value: &impl ToTokens) -> TokenStream {
        let Self {
            question,
            rules,
            private,
        } = self;
        let about = Ident::new(function(question.asked, question.tie), Span::mixed_site());
        let each = question.at.iter().map(|(field, at)| {
            let (start, end) = ends(at);
            let (probe, probed) = probe_at((start, end));
            let rejects = rules.functions(question.asked).into_iter().map(|name| {
                let name = Ident::new(name, Span::mixed_site());
                quote!(#private::#name(#probe #probed);)
            });
            let warns = rules.warns(question.asked).then(|| {
                let code = Ident::new("D032", start.resolved_at(Span::call_site()));
                quote!(#probe #probed.#code();)
            });
            let field = field.map(|field| {
                let field = syn::Index::from(field);
                quote!(.#field)
            });
            quote! {
                match #private::#about(#borrow #value #field) {
                    #probe => { #(#rejects)* #warns }
                }
            }
        });
        quote!(#(#each)*)
    }
}

/// The function that asks.
fn function(asked: Asked, tie: Tie) -> &'static str {
    match (asked, tie) {
        (Asked::Discarded, Tie::Lent) => "discarded_lent",
        (Asked::Discarded, Tie::Held) => "discarded_held",
        (Asked::Discarded, Tie::Open) => "discarded_open",
        (Asked::Dropped, Tie::Lent) => "dropped_lent",
        (Asked::Dropped, Tie::Held) => "dropped_held",
        (Asked::Dropped, Tie::Open) => "dropped_open",
        (Asked::Items, _) => "discarded_items",
        (Asked::Counted, _) => "counted",
        (Asked::Made, _) => "made",
        (Asked::CutOff, _) => "cut_off",
        (Asked::Later, Tie::Lent) => "later_lent",
        (Asked::Later, _) => "later_held",
        (Asked::SwallowedLater, Tie::Lent) => "swallowed_later_lent",
        (Asked::SwallowedLater, _) => "swallowed_later_held",
        (Asked::Swallowed, Tie::Lent) => "swallowed_lent",
        (Asked::Swallowed, Tie::Held) => "swallowed_held",
        (Asked::Swallowed, Tie::Open) => "swallowed_open",
        (Asked::SwallowedInside, Tie::Lent) => "swallowed_inside_lent",
        (Asked::SwallowedInside, Tie::Held) => "swallowed_inside_held",
        (Asked::SwallowedInside, Tie::Open) => "swallowed_inside_open",
    }
}

/// `(match value { name => { if false { asked } name } })`, in nodes that later questions look into.
fn around(value: Expr, name: &Ident, asked: &TokenStream) -> Expr {
    let here = Span::mixed_site();
    let arm = Arm {
        attrs: Vec::new(),
        pat: Pat::Ident(PatIdent {
            attrs: Vec::new(),
            by_ref: None,
            mutability: None,
            ident: name.clone(),
            subpat: None,
        }),
        fat_arrow_token: Token![=>](here),
        body: Box::new(Expr::Verbatim(quote!({ if false { #asked } #name }))),
        comma: None,
    };
    let choice = Expr::Match(ExprMatch {
        attrs: Vec::new(),
        match_token: Token![match](here),
        expr: Box::new(value),
        brace_token: token::Brace(here),
        arms: vec![arm],
    });
    Expr::Paren(ExprParen {
        attrs: Vec::new(),
        paren_token: token::Paren(here),
        expr: Box::new(choice),
    })
}

/// Replaces an expression by what is made of it.
fn take(expr: &mut Expr, make: impl FnOnce(Expr) -> Expr) {
    let taken = std::mem::replace(expr, Expr::Verbatim(TokenStream::new()));
    *expr = make(taken);
}

/// Replaces a statement that binds nothing by a block with another one in front of it.
fn in_block(stmt: &mut Stmt, first: Stmt) {
    let taken = std::mem::replace(stmt, Stmt::Expr(Expr::Verbatim(TokenStream::new()), None));
    *stmt = Stmt::Expr(block_of(vec![first, taken]), None);
}

/// Replaces an expression by a block with a statement in front of it.
fn in_front(expr: &mut Expr, first: Stmt) {
    take(expr, |expr| {
        Expr::Paren(ExprParen {
            attrs: Vec::new(),
            paren_token: token::Paren(Span::mixed_site()),
            expr: Box::new(block_of(vec![first, Stmt::Expr(expr, None)])),
        })
    });
}

fn block_of(stmts: Vec<Stmt>) -> Expr {
    Expr::Block(ExprBlock {
        attrs: Vec::new(),
        label: None,
        block: Block {
            brace_token: token::Brace(Span::mixed_site()),
            stmts,
        },
    })
}

/// The local variable itself, in `&name`.
fn place(value: &Expr) -> &Expr {
    match value {
        Expr::Reference(inner) => place(&inner.expr),
        Expr::Paren(inner) => place(&inner.expr),
        Expr::Group(inner) => place(&inner.expr),
        value => value,
    }
}

fn without_parens_mut(expr: &mut Expr) -> &mut Expr {
    match expr {
        Expr::Paren(inner) => without_parens_mut(&mut inner.expr),
        Expr::Group(inner) => without_parens_mut(&mut inner.expr),
        expr => expr,
    }
}
