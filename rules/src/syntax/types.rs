//! Reads types from their tokens.

use syn::visit::{self, Visit};
use syn::{
    GenericArgument, Lifetime, Path, PathArguments, ReturnType, TraitBound, Type, TypeImplTrait,
    TypeParamBound, TypePath, TypeReference,
};

/// The type without the parentheses and groups around it.
pub(crate) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Paren(inner) => bare(&inner.elem),
        Type::Group(inner) => bare(&inner.elem),
        _ => ty,
    }
}

/// Whether a type is named as what people used before they had a session: a transaction, a connection, a pool.
pub(crate) fn is_of_sqlx(ty: &Type) -> bool {
    match bare(ty) {
        Type::Reference(reference) => is_of_sqlx(&reference.elem),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| {
            let name = last.ident.to_string();
            ["Transaction", "Connection", "Pool", "SessionFactory"]
                .iter()
                .any(|word| name.ends_with(word))
        }),
        _ => false,
    }
}

/// Whether the last segment of a path is this word.
pub(crate) fn is_named(ty: &Type, word: &str) -> bool {
    match bare(ty) {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .is_some_and(|last| last.ident == word),
        _ => false,
    }
}

/// The database that the type of a session names: `demarcate::postgres::Session`, `mysql::Session`, `Session<Sqlite>`.
pub(crate) fn database_of(ty: &Type) -> Option<&'static str> {
    let known = |name: &syn::Ident| {
        ["postgres", "mysql", "sqlite"]
            .into_iter()
            .find(|known| name.to_string().eq_ignore_ascii_case(known))
    };
    match bare(ty) {
        Type::Reference(reference) => database_of(&reference.elem),
        Type::Path(path) => {
            let modules = path.path.segments.iter().rev().skip(1);
            modules
                .map(|segment| &segment.ident)
                .find_map(known)
                .or_else(|| {
                    let arguments = arguments(path);
                    arguments
                        .into_iter()
                        .find_map(|argument| match bare(argument) {
                            Type::Path(path) => known(&path.path.segments.last()?.ident),
                            _ => None,
                        })
                })
        }
        _ => None,
    }
}

/// The database of a session whose type is written so that it can be no other: `demarcate::mysql::Session`,
/// `Session<Sqlite>`. A module `mysql` may be the user's own. `krate` is what `crate = ..` says.
pub(crate) fn named_database(ty: &Type, krate: Option<&Path>) -> Option<&'static str> {
    let Type::Path(path) = bare(ty) else {
        return None;
    };
    let root = krate
        .and_then(|krate| krate.segments.last())
        .map_or_else(|| "demarcate".to_owned(), |last| last.ident.to_string());
    let segments = path.path.segments.iter().rev().skip(1);
    let is_ours = segments
        .clone()
        .nth(1)
        .is_some_and(|owner| owner.ident == root);
    (is_ours || segments.count() == 0 || !arguments(path).is_empty())
        .then(|| database_of(ty))
        .flatten()
}

/// Whether a type cannot be a `Result` under any alias.
pub(crate) fn is_no_result(ty: &Type) -> bool {
    const NAMES: [&str; 12] = [
        "bool",
        "i32",
        "i64",
        "u32",
        "u64",
        "usize",
        "Html",
        "Json",
        "Option",
        "Response",
        "StatusCode",
        "String",
    ];
    match bare(ty) {
        Type::ImplTrait(_)
        | Type::Tuple(_)
        | Type::Reference(_)
        | Type::Slice(_)
        | Type::Array(_) => true,
        ty => NAMES.iter().any(|name| is_named(ty, name)),
    }
}

/// The types that a compound of several is made of, or the type itself where it is none; without those that cannot be
/// written in a body.
///
/// `OpensTransaction` cannot be written for "a tuple with one element that does", since the implementations would
/// overlap, so tuples are taken apart here.
pub(crate) fn nameable_parts(ty: &Type) -> Vec<&Type> {
    let mut found = Vec::new();
    parts(ty, &mut found);
    found.retain(|ty| is_nameable(ty));
    found
}

