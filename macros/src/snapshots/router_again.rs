async fn post_order(
    &self,
    tx: ::demarcate::FactoryOf<Session>,
    Json(order): Json<NewOrder>,
    #[cfg(unix)]
    (a, ref b): (A, B),
    seen: HashSet<i64>,
    _: Extension<Quiet>,
    Marker: Marker,
) -> Result<impl IntoResponse, ApiError> {
    if false {
        let __probe = ::demarcate::__private::Probe::<Json<NewOrder>>::of()
            .beside::<::demarcate::__private::DatabaseOf<Session>>();
        ::demarcate::__private::router_takes(__probe.verdict());
        #[cfg(unix)]
        {
            let __probe = ::demarcate::__private::Probe::<A>::of()
                .beside::<::demarcate::__private::DatabaseOf<Session>>();
            ::demarcate::__private::router_takes(__probe.verdict());
            let __probe = ::demarcate::__private::Probe::<B>::of()
                .beside::<::demarcate::__private::DatabaseOf<Session>>();
            ::demarcate::__private::router_takes(__probe.verdict());
        }
        let __probe = ::demarcate::__private::Probe::<HashSet<i64>>::of()
            .beside::<::demarcate::__private::DatabaseOf<Session>>();
        ::demarcate::__private::router_takes(__probe.verdict());
        let __probe = ::demarcate::__private::Probe::<Extension<Quiet>>::of()
            .beside::<::demarcate::__private::DatabaseOf<Session>>();
        ::demarcate::__private::router_takes(__probe.verdict());
        let __probe = ::demarcate::__private::Probe::<Marker>::of()
            .beside::<::demarcate::__private::DatabaseOf<Session>>();
        ::demarcate::__private::router_takes(__probe.verdict());
    }
    ::demarcate::__private::router_again(
            ::demarcate::__private::Site::new(
                "post_order",
                ::demarcate::__private::SiteKind::Router,
                ::core::file!(),
                ::core::line!(),
            ),
            &tx,
            ::demarcate::TxOptions::new().retry(3u32),
            ::demarcate::__private::keeps_nothing,
            async |tx: &mut ::demarcate::__private::SessionOf<Session>| {
                if false {
                    let __returned: Result<_, ApiError> = ::demarcate::__private::unreached();
                    return __returned;
                }
                let mut order = ::demarcate::__private::again(&order);
                #[cfg(unix)]
                let a = ::demarcate::__private::again(&a);
                #[cfg(unix)]
                let b = ::demarcate::__private::again(&b);
                let mut seen = ::demarcate::__private::again(&seen);
                #[allow(clippy::unnecessary_semicolon)]
                {
                    #[allow(unreachable_code)]
                    {
                        if false {
                            loop {}
                            match order.seal() {
                                __given => {
                                    match ::demarcate::__private::ProbeTask::of_value(
                                        &__given,
                                    ) {
                                        __probe => ::demarcate::__private::spawns(__probe.verdict()),
                                    }
                                }
                            }
                        }
                    }
                    order.seal();
                };
                seen.insert(1);
                create_order(tx, order).await
            },
            |__value| ::demarcate::__private::Answer::of(__value).is_error(),
        )
        .await
}
