//! Questions to the compiler about types: may a parameter, or the receiver of `.commit()`, affect a transaction?

use std::collections::HashSet;

use demarcate_rules::control::{self, Control, Judgement, Names};
use demarcate_rules::{Args, Body, Kind, plain_name};
use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Block, Expr, Ident, PatType, Path, Stmt, StmtMacro, Type, UnOp};

use crate::marked::Marked;
use crate::paths;
use crate::span::{cfgs, ends, probe_at};

// Input:
//     order: &NewOrder
//
// Output:
//     let __probe = ::demarcate::__private::Probe::<&NewOrder>::of().beside::<DatabaseOf<Session>>();
//     ::demarcate::__private::service_takes(__probe.verdict());
//
// If the answer is no, rustc underlines an expression that begins and ends where the type does.
pub(crate) fn parameters(marked: &Marked<'_>) -> TokenStream {
    let private = marked.private();
    let takes = Ident::new(
        match marked.kind {
            Kind::Router => "router_takes",
            Kind::Service => "service_takes",
            // Never asked.
            Kind::Job | Kind::Boundary => "job_takes",
        },
        Span::mixed_site(),
    );
    let beside = beside_session(marked.database().as_ref());
    let by_type = |ty: &Type| {
        let (probe, probed) = probe_at(ends(ty));
        quote! {
            let #probe = #private::Probe::<#ty>::of() #beside;
            #private::#takes(#probe #probed);
        }
    };
    let by_value = |ty: &Type, name: &Ident| {
        let (probe, probed) = probe_at(ends(ty));
        let borrow = quote_spanned!(name.span()=> &);
        quote! {
            let #probe = #private::Probe::of_value(#borrow #name) #beside;
            #private::#takes(#probe #probed);
        }
    };
    let there = |parameter: &PatType, asked: TokenStream| {
        let mut cfgs = cfgs(parameter).peekable();
        match cfgs.peek() {
            Some(_) => quote!(#(#cfgs)* { #asked }),
            None => asked,
        }
    };
    let function = marked.function;
    let types = function
        .foreign_parameters(marked.kind, marked.args)
        .into_iter()
        .map(|(parameter, types)| there(parameter, types.into_iter().map(by_type).collect()));
    let values = function
        .foreign_values(marked.kind, marked.args)
        .into_iter()
        .map(|(parameter, name)| there(parameter, by_value(&parameter.ty, name)));
    types.chain(values).collect()
}

// Input:
//     session: TypedSession
//
// Output:
//     ::demarcate::__private::router_keeps::<TypedSession>();
//
// Asked of an argument that the body uses as a whole: of one that it does not name, and of a single field, no more than
// that is in the future. With an answer of no the compiler says nothing of its own about the future.
pub(crate) fn kept(marked: &Marked<'_>) -> TokenStream {
    let Body::Braced(body) = &marked.function.body else {
        return TokenStream::new();
    };
    // A body that runs again borrows its arguments.
    if marked.is_run_again() {
        return TokenStream::new();
    }
    let private = marked.private();
    let mut asked = TokenStream::new();
    let parameters = marked.function.foreign_parameters(marked.kind, marked.args);
    for (parameter, types) in parameters {
        let (Some(name), false) = (plain_name(&parameter.pat), types.is_empty()) else {
            continue;
        };
        let ty = &parameter.ty;
        if is_named_by_tokens(ty, marked) && is_used_whole(&body.stream(), name) {
            let cfgs = cfgs(parameter);
            asked.extend(quote!(#(#cfgs)* #private::router_keeps::<#ty>();));
        }
    }
    asked
}

/// Whether a type says what it is: it has no `impl Trait` and no parameter of the function, whose bounds the compiler
/// explains better.
fn is_named_by_tokens(ty: &Type, marked: &Marked<'_>) -> bool {
    let generics = &marked.function.sig.generics;
    let is_open = |word: &Ident| {
        word == "impl"
            || generics
                .type_params()
                .any(|parameter| parameter.ident == *word)
    };
    !any_ident(ty.to_token_stream(), &mut |word, _, _| is_open(word))
}

/// Whether a name stands in tokens for the value: not for a field or a method, not as the name of a new one, and not with a
/// field behind it.
fn is_used_whole(tokens: &TokenStream, name: &Ident) -> bool {
    any_ident(tokens.clone(), &mut |word, before, behind| {
        let is_mark = |token: Option<&TokenTree>, mark: char| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark);
        let is_word = |token: Option<&TokenTree>, words: &[&str]| matches!(token, Some(TokenTree::Ident(word)) if words.iter().any(|known| word == known));
        let is_field = is_mark(behind.first(), '.')
            && match behind.get(1) {
                Some(TokenTree::Literal(_)) => true,
                Some(TokenTree::Ident(word)) => {
                    word != "await"
                        && !matches!(behind.get(2), Some(TokenTree::Group(_)))
                        && !is_mark(behind.get(2), ':')
                }
                _ => false,
            };
        word == name
            && !is_mark(before, '.')
            && !is_word(before, &["let", "mut", "fn"])
            && !is_mark(behind.first(), ':')
            && !is_field
    })
}

/// Whether a word is wanted, given the token before it and those behind.
type Wanted<'a> = dyn FnMut(&Ident, Option<&TokenTree>, &[TokenTree]) -> bool + 'a;

/// Whether any word of the tokens is wanted.
fn any_ident(tokens: TokenStream, wanted: &mut Wanted<'_>) -> bool {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    tokens.iter().enumerate().any(|(n, token)| match token {
        TokenTree::Ident(word) => {
            let before = n.checked_sub(1).and_then(|n| tokens.get(n));
            wanted(word, before, tokens.get(n + 1..).unwrap_or_default())
        }
        TokenTree::Group(group) => any_ident(group.stream(), wanted),
        _ => false,
    })
}

