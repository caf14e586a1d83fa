async fn get_order(tx: ::demarcate::FactoryOf<Session>) -> Result<Order, ApiError> {
    if false {
        ::demarcate::__private::is_fallible::<Result<Order, ApiError>>();
        let __probe = ::demarcate::__private::Probe::<Order>::of();
        ::demarcate::__private::returns(__probe.verdict());
    }
    ::demarcate::__private::router(
            ::demarcate::__private::Site::new(
                "get_order",
                ::demarcate::__private::SiteKind::Router,
                ::core::file!(),
                ::core::line!(),
            ),
            &tx,
            ::demarcate::TxOptions::new().read_only(),
            ::demarcate::__private::keeps_nothing,
            async move |tx: &mut ::demarcate::__private::SessionOf<Session>| {
                if false {
                    let __returned: Result<Order, ApiError> = ::demarcate::__private::unreached();
                    return __returned;
                }
                find(tx).await
            },
            |__value| ::demarcate::__private::Answer::of(__value).is_error(),
        )
        .await
}
::core::compile_error! {
    "`#[router_tx]` has no option `isolaton`; did you mean `isolation`?"
}
