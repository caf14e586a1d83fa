fn ship(order_id: i64) -> ::demarcate::__private::JobOf<Session, Result<(), ShipError>> {
    let __again_0 = ::demarcate::__private::again(&order_id);
    ::demarcate::__private::session_job(
            ::demarcate::__private::Site::new(
                "ship",
                ::demarcate::__private::Kind::Job,
                ::core::file!(),
                ::core::line!(),
            ),
            ::demarcate::TxOptions::new(),
            async move |tx: &mut ::demarcate::__private::SessionOf<Session>| {
                if false {
                    let __returned: Result<(), ShipError> = ::demarcate::__private::unreached();
                    return __returned;
                }
                send(tx, order_id).await
            },
        )
        .__on_error(async move |__tx: &mut _, __error: &::demarcate::JobError| {
            mark_failed(__tx, __error, __again_0).await
        })
}
