#[allow(unused, unreachable_code)]
async fn post_order(
    tx: ::demarcate::FactoryOf<Session>,
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
    "D009: `&mut Session` cannot be returned; the session ends with the boundary, so return the data that was read through it\nhelp: code that holds it afterwards would work in a transaction that has ended, or that nobody commits"
}