fn parts<'a>(ty: &'a Type, into: &mut Vec<&'a Type>) {
    match bare(ty) {
        Type::Tuple(tuple) => tuple.elems.iter().for_each(|elem| parts(elem, into)),
        Type::Reference(reference) if matches!(bare(&reference.elem), Type::Tuple(_)) => {
            parts(&reference.elem, into);
        }
        Type::Path(path) => match arguments_with_tuple(path) {
            Some(arguments) => arguments
                .into_iter()
                .for_each(|argument| parts(argument, into)),
            None => into.push(ty),
        },
        _ => into.push(ty),
    }
}

/// The type arguments of `State<(A, B)>` and the like.
fn arguments_with_tuple(path: &TypePath) -> Option<Vec<&Type>> {
    let types = arguments(path);
    types
        .iter()
        .any(|ty| matches!(bare(ty), Type::Tuple(_)))
        .then_some(types)
}

/// The types in a return type that may carry a session out: what is in a `Result`, an `Option`, a tuple and the like,
/// without what visibly carries nothing.
pub(crate) fn returned_parts(ty: &Type) -> Vec<&Type> {
    const AROUND: [&str; 10] = [
        "Result", "Option", "Vec", "Box", "Rc", "Arc", "Pin", "Json", "State", "Mutex",
    ];
    match bare(ty) {
        Type::Tuple(tuple) => tuple.elems.iter().flat_map(returned_parts).collect(),
        Type::Path(path) if AROUND.iter().any(|word| is_named(ty, word)) => {
            let arguments = arguments(path);
            // The success type of a `Result`.
            let count = if is_named(ty, "Result") {
                1
            } else {
                arguments.len()
            };
            let parts = arguments.into_iter().take(count);
            parts.flat_map(returned_parts).collect()
        }
        Type::TraitObject(_) | Type::Never(_) | Type::Infer(_) => Vec::new(),
        plain if is_plain(plain) || is_named(plain, "StatusCode") => Vec::new(),
        _ if is_nameable(ty) => vec![ty],
        _ => Vec::new(),
    }
}

/// Whether a type visibly is a text or a number, or is made of such: `i64`, `&str`, `Option<&[String]>`. Most are, and the
/// compiler need not be asked.
pub(crate) fn is_plain(ty: &Type) -> bool {
    const PLAIN: [&str; 18] = [
        "bool", "char", "str", "String", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16",
        "i32", "i64", "i128", "isize", "f32", "f64",
    ];
    match bare(ty) {
        Type::Reference(reference) => is_plain(&reference.elem),
        Type::Slice(slice) => is_plain(&slice.elem),
        Type::Path(path) if path.qself.is_none() => match path.path.get_ident() {
            Some(ident) => PLAIN.iter().any(|word| ident == word),
            None => {
                path.path.segments.len() == 1
                    && (is_named(ty, "Option") || is_named(ty, "Vec"))
                    && matches!(arguments(path).as_slice(), [inner] if is_plain(inner))
            }
        },
        _ => false,
    }
}

/// `T` of `Pin<Box<dyn Future<Output = T> + Send>>`.
pub(crate) fn output_of_boxed(ty: &Type) -> Option<&Type> {
    let only = |ty, word| match bare(ty) {
        Type::Path(path) if is_named(ty, word) => arguments(path).into_iter().next(),
        _ => None,
    };
    let Type::TraitObject(future) = bare(only(only(ty, "Pin")?, "Box")?) else {
        return None;
    };
    future.bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else {
            return None;
        };
        let PathArguments::AngleBracketed(arguments) = &bound.path.segments.last()?.arguments
        else {
            return None;
        };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(output) if output.ident == "Output" => Some(&output.ty),
            _ => None,
        })
    })
}

