//! Reads a function: its attributes, signature and body.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{
    Attribute, Block, Expr, FnArg, FnModifiers, Ident, PatType, ReceiverKind, ReturnType,
    Signature, Stmt, Token, Type, TypeParamBound, TypeReference, Visibility, WherePredicate,
};

use crate::args::Args;
use crate::kind::Kind;
use crate::rule;
use crate::syntax::pattern::plain_name;
use crate::syntax::session::{self, Found, Lent};
use crate::syntax::types;

/// A function as its author wrote it.
///
/// The body stays tokens: rustc has already said what is wrong with its syntax, and an editor needs it
/// as it is while it is being typed.
#[derive(Clone)]
pub struct Function {
    /// Its attributes, those inside the body included, without `#[session]`.
    pub attrs: Vec<Attribute>,
    /// `pub`, and the like.
    pub vis: Visibility,
    /// `default`.
    pub modifiers: FnModifiers,
    /// The signature, without `#[session]` on its parameters.
    pub sig: Signature,
    /// The braces and their content, or the semicolon of a trait's method.
    pub body: Body,
    /// It was `fn() -> Pin<Box<dyn Future>>` before it was read as an async function: see [`Function::unboxed`].
    pub boxed: Option<Boxed>,
    /// It stands in a `#[service]` block: without a session it is a constructor or a helper, and its signature its own.
    pub is_in_block: bool,
    /// A trait declares it, so that its future is to be `Send` whatever implements it. Not under `#[async_trait]`, which
    /// sees to that itself, and not a method with a body whose attribute is its own: that may as well be an `impl`'s.
    pub is_declared: bool,
    /// The parameter that was marked `#[session]`.
    pub(crate) marked: Vec<usize>,
    /// The constants of the `#[service]` block that it stands in, under the names that it knows them by.
    pub(crate) constants: Vec<(String, Expr)>,
}

/// What `#[async_trait]` makes of an async function.
#[derive(Clone)]
pub struct Boxed {
    /// `-> Pin<Box<dyn Future<Output = T> + Send + 'a>>`
    pub output: ReturnType,
    /// `Box::pin`
    pub pin: Expr,
}

/// The part of a function after its signature.
#[derive(Clone)]
pub enum Body {
    /// `{ .. }`
    Braced(Group),
    /// `;`
    None(Token![;]),
}

impl ToTokens for Body {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Braced(group) => group.to_tokens(tokens),
            Self::None(semi) => semi.to_tokens(tokens),
        }
    }
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let mut modifiers = FnModifiers::default();
        modifiers.defaultness = input.parse()?;
        let mut sig: Signature = input.parse()?;
        let body = if input.peek(Token![;]) {
            Body::None(input.parse()?)
        } else {
            let (inner, body) = input.call(parse_braced)?;
            attrs.extend(inner);
            Body::Braced(body)
        };
        let marked = session::take_marks(&mut sig);
        let is_declared = matches!(body, Body::None(_));
        Ok(Self {
            attrs,
            vis,
            modifiers,
            sig,
            body,
            boxed: None,
            is_in_block: false,
            is_declared,
            marked,
            constants: Vec::new(),
        })
    }
}

/// The body, and the attributes at its beginning, which have no place in the block that it becomes.
fn parse_braced(input: ParseStream<'_>) -> syn::Result<(Vec<Attribute>, Group)> {
    let TokenTree::Group(group) = input.parse()? else {
        return Err(input.error("expected the function's body"));
    };
    if !begins_with_attribute(&group) {
        return Ok((Vec::new(), group));
    }
    let split = |input: ParseStream<'_>| {
        Ok((
            Attribute::parse_inner(input)?,
            input.parse::<TokenStream>()?,
        ))
    };
    let (mut attrs, rest) = match split.parse2(group.stream()) {
        Ok((attrs, rest)) if !attrs.is_empty() => (attrs, rest),
        // As it is: a new group would lose where its braces are.
        _ => return Ok((Vec::new(), group)),
    };
    for attr in &mut attrs {
        attr.style = syn::AttrStyle::Outer;
    }
    let mut body = Group::new(group.delimiter(), rest);
    body.set_span(group.span());
    Ok((attrs, body))
}

/// `#!`
fn begins_with_attribute(group: &Group) -> bool {
    let mut tokens = group.stream().into_iter();
    ['#', '!'].iter().all(|wanted| {
        matches!(tokens.next(), Some(TokenTree::Punct(punct)) if punct.as_char() == *wanted)
    })
}

