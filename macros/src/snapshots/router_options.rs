async fn post_order(tx: ::demarcate::FactoryOf<Session>) -> Result<(), ApiError> {
    if false {
        ::demarcate::__private::is_fallible::<Result<(), ApiError>>();
    }
    ::demarcate::__private::router(
            ::demarcate::__private::Site::new(
                "post_order",
                ::demarcate::__private::SiteKind::Router,
                ::core::file!(),
                ::core::line!(),
            ),
            &tx,
            ::demarcate::TxOptions::new()
                .isolation(::demarcate::Isolation::Serializable)
                .read_write()
                .independent()
                .confirm_commit()
                .timeout(::core::time::Duration::new(5u64, 0u32))
                .statement_timeout(::core::time::Duration::new(1u64, 0u32))
                .lock_timeout(::core::time::Duration::new(0u64, 250000000u32))
                .idle_timeout(::core::time::Duration::new(60u64, 0u32)),
            |__error: &ApiError| match __error {
                ApiError::Gone(why) if why.is_expected() => true,
                #[allow(unreachable_patterns)]
                _ => false,
            },
            async move |tx: &mut ::demarcate::__private::SessionOf<Session>| {
                if false {
                    let __returned: Result<(), ApiError> = ::demarcate::__private::unreached();
                    return __returned;
                }
                create_order(tx).await
            },
            |__value| ::demarcate::__private::Answer::of(__value).is_error(),
        )
        .await
}