/// `T` of `Option<T>`, `&mut Vec<Arc<T>>` and the like, if it is in one.
pub(crate) fn behind_wrappers(ty: &Type) -> Option<&Type> {
    let inner = match bare(ty) {
        Type::Reference(reference) => &*reference.elem,
        Type::Path(path)
            if ["Option", "Vec", "Box", "Rc", "Arc", "Pin", "Mutex"]
                .iter()
                .any(|word| is_named(ty, word)) =>
        {
            arguments(path).into_iter().next()?
        }
        _ => return None,
    };
    behind_wrappers(inner).or(Some(inner))
}

/// `T` and `E` of a `Result<T, E>`, as far as they are there.
pub(crate) fn of_result(ty: &Type) -> (Option<&Type>, Option<&Type>) {
    match bare(ty) {
        Type::Path(path) if is_named(ty, "Result") => {
            let mut arguments = arguments(path).into_iter();
            (arguments.next(), arguments.next())
        }
        _ => (None, None),
    }
}

/// The references to a type of that text that a return type has inside.
pub(crate) fn references_to<'a>(ty: &'a Type, target: &str) -> Vec<&'a TypeReference> {
    struct References<'a, 't>(Vec<&'a TypeReference>, &'t str);
    impl<'ast> Visit<'ast> for References<'ast, '_> {
        fn visit_type_reference(&mut self, node: &'ast TypeReference) {
            if text(&node.elem) == self.1 {
                self.0.push(node);
            }
            visit::visit_type_reference(self, node);
        }
    }
    let mut search = References(Vec::new(), target);
    search.visit_type(ty);
    search.0
}

/// The type arguments of a path's last segment.
fn arguments(path: &TypePath) -> Vec<&Type> {
    let Some(PathArguments::AngleBracketed(arguments)) =
        path.path.segments.last().map(|last| &last.arguments)
    else {
        return Vec::new();
    };
    arguments
        .args
        .iter()
        .filter_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        })
        .collect()
}

/// Whether a parameter of this type can be asked about by its value only: an `impl Trait` with a trait that may be
/// someone's own way to the database.
pub(crate) fn is_asked_by_value(ty: &Type) -> bool {
    const KNOWN: [&str; 19] = [
        "AsRef",
        "Clone",
        "Copy",
        "Debug",
        "Display",
        "Fn",
        "FnMut",
        "FnOnce",
        "From",
        "Future",
        "Into",
        "IntoIterator",
        "Iterator",
        "Send",
        "Sync",
        "ToString",
        "Unpin",
        "Error",
        "Default",
    ];
    let Type::ImplTrait(ty) = bare(ty) else {
        return false;
    };
    ty.bounds.iter().any(|bound| match bound {
        TypeParamBound::Trait(bound) => bound
            .path
            .segments
            .last()
            .is_some_and(|last| !KNOWN.iter().any(|word| last.ident == word)),
        _ => false,
    })
}

/// The types that a value gives by the bounds that it is known by: `PgPool` of `impl AsRef<PgPool>` and
/// `&dyn Fn() -> PgPool`.
pub(crate) fn given_by_bounds(ty: &Type) -> Vec<&Type> {
    struct Bounds<'a>(Vec<&'a Type>);
    impl<'ast> Visit<'ast> for Bounds<'ast> {
        fn visit_trait_bound(&mut self, bound: &'ast TraitBound) {
            self.0.extend(given_by(bound));
        }
    }
    let mut search = Bounds(Vec::new());
    search.visit_type(ty);
    search.0
}

