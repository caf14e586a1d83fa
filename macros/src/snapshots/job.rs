fn ship(order_id: i64) -> ::demarcate::__private::JobOf<Session, Result<(), ShipError>> {
    let __again_0 = ::demarcate::__private::handed_on(&order_id);
    ::demarcate::__private::on_error(
        ::demarcate::__private::job(
            ::demarcate::__private::Site::new(
                "ship",
                ::demarcate::__private::SiteKind::Job,
                ::core::file!(),
                ::core::line!(),
            ),
            ::demarcate::TxOptions::new(),
            ::demarcate::__private::Once(::demarcate::__private::keeps_nothing),
            async move |tx: &mut ::demarcate::__private::SessionOf<Session>| {
                if false {
                    let __returned: Result<(), ShipError> = ::demarcate::__private::unreached();
                    return __returned;
                }
                send(tx, order_id).await
            },
        ),
        async move |__tx: &mut _, __error: &::demarcate::JobError| {
            mark_failed(__tx, __error, __again_0).await
        },
    )
}
