/// Its docs stay.
pub async fn post_order(
    tx: ::demarcate::FactoryOf<Session>,
    Json(order): Json<NewOrder>,
) -> Result<Json<Order>, ApiError> {
    if false {
        let __probe = ::demarcate::__private::Probe::<Json<NewOrder>>::of()
            .beside::<::demarcate::__private::DatabaseOf<Session>>();
        ::demarcate::__private::router_takes(__probe.verdict());
        ::demarcate::__private::is_fallible::<Result<Json<Order>, ApiError>>();
        let __probe = ::demarcate::__private::Probe::<Order>::of();
        ::demarcate::__private::returns(__probe.verdict());
    }
    ::demarcate::__private::router(
            ::demarcate::__private::Site::new(
                "place an order",
                ::demarcate::__private::SiteKind::Router,
                ::core::file!(),
                ::core::line!(),
            ),
            &tx,
            ::demarcate::TxOptions::new()
                .isolation(::demarcate::Isolation::Serializable)
                .read_only()
                .timeout(::core::time::Duration::new(5u64, 0u32)),
            ::demarcate::__private::keeps_nothing,
            async move |tx: &mut ::demarcate::__private::SessionOf<Session>| {
                use audit::log;
                if false {
                    let __returned: Result<Json<Order>, ApiError> = ::demarcate::__private::unreached();
                    return __returned;
                }
                create_order(tx, &order).await
            },
            |__value| ::demarcate::__private::Answer::of(__value).is_error(),
        )
        .await
}