/// The same of one bound. What a bound of another trait has for arguments says nothing of what its values give.
pub(crate) fn given_by(bound: &TraitBound) -> Vec<&Type> {
    const GIVE: [&str; 12] = [
        "AsMut",
        "AsRef",
        "Borrow",
        "BorrowMut",
        "Deref",
        "DerefMut",
        "Future",
        "Into",
        "IntoIterator",
        "Iterator",
        "Stream",
        "TryInto",
    ];
    let Some(last) = bound.path.segments.last() else {
        return Vec::new();
    };
    let given: Vec<&Type> = match &last.arguments {
        PathArguments::AngleBracketed(arguments) if GIVE.iter().any(|word| last.ident == word) => {
            let types = arguments.args.iter().filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                GenericArgument::AssocType(assigned) => Some(&assigned.ty),
                _ => None,
            });
            types.collect()
        }
        // `Fn() -> PgPool`
        PathArguments::Parenthesized(call) => match &call.output {
            ReturnType::Type(_, ty) => vec![&**ty],
            ReturnType::Default => Vec::new(),
        },
        _ => Vec::new(),
    };
    // A lifetime of the bound alone has no name in the body.
    if bound.lifetimes.is_some() {
        return Vec::new();
    }
    let parts = given.into_iter().flat_map(nameable_parts);
    parts.filter(|part| !is_plain(part)).collect()
}

/// Whether a type can be written in a body: one with `impl Trait` in it cannot.
fn is_nameable(ty: &Type) -> bool {
    struct Unnameable(bool);
    impl<'ast> Visit<'ast> for Unnameable {
        fn visit_type_impl_trait(&mut self, _: &'ast TypeImplTrait) {
            self.0 = true;
        }
    }
    let mut search = Unnameable(false);
    search.visit_type(ty);
    !search.0
}

/// The bounds of sqlx through which a statement can be run or a transaction begun, wherever in the type.
pub(crate) fn executor_bounds(ty: &Type) -> Vec<&TypeParamBound> {
    const TRAITS: [&str; 7] = [
        "Executor",
        "PgExecutor",
        "MySqlExecutor",
        "SqliteExecutor",
        "AnyExecutor",
        "Acquire",
        "Connection",
    ];
    struct Bounds<'a>(Vec<&'a TypeParamBound>);
    impl<'ast> Visit<'ast> for Bounds<'ast> {
        fn visit_type_impl_trait(&mut self, node: &'ast TypeImplTrait) {
            for bound in &node.bounds {
                if let TypeParamBound::Trait(known) = bound
                    && known
                        .path
                        .segments
                        .last()
                        .is_some_and(|last| TRAITS.iter().any(|word| last.ident == word))
                {
                    self.0.push(bound);
                }
            }
            visit::visit_type_impl_trait(self, node);
        }
    }
    let mut search = Bounds(Vec::new());
    search.visit_type(ty);
    search.0
}

/// The first borrow in a type that is not of something that lives for ever.
pub(crate) enum Borrow<'a> {
    /// `&T`
    Reference(&'a TypeReference),
    /// `'a` or `'_`
    Lifetime(&'a Lifetime),
}

/// Looks for a borrow in a type, except behind `fn(..)` and `for<'a>`, which introduce lifetimes of their own.
pub(crate) fn borrow(ty: &Type) -> Option<Borrow<'_>> {
    struct Search<'a>(Option<Borrow<'a>>);
    impl<'ast> Visit<'ast> for Search<'ast> {
        fn visit_type_reference(&mut self, node: &'ast TypeReference) {
            match &node.lifetime {
                Some(lifetime) if lifetime.ident == "static" => {
                    visit::visit_type_reference(self, node)
                }
                _ => self.0 = self.0.take().or(Some(Borrow::Reference(node))),
            }
        }
        fn visit_lifetime(&mut self, node: &'ast Lifetime) {
            if node.ident != "static" {
                self.0 = self.0.take().or(Some(Borrow::Lifetime(node)));
            }
        }
        fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {}
        fn visit_parenthesized_generic_arguments(
            &mut self,
            _: &'ast syn::ParenthesizedGenericArguments,
        ) {
        }
        fn visit_trait_bound(&mut self, node: &'ast syn::TraitBound) {
            if node.lifetimes.is_none() {
                visit::visit_trait_bound(self, node);
            }
        }
    }
    let mut search = Search(None);
    search.visit_type(ty);
    search.0
}

