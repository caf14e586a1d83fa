async fn index(tx: &mut Session, search: &Search) -> Result<(), sqlx::Error> {
    if false {
        let __probe = ::demarcate::__private::Probe::<&Search>::of()
            .beside::<::demarcate::__private::DatabaseOf<Session>>();
        ::demarcate::__private::service_takes(__probe.verdict());
        ::demarcate::__private::is_fallible::<Result<(), sqlx::Error>>();
    }
    let __service = <Session as ::demarcate::__private::LentSession>::enter(
        tx,
        ::demarcate::__private::Site::new(
            "index",
            ::demarcate::__private::SiteKind::Service,
            ::core::file!(),
            ::core::line!(),
        ),
    );
    (
        if false {
            match ::demarcate::__private::Probe::of_value(&search.writer()) {
                __probe => {
                    ::demarcate::__private::commits(__probe.verdict());
                }
            }
            loop {}
        },
        search.writer(),
    )
        .1
        .commit()?;
    (
        if false {
            match ::demarcate::__private::Probe::of_value(&search.writer) {
                __probe => {
                    ::demarcate::__private::commits(__probe.verdict());
                }
            }
            loop {}
        },
        search.writer.commit(),
    )
        .1?;
    Ok(())
}