impl Function {
    /// The body as statements; `None` where there is none, or where it cannot be read, which rustc reports.
    #[must_use]
    pub fn block(&self) -> Option<Block> {
        match &self.body {
            Body::Braced(group) => syn::parse2(group.to_token_stream()).ok(),
            Body::None(_) => None,
        }
    }

    /// The async function from which `#[async_trait]` made this one.
    ///
    /// An attribute on a method is expanded after the one on its `impl`, so a router in a tonic service is seen so.
    #[must_use]
    pub fn unboxed(mut self) -> Self {
        let boxed = |function: &Self| {
            let ReturnType::Type(arrow, ty) = &function.sig.output else {
                return None;
            };
            let output = types::output_of_boxed(ty)?.clone();
            let block = function.block()?;
            let [Stmt::Expr(Expr::Call(call), None)] = block.stmts.as_slice() else {
                return None;
            };
            let (Expr::Path(pin), Some(Expr::Async(body))) = (&*call.func, call.args.first())
            else {
                return None;
            };
            let is_pin = pin
                .path
                .segments
                .last()
                .is_some_and(|last| last.ident == "pin");
            let TokenTree::Group(body) = body.block.to_token_stream().into_iter().next()? else {
                return None;
            };
            let output = ReturnType::Type(*arrow, Box::new(output));
            (is_pin && call.args.len() == 1).then(|| (output, (*call.func).clone(), body))
        };
        if self.sig.asyncness.is_none()
            && let Some((output, pin, body)) = boxed(&self)
        {
            self.sig.asyncness = Some(Token![async](self.sig.fn_token.span));
            let output = std::mem::replace(&mut self.sig.output, output);
            self.body = Body::Braced(body);
            self.boxed = Some(Boxed { output, pin });
        }
        self
    }

    /// Returns the parameter that is the session, or the job's session factory.
    #[must_use]
    pub fn lent(&self, kind: Kind) -> Option<Lent> {
        self.found(kind).lent
    }

    /// Returns the sessions beside the first, each with its place and the type behind `&mut`: those of a service that
    /// `allow(second_session, ..)` lets have them.
    #[must_use]
    pub fn more_lent(&self, kind: Kind, args: &Args) -> Vec<Lent> {
        if kind != Kind::Service || !args.allows(&rule::SECOND_SESSION) {
            return Vec::new();
        }
        let more = self.found(kind).more.into_iter();
        more.filter_map(|index| {
            let ty = (*session::mutable(&self.parameter(index)?.ty)?.elem).clone();
            Some(Lent::Session { index, ty })
        })
        .collect()
    }

    /// Whether it is a function of a block that works on no session.
    #[must_use]
    pub fn is_helper(&self, kind: Kind) -> bool {
        let found = self.found(kind);
        self.is_in_block && found.lent.is_none() && found.unlent.is_none()
    }

    /// The references to its session in the return type that no signature can have: a router's and a job's session is
    /// none of their parameters, and beside another reference it does not say which of them is meant.
    #[must_use]
    pub fn sessions_returned(&self, kind: Kind, args: &Args) -> Vec<&TypeReference> {
        if args.allows(&rule::SESSION_RETURNED) {
            return Vec::new();
        }
        let (Some(Lent::Session { ty, .. }), ReturnType::Type(_, output)) =
            (self.lent(kind), &self.sig.output)
        else {
            return Vec::new();
        };
        let borrowed = self
            .parameters()
            .filter(|(_, parameter)| matches!(types::bare(&parameter.ty), Type::Reference(_)));
        let is_elided = self.sig.receiver().is_some() || borrowed.count() < 2;
        let mut references = types::references_to(output, &types::text(&ty));
        if kind == Kind::Service {
            references.retain(|reference| reference.lifetime.is_none() && !is_elided);
        }
        references
    }

    /// Whether the function can be called again: each run can take `self` in the same way.
    #[must_use]
    pub fn can_run_again(&self) -> bool {
        match self.sig.inputs.first() {
            Some(FnArg::Receiver(receiver)) => matches!(
                receiver.kind,
                ReceiverKind::Reference(_, _, None) | ReceiverKind::Typed(..)
            ),
            _ => true,
        }
    }

