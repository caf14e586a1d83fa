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
            ::demarcate::TxOptions::new().retry(3u32),
            ::demarcate::__private::Again(|__error: &ShipError| match __error {
                ShipError::Refused(_) | ShipError::Lost => true,
                #[allow(unreachable_patterns)]
                _ => false,
            }),
            move |__runs| async move {
                __runs
                    .again(async |tx: &mut ::demarcate::__private::SessionOf<Session>| {
                        if false {
                            let __returned: Result<(), ShipError> = ::demarcate::__private::unreached();
                            return __returned;
                        }
                        let mut order_id = ::demarcate::__private::again(&order_id);
                        send(tx, order_id).await
                    })
                    .await
            },
        ),
        async move |__tx: &mut _, __error: &::demarcate::JobError| {
            mark_failed(__tx, __error, __again_0).await
        },
    )
}
