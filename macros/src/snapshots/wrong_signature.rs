#[allow(unused, unreachable_code)]
fn ship(note: &str) -> ::demarcate::__private::JobOf<Session, Result<(), ShipError>> {
    let _ = async move |tx: &mut ::demarcate::__private::SessionOf<Session>| {
        if false {
            let __returned: Result<(), ShipError> = ::demarcate::__private::unreached();
            return __returned;
        }
        send(tx, note).await
    };
    ::demarcate::__private::unreached()
}
::core::compile_error! {
    "D006: a background job owns its arguments; take `String` instead of `&str`\nhelp: it runs after its caller has returned, on a task of its own"
}