    /// The conditions under which it is there.
    pub fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        self.attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
    }

    /// Whether the return type is no `Result`, as far as tokens tell.
    #[must_use]
    pub fn returns_no_result(&self) -> bool {
        match &self.sig.output {
            ReturnType::Default => true,
            ReturnType::Type(_, ty) => types::is_no_result(ty),
        }
    }

    /// The session that is not borrowed as it should be.
    #[must_use]
    pub fn unlent(&self, kind: Kind) -> Option<usize> {
        self.found(kind).unlent
    }

    /// The parameters that the compiler must be asked about, and their types: may a function of this kind take them?
    ///
    /// The session, and parameters that were already reported, are left out. An `impl Trait` cannot be named, so its bounds
    /// are judged instead.
    #[must_use]
    pub fn foreign_parameters(&self, kind: Kind, args: &Args) -> Vec<(&PatType, Vec<&Type>)> {
        if args.allows(&rule::PAST_THE_SESSION) {
            return Vec::new();
        }
        let found = self.found(kind);
        self.parameters()
            .filter(|(index, _)| !found.mentions(*index))
            .map(|(_, parameter)| {
                let mut parts = types::nameable_parts(&parameter.ty);
                parts.retain(|part| !types::is_plain(part));
                for part in &mut parts {
                    // Of `Option<E>` it is not known what `E` is, and of `E` it is.
                    if let Some(inner) = types::behind_wrappers(part)
                        && self.is_type_parameter(inner)
                    {
                        *part = inner;
                    }
                }
                parts.extend(types::given_by_bounds(&parameter.ty));
                parts.extend(self.given_by_parameter(&parameter.ty));
                (parameter, parts)
            })
            .collect()
    }

    /// The types that a value of a type parameter gives by its bounds: `PgPool` of `P` with `P: AsRef<PgPool>`.
    fn given_by_parameter(&self, ty: &Type) -> Vec<&Type> {
        let ty = types::behind_wrappers(ty).unwrap_or(ty);
        let generics = &self.sig.generics;
        let parameters = generics.type_params();
        let own = parameters.filter(|parameter| types::is_named(ty, &parameter.ident.to_string()));
        let clauses = generics
            .where_clause
            .iter()
            .flat_map(|clause| &clause.predicates);
        let clauses = clauses.filter_map(|predicate| match predicate {
            WherePredicate::Type(about) if about.lifetimes.is_none() => Some(about),
            _ => None,
        });
        let clauses = clauses.filter(|about| types::text(&about.bounded_ty) == types::text(ty));
        let bounds = own
            .flat_map(|parameter| &parameter.bounds)
            .chain(clauses.flat_map(|about| &about.bounds));
        bounds
            .filter_map(|bound| match bound {
                TypeParamBound::Trait(bound) => Some(types::given_by(bound)),
                _ => None,
            })
            .flatten()
            .collect()
    }

    fn is_type_parameter(&self, ty: &Type) -> bool {
        self.sig
            .generics
            .type_params()
            .any(|parameter| types::is_named(ty, &parameter.ident.to_string()))
    }

    /// The parameters with an `impl Trait` that the compiler must be asked about by their values, and their names.
    #[must_use]
    pub fn foreign_values(&self, kind: Kind, args: &Args) -> Vec<(&PatType, &Ident)> {
        if args.allows(&rule::PAST_THE_SESSION) {
            return Vec::new();
        }
        let found = self.found(kind);
        self.parameters()
            .filter(|(index, parameter)| {
                !found.mentions(*index)
                    && types::is_asked_by_value(&parameter.ty)
                    && types::executor_bounds(&parameter.ty).is_empty()
            })
            .filter_map(|(_, parameter)| Some((parameter, plain_name(&parameter.pat)?)))
            .collect()
    }

    /// The types in the return type that the compiler must be asked about: may they be returned?
    #[must_use]
    pub fn returned_parts(&self, args: &Args) -> Vec<&Type> {
        match &self.sig.output {
            ReturnType::Type(_, ty) if !args.allows(&rule::SESSION_RETURNED) => {
                types::returned_parts(ty)
            }
            _ => Vec::new(),
        }
    }

    /// `T` and `E`, where the return type is written as `Result<T, E>`.
    #[must_use]
    pub fn result(&self) -> (Option<&Type>, Option<&Type>) {
        match &self.sig.output {
            ReturnType::Type(_, ty) => types::of_result(ty),
            ReturnType::Default => (None, None),
        }
    }

    /// The parameters but for `self`, each with its place among all.
    pub fn parameters(&self) -> impl Iterator<Item = (usize, &PatType)> {
        session::parameters(&self.sig)
    }

    /// The name of the parameter at that place, if it has a plain one.
    #[must_use]
    pub fn named(&self, index: usize) -> Option<&Ident> {
        plain_name(&self.parameter(index)?.pat)
    }

    /// The parameters that look like a session or a factory.
    pub(crate) fn found(&self, kind: Kind) -> Found {
        session::find(&self.sig, &self.marked, kind)
    }

    pub(crate) fn parameter(&self, index: usize) -> Option<&PatType> {
        self.parameters()
            .find(|(at, _)| *at == index)
            .map(|(_, parameter)| parameter)
    }
}
