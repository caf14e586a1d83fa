fn ship(order_id: i64) -> ::demarcate::__private::JobOf<Session, Result<(), ShipError>> {
    if false {
        let __probe = ::demarcate::__private::Probe::<i64>::of();
        ::demarcate::__private::job_takes(__probe.verdict());
    }
    let __again_0 = ::demarcate::__private::again(&order_id);
    ::demarcate::__private::session_job_again(
            ::demarcate::__private::Site::new(
                "ship",
                ::demarcate::__private::Kind::Job,
                ::core::file!(),
                ::core::line!(),
            ),
            ::demarcate::TxOptions::new().retry(3u32),
            move |__runs| async move {
                __runs
                    .again(
                        |__error: &ShipError| match __error {
                            ShipError::Refused(_) | ShipError::Lost => true,
                            #[allow(unreachable_patterns)]
                            _ => false,
                        },
                        async |tx: &mut Session| {
                            if false {
                                let __returned: Result<(), ShipError> = ::demarcate::__private::unreached();
                                return __returned;
                            }
                            let mut order_id = ::demarcate::__private::again(&order_id);
                            send(tx, order_id).await
                        },
                    )
                    .await
            },
        )
        .__on_error(async move |__tx: &mut _, __error: &::demarcate::JobError| {
            mark_failed(__tx, __error, __again_0).await
        })
}
