fn sweep() -> ::demarcate::__private::FactoryJobOf<
    SessionFactory,
    Result<u64, SweepError>,
> {
    ::demarcate::__private::job(
        ::demarcate::__private::Site::new(
            "nightly sweep",
            ::demarcate::__private::SiteKind::Job,
            ::core::file!(),
            ::core::line!(),
        ),
        ::demarcate::TxOptions::new(),
        ::demarcate::__private::WithFactory,
        async move |db: &SessionFactory| {
            if false {
                let __returned: Result<u64, SweepError> = ::demarcate::__private::unreached();
                return __returned;
            }
            db.transaction(async |tx| step(tx).await).await
        },
    )
}