// Output, for `-> Result<Order, sqlx::Error>`:
//     let __probe = ::demarcate::__private::Probe::<Order>::of();
//     ::demarcate::__private::returns(__probe.verdict());
pub(crate) fn carried_out(marked: &Marked<'_>) -> TokenStream {
    let private = marked.private();
    let ask = |ty: &Type| {
        let (probe, probed) = probe_at(ends(ty));
        quote! {
            let #probe = #private::Probe::<#ty>::of();
            #private::returns(#probe #probed);
        }
    };
    let parts = marked.function.returned_parts(marked.args);
    parts.into_iter().map(ask).collect()
}

// Output:
//     ::demarcate::__private::is_fallible::<Result<Order, sqlx::Error>>();
//
// Not asked of a service that is not async, which may return a boxed future, nor of a type that cannot be named.
pub(crate) fn returned(marked: &Marked<'_>) -> Option<TokenStream> {
    let is_known = marked.function.sig.asyncness.is_some() && marked.returns_named();
    is_known.then(|| {
        let private = marked.private();
        let returned = marked.returned();
        quote!(#private::is_fallible::<#returned>();)
    })
}

// Input:
//     self.index.commit()
//
// Output:
//     (
//         if false {
//             match ::demarcate::__private::Probe::of_value(&self.index) {
//                 __probe => ::demarcate::__private::commits(__probe.verdict()),
//             }
//             loop {}
//         },
//         self.index.commit(),
//     ).1
//
// It is a tuple, since a block would drop the temporaries of the receiver at its end, and a `match`, since `let` would drop
// the temporaries of the question. The branch that is never taken ends in a loop, so that nothing is moved twice.
//
// A receiver that is no place expression is moved into the tuple, and the call stays outermost, where lints see it:
// `(.., self.index()).1.commit()`.
pub(crate) fn rewrite(
    block: &mut Block,
    names: &Names,
    args: &Args,
    krate: &Path,
    database: Option<&TokenStream>,
) {
    let asks = Asks {
        args,
        krate,
        database,
    };
    let mut handed = HashSet::new();
    let mut late = Late::default();
    control::each(block, names, &mut |judgement, expr| {
        let is_argument = matches!(judgement, Judgement::AskArgument(..));
        let (control, at, receiver) = match judgement {
            Judgement::Ask(control, name, receiver) => (control, ends(&name), receiver),
            Judgement::AskArgument(control, argument) => (control, ends(&argument), argument),
            Judgement::AskGiven(control, name, receiver) => {
                if !args.allows(control.rule()) {
                    *expr = asks.given(control, &name, receiver.as_deref(), expr);
                }
                return;
            }
            Judgement::AskBare(control, name) => {
                if !args.allows(control.rule()) {
                    *expr = asks.bare(&name, expr);
                }
                return;
            }
            Judgement::AskTask(name) => {
                if !args.allows(Control::Spawn.rule()) {
                    asks.task(&name, expr);
                }
                return;
            }
            Judgement::AskHanded(place, is_lasting) => {
                // Once for each place, since its type does not change.
                if !is_lasting || handed.insert(place.to_token_stream().to_string()) {
                    asks.handed(&place, expr);
                }
                return;
            }
            Judgement::AskTaskLate(name) => {
                if !args.allows(Control::Spawn.rule()) {
                    late.task(&asks, &name, expr);
                }
                return;
            }
            Judgement::AskElsewhere(name, places) => {
                if !args.allows(Control::Use.rule()) {
                    late.elsewhere(&asks, &name, &places, expr);
                }
                return;
            }
            Judgement::AskLate(place) => {
                late.note(&asks, &place, expr);
                return;
            }
            Judgement::Refused(..) | Judgement::Wrong(..) => return,
        };
        let is_asked_before = control == Control::Use
            && control::is_lasting(&receiver)
            && !handed.insert(receiver.to_token_stream().to_string());
        if args.allows(control.rule()) || is_asked_before {
            return;
        }
        let asked = asks.about(control, at, &receiver);
        if let Some(argument) = executor(control, expr, is_argument) {
            *argument = beside(&asked, argument, &receiver);
            return;
        }
        match expr {
            Expr::MethodCall(call) if !is_place(&receiver) => {
                *call.receiver = beside(&asked, &call.receiver, &receiver);
            }
            _ => *expr = beside(&asked, expr, expr),
        }
    });
    late.ask(block);
}

/// The questions about values whose types are known at the end of the body alone.
#[derive(Default)]
struct Late {
    declared: TokenStream,
    asked: TokenStream,
    count: usize,
}

impl Late {
    // Input:
    //     insert_line(shards.shard(id))
    //
    // Output:
    //     insert_line(::demarcate::__private::handed(shards.shard(id), |__value| {
    //         loop {}
    //         #[allow(unreachable_code)]
    //         __late0.is(__value);
    //     }))
    //
    // The compiler infers the types of the code behind the loop, and does not check its borrows.
    fn note(&mut self, asks: &Asks<'_>, place: &Expr, expr: &mut Expr) {
        let Some(functions) = asks.of_handed() else {
            return;
        };
        let private = paths::private(asks.krate);
        let (probe, probed) = probe_at(ends(place));
        let late = self.learn(expr, &private);
        self.asked.extend(quote! {
            match #private::Probe::of_late(&#late) {
                #probe => { #(#private::#functions(#probe #probed);)* }
            }
        });
        if let Expr::Call(call) = place
            && !asks.args.allows(Control::Spawn.rule())
        {
            self.ask_of_task(&private, &late, ends(&call.func));
        }
    }

    /// Asks whether the value of a call that is kept is a task.
    fn task(&mut self, asks: &Asks<'_>, name: &Ident, expr: &mut Expr) {
        let private = paths::private(asks.krate);
        let late = self.learn(expr, &private);
        self.ask_of_task(&private, &late, ends(name));
    }

    fn ask_of_task(&mut self, private: &TokenStream, late: &Ident, place: (Span, Span)) {
        let (probe, probed) = probe_at(place);
        self.asked.extend(quote! {
            match #private::ProbeTask::of_late(&#late) {
                #probe => #private::spawns(#probe #probed),
            }
        });
    }

    /// Notes the type of a value.
    fn learn(&mut self, expr: &mut Expr, private: &TokenStream) -> Ident {
        let late = self.declare(private);
        let value = Ident::new("__value", Span::mixed_site());
        *expr = Expr::Verbatim(quote!(#private::handed(#expr, |#value| {
            loop {}
            #[allow(unreachable_code)]
            #late.is(#value);
        })));
        late
    }

    // Input:
    //     payments.insert(order).await
    //
    // Output:
    //     match payments.insert(order).await {
    //         __value => {
    //             #[allow(unreachable_code)]
    //             {
    //                 if false {
    //                     loop {}
    //                     __late0.is(&__value);
    //                     __late1.is(&payments);
    //                     __late2.is(&order);
    //                     __late3.is(&());
    //                 }
    //             };
    //             __value
    //         }
    //     }
    //
    // If `payments` or `order` is refused by itself, the call is not refused as well.
    fn elsewhere(&mut self, asks: &Asks<'_>, name: &Ident, places: &[Expr], expr: &mut Expr) {
        let private = paths::private(asks.krate);
        let (start, end) = ends(name);
        let (probe, probed) = probe_at((start, end));
        let late = self.declare(&private);
        let places = (0..3).map(|n| {
            let late = self.declare(&private);
            let place = places.get(n);
            let place = place.map_or(quote!(&()), |place| quote!(&#place));
            (quote!(&#late), quote!(#late.is(#place);))
        });
        let (told, places): (Vec<_>, Vec<_>) = places.unzip();
        let beside = quote!(#private::any_of(#(#told),*).verdict());
        self.asked.extend(quote! {
            match #private::of_error(&#late) {
                #probe => #private::stays_here(#probe #probed, #beside),
            }
        });
        let value = Ident::new("__value", Span::mixed_site());
        let keyword = quote_spanned!(start=> match);
        *expr = Expr::Verbatim(quote!(#keyword #expr {
            #value => {
                #[allow(unreachable_code)]
                {
                    if false {
                        loop {}
                        #late.is(&#value);
                        #(#places)*
                    }
                };
                #value
            }
        }));
    }

    /// Declares another type that is not known yet.
    fn declare(&mut self, private: &TokenStream) -> Ident {
        let late = format_ident!("__late{}", self.count, span = Span::mixed_site());
        self.count += 1;
        self.declared
            .extend(quote!(let #late = #private::Late::unknown();));
        late
    }

    // Input:
    //     { statements; value }
    //
    // Output:
    //     {
    //         let __late0 = ::demarcate::__private::Late::unknown();
    //         statements;
    //         return value;
    //         #[allow(unreachable_code)]
    //         { if false { .. } };
    //     }
    fn ask(self, block: &mut Block) {
        if self.count == 0 {
            return;
        }
        let Self {
            declared, asked, ..
        } = self;
        if let Some(
            last @ (Stmt::Expr(_, None)
            | Stmt::Macro(StmtMacro {
                semi_token: None, ..
            })),
        ) = block.stmts.last_mut()
        {
            // Of what never ends, a `return` is never reached.
            let is_endless = matches!(last, Stmt::Expr(Expr::Loop(repeated), _)
                if !any_ident(repeated.to_token_stream(), &mut |word, _, _| word == "break"));
            let returned = (!is_endless).then(|| quote!(return));
            let (attrs, last_value) = attributes(last);
            *last = Stmt::Expr(Expr::Verbatim(quote!(#attrs #returned #last_value;)), None);
        }
        let items = block.stmts.iter();
        let items = items
            .take_while(|stmt| matches!(stmt, Stmt::Item(_)))
            .count();
        let declared = Stmt::Expr(Expr::Verbatim(declared), None);
        block.stmts.insert(items, declared);
        let asked = quote!(#[allow(unreachable_code)] { if false { #asked } };);
        block.stmts.push(Stmt::Expr(Expr::Verbatim(asked), None));
    }
}

/// The attributes in front of an expression, and the expression behind them.
fn attributes(expr: &impl ToTokens) -> (TokenStream, TokenStream) {
    let mut tokens = expr.to_token_stream().into_iter().peekable();
    let mut attrs = TokenStream::new();
    while matches!(tokens.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == '#') {
        attrs.extend(tokens.by_ref().take(2));
    }
    (attrs, tokens.collect())
}

/// The executor that a statement is given: `&pool` in `query.execute(&pool)` and in `Executor::execute(&pool, query)`.
fn executor(control: Control, expr: &mut Expr, is_argument: bool) -> Option<&mut Expr> {
    match expr {
        Expr::MethodCall(call) if control == Control::Send && is_argument => call.args.first_mut(),
        Expr::Call(call) if control == Control::Send => call.args.first_mut(),
        _ => None,
    }
}

/// A reference to a place, or a static: what is moved out of a place is asked about when it has been.
fn is_lent(expr: &Expr) -> bool {
    match expr {
        Expr::Reference(_) | Expr::Path(_) => is_borrowed_place(expr),
        Expr::Paren(inner) => is_lent(&inner.expr),
        Expr::Group(inner) => is_lent(&inner.expr),
        _ => false,
    }
}

/// A static or a field, or a reference to one, without a call in it: the compiler knows its type.
fn is_borrowed_place(expr: &Expr) -> bool {
    match expr {
        Expr::Path(path) => {
            // Of `Page::FIRST` it may depend on where it is used, and so of a variable.
            let names: Vec<_> = path
                .path
                .segments
                .iter()
                .map(|name| name.ident.to_string())
                .collect();
            let is_upper = |name: &String| name.starts_with(char::is_uppercase);
            match names.as_slice() {
                [name] => is_upper(name),
                [.., owner, _] => !is_upper(owner),
                [] => false,
            }
        }
        Expr::Field(inner) => {
            matches!(*inner.base, Expr::Path(_)) || is_borrowed_place(&inner.base)
        }
        Expr::Index(inner) => is_borrowed_place(&inner.expr) && is_plain_index(&inner.index),
        Expr::Unary(inner) => matches!(inner.op, UnOp::Deref(_)) && is_borrowed_place(&inner.expr),
        Expr::Reference(inner) => is_borrowed_place(&inner.expr),
        Expr::Paren(inner) => is_borrowed_place(&inner.expr),
        Expr::Group(inner) => is_borrowed_place(&inner.expr),
        _ => false,
    }
}

fn is_plain_index(index: &Expr) -> bool {
    matches!(index, Expr::Lit(_) | Expr::Path(_))
}

/// `(asked, expr).1`, which for rustc begins and ends where `at` does.
fn beside(asked: &TokenStream, expr: &Expr, at: &impl ToTokens) -> Expr {
    let (start, end) = ends(at);
    let mut tuple = Group::new(Delimiter::Parenthesis, quote!(#asked, #expr));
    tuple.set_span(start);
    let second = quote_spanned!(end=> .1);
    Expr::Verbatim(quote!(#tuple #second))
}

/// Writes the questions of one function.
struct Asks<'a> {
    args: &'a Args,
    krate: &'a Path,
    database: Option<&'a TokenStream>,
}

impl Asks<'_> {
    /// Asks whether a value of the receiver's type may be used so. If the answer is no, rustc underlines the code from `start`
    /// to `end`.
    fn about(&self, control: Control, (start, end): (Span, Span), receiver: &Expr) -> TokenStream {
        let functions: &[&str] = match control {
            Control::Commit => &["commits"],
            Control::Rollback => &["rolls_back"],
            Control::Begin => &["begins"],
            Control::Send => &["sends"],
            Control::Use => &["uses"],
            Control::Start => &["starts"],
            // A connection of sqlx has a method of that name as well.
            Control::Open => &["begins", "opens"],
            // Never asked.
            Control::Unguard | Control::Spawn | Control::After => &[],
            Control::Receive if self.args.denied().any(|rule| rule == control.rule()) => {
                &["receives"]
            }
            Control::Receive => &[],
        };
        // Of a boundary it matters whether it is of another database.
        let beside = beside_session(self.database.filter(|_| control == Control::Open));
        let chain = match control {
            Control::Receive => quote!(ProbeReceiver),
            _ => quote!(Probe),
        };
        // What is no error is the use of a deprecated method, of that name.
        let warned = (control == Control::Receive && functions.is_empty())
            .then(|| Ident::new(control.rule().code, start.resolved_at(Span::mixed_site())));
        let private = paths::private(self.krate);
        let (probe, probed) = probe_at((start, end));
        let functions = functions
            .iter()
            .map(|function| Ident::new(function, Span::mixed_site()));
        let asked = functions.map(|function| quote!(#private::#function(#probe #probed)));
        let warned = warned.map(|warned| quote!(#probe.verdict().#warned();));
        quote! {
            if false {
                match #private::#chain::of_value(&#receiver) #beside {
                    #probe => { #(#asked;)* #warned }
                }
                loop {}
            }
        }
    }

    /// The functions that judge a value that is handed on, if its rules hold.
    fn of_handed(&self) -> Option<Vec<Ident>> {
        let functions = [("uses", Control::Use), ("passes_on", Control::Open)].into_iter();
        let hold = functions.filter(|(_, control)| !self.args.allows(control.rule()));
        let names: Vec<_> = hold
            .map(|(function, _)| Ident::new(function, Span::mixed_site()))
            .collect();
        (!names.is_empty()).then_some(names)
    }

    // Input:
    //     add(app.pool())
    //
    // Output:
    //     add(::demarcate::__private::handed(app.pool(), |__value| {
    //         match ::demarcate::__private::Probe::of_value(__value) {
    //             __probe => ::demarcate::__private::uses(__probe.verdict()),
    //         }
    //     }))
    //
    // The closure is never called. It is read after the value, which has its type by then from what takes it. Of what a
    // reference is to the type is known, and `{ if false { .. } &app.pool }` lends it as before.
    fn handed(&self, place: &Expr, expr: &mut Expr) {
        let Some(functions) = self.of_handed() else {
            return;
        };
        let private = paths::private(self.krate);
        let (probe, probed) = probe_at(ends(place));
        let asked = quote!(#probe => { #(#private::#functions(#probe #probed);)* });
        *expr = Expr::Verbatim(if is_lent(expr) {
            quote!({
                if false {
                    match #private::Probe::of_value(&#place) { #asked }
                    loop {}
                }
                #expr
            })
        } else {
            let value = Ident::new("__value", Span::mixed_site());
            quote!(#private::handed(#expr, |#value| {
                match #private::Probe::of_value(#value) { #asked }
            }))
        });
    }

    // Input:
    //     .map(spawn)
    //
    // Output:
    //     .map(::demarcate::__private::handed(spawn, |__value| {
    //         match ::demarcate::__private::ProbeTask::of_function(__value) {
    //             __probe => ::demarcate::__private::spawns(__probe.verdict()),
    //         }
    //     }))
    //
    // The same as for a value that is handed on: its type may come from what takes it.
    fn task(&self, name: &Ident, expr: &mut Expr) {
        let private = paths::private(self.krate);
        let (probe, probed) = probe_at(ends(name));
        let value = Ident::new("__value", Span::mixed_site());
        let of = Ident::new(
            match expr {
                Expr::Path(_) => "of_function",
                _ => "of_value",
            },
            Span::mixed_site(),
        );
        *expr = Expr::Verbatim(quote!(#private::handed(#expr, |#value| {
            match #private::ProbeTask::#of(#value) {
                #probe => #private::spawns(#probe #probed),
            }
        })));
    }

    // Input:
    //     app.pool().begin().await
    //
    // Output:
    //     match app.pool().begin().await {
    //         __given => {
    //             if false {
    //                 loop {}
    //                 ::demarcate::__private::begins_by(
    //                     &app.pool(),
    //                     ::demarcate::__private::Probe::of_value(&__given).verdict(),
    //                 );
    //             }
    //             __given
    //         }
    //     }
    //
    // The receiver may be borrowed or moved by then; what stands behind the loop has a type, and no one's borrows.
    //
    // Lints about the whole are shown at the name.
    fn given(&self, control: Control, name: &Ident, receiver: Option<&Expr>, expr: &Expr) -> Expr {
        let private = paths::private(self.krate);
        let (start, end) = ends(name);
        let given = Ident::new("__given", Span::mixed_site());
        let chain = match control {
            Control::Spawn => quote!(ProbeTask),
            _ => quote!(Probe),
        };
        let (probe, probed) = probe_at((start, end));
        let asked = match (control, receiver) {
            (Control::Begin, Some(receiver)) => quote!(begins_by(&#receiver, #probe #probed);),
            (Control::Begin, None) => quote!(begins(#probe #probed);),
            (Control::Spawn, _) => quote!(spawns(#probe #probed);),
            (_, Some(receiver)) => quote!(uses_by(&#receiver, #probe #probed);),
            (_, None) => quote!(uses(#probe #probed);),
        };
        let keyword = quote_spanned!(start=> match);
        let mut arm = Group::new(
            Delimiter::Brace,
            quote! {
                #given => {
                    if false {
                        #[allow(unreachable_code)]
                        {
                            loop {}
                            let #probe = #private::#chain::of_value(&#given);
                            #private::#asked
                        }
                    }
                    #given
                }
            },
        );
        arm.set_span(start);
        Expr::Verbatim(quote!(#keyword #expr #arm))
    }

    // Input:
    //     mailer.mail(1);
    //
    // Output:
    //     {
    //         if false {
    //             loop {}
    //             match mailer.mail(1) {
    //                 __given => ::demarcate::__private::spawns(::demarcate::__private::ProbeTask::of_value(&__given).verdict()),
    //             }
    //         }
    //         mailer.mail(1);
    //     };
    //
    // The statement itself stays as it is: lints ask of it whether a value that must be used is thrown away.
    fn bare(&self, name: &Ident, expr: &Expr) -> Expr {
        let private = paths::private(self.krate);
        let given = Ident::new("__given", Span::mixed_site());
        let (probe, probed) = probe_at(ends(name));
        Expr::Verbatim(quote! {
            #[allow(clippy::unnecessary_semicolon)]
            {
                #[allow(unreachable_code)]
                {
                    if false {
                        loop {}
                        match #expr {
                            #given => match #private::ProbeTask::of_value(&#given) {
                                #probe => #private::spawns(#probe #probed),
                            },
                        }
                    }
                }
                #expr;
            }
        })
    }
}

/// Makes a question about a type one about a type beside a session of that database.
fn beside_session(database: Option<&TokenStream>) -> Option<TokenStream> {
    database.map(|database| quote!(.beside::<#database>()))
}

/// Whether an expression is a place, out of which a tuple would move the value.
fn is_place(expr: &Expr) -> bool {
    match expr {
        Expr::Path(_) | Expr::Field(_) | Expr::Index(_) => true,
        Expr::Unary(inner) => matches!(inner.op, UnOp::Deref(_)),
        Expr::Paren(inner) => is_place(&inner.expr),
        Expr::Group(inner) => is_place(&inner.expr),
        _ => false,
    }
}

/// Wraps questions so that the compiler answers them and nothing runs.
pub(crate) fn never(asked: &TokenStream) -> TokenStream {
    if asked.is_empty() {
        return TokenStream::new();
    }
    quote!(if false { #asked })
}