/// What one would take instead of a borrow.
pub(crate) fn owned(ty: &TypeReference) -> String {
    let elem = bare(&ty.elem);
    if is_named(elem, "str") {
        return "`String` instead of `&str`".to_owned();
    }
    let text = text(elem);
    match elem {
        Type::Slice(slice) => {
            let item = self::text(&slice.elem);
            format!("`Vec<{item}>` instead of `&[{item}]`")
        }
        _ if ty.mutability.is_some() => format!("`{text}` instead of `&mut {text}`"),
        _ => format!("`{text}` instead of `&{text}`, or an `Arc`"),
    }
}

/// A type in the spacing that people use.
pub(crate) fn text(ty: &impl quote::ToTokens) -> String {
    let mut text = ty.to_token_stream().to_string();
    for (loose, tight) in [
        (" < ", "<"),
        (" >", ">"),
        (" :: ", "::"),
        ("& ", "&"),
        (" ,", ","),
        ("( ", "("),
        (" )", ")"),
        ("< ", "<"),
        (" <", "<"),
        (":: ", "::"),
        (" : ", ": "),
    ] {
        text = text.replace(loose, tight);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(text: &str) -> Type {
        syn::parse_str(text).expect("a type")
    }

    #[test]
    fn tuples_are_taken_apart_wherever_they_hide() {
        let ty = ty("State<(A, (B, Vec<C>))>");
        let texts: Vec<_> = nameable_parts(&ty).into_iter().map(text).collect();
        assert_eq!(texts, ["A", "B", "Vec<C>"]);
    }

    #[test]
    fn what_is_returned_is_taken_apart() {
        for (returned, parts) in [
            ("Result<(), E>", &[][..]),
            ("Result<Json<Vec<(Order, i64)>>, E>", &["Order"]),
            (
                "sqlx::Result<Option<&'a mut Session>>",
                &["&'a mut Session"],
            ),
            ("Pin<Box<dyn Future<Output = A> + Send + 'a>>", &[]),
            ("Result<impl IntoResponse, E>", &[]),
            ("Alias<PgPool>", &["Alias<PgPool>"]),
        ] {
            let ty = ty(returned);
            let texts: Vec<_> = returned_parts(&ty).into_iter().map(text).collect();
            assert_eq!(texts, parts, "{returned}");
        }
    }

    #[test]
    fn borrows_are_found_and_static_ones_are_not() {
        for found in [
            "&str",
            "Option<&'a str>",
            "Cow<'_, str>",
            "Vec<(u8, &[u8])>",
            "Box<dyn A + 'a>",
        ] {
            assert!(borrow(&ty(found)).is_some(), "{found}");
        }
        for owned in [
            "String",
            "&'static str",
            "Cow<'static, str>",
            "fn(&str) -> &str",
            "Box<dyn Fn(&str) + Send>",
            "Box<dyn for<'a> A<'a>>",
        ] {
            assert!(borrow(&ty(owned)).is_none(), "{owned}");
        }
    }

    #[test]
    fn bounds_of_an_impl_trait_are_found() {
        for found in [
            "impl PgExecutor<'_>",
            "impl sqlx::Executor<'e, Database = Db> + Send",
            "Option<impl Acquire<'c>>",
        ] {
            assert_eq!(executor_bounds(&ty(found)).len(), 1, "{found}");
            assert!(!is_nameable(&ty(found)));
        }
        assert!(executor_bounds(&ty("impl Into<String>")).is_empty());
    }

    #[test]
    fn text_is_spaced_like_people_write() {
        for written in [
            "Vec<(u8, &[u8])>",
            "sqlx::Pool<sqlx::Sqlite>",
            "Option<&'static str>",
            "&mut Session",
        ] {
            assert_eq!(text(&ty(written)), written);
        }
    }
}
