#[allow(unused, unreachable_code)]
async fn post_order(
    tx: ::demarcate::__private::FactoryOf<Session>,
) -> Result<&'static mut Session, ApiError> {
    let _ = async move |tx: &mut ::demarcate::__private::SessionOf<Session>| {
        if false {
            let __returned: Result<&'static mut Session, ApiError> = ::demarcate::__private::unreached();
            return __returned;
        }
        ::demarcate::__private::unreached()
    };
    ::demarcate::__private::unreached()
}
::core::compile_error! {
    "D009: `&mut Session` is not returned; the session ends where it was lent, so return what was read through it\nhelp: who holds it afterwards works past the boundary, in a transaction that nobody commits or that is over"
}
