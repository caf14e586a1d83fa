async fn create_order(
    tx: &mut Session,
    (id, names): (i64, &[String]),
    make: impl Fn(i64),
    #[cfg(unix)]
    unix: Unix,
) -> Result<Order, sqlx::Error> {
    const SQL: &str = "insert into orders (id) values (?)";
    if false {
        #[cfg(unix)]
        {
            let __probe = ::demarcate::__private::Probe::<Unix>::of()
                .beside::<::demarcate::__private::DatabaseOf<Session>>();
            ::demarcate::__private::service_takes(__probe.verdict());
        }
        ::demarcate::__private::is_fallible::<Result<Order, sqlx::Error>>();
        let __probe = ::demarcate::__private::Probe::<Order>::of();
        ::demarcate::__private::returns(__probe.verdict());
    }
    let __service = <Session as ::demarcate::__private::LentSession>::enter(
        tx,
        ::demarcate::__private::Site::new(
            "create_order",
            ::demarcate::__private::SiteKind::Service,
            ::core::file!(),
            ::core::line!(),
        ),
    );
    #[allow(clippy::unnecessary_semicolon)]
    {
        #[allow(unreachable_code)]
        {
            if false {
                loop {}
                match make(id) {
                    __given => {
                        match ::demarcate::__private::ProbeTask::of_value(&__given) {
                            __probe => ::demarcate::__private::spawns(__probe.verdict()),
                        }
                    }
                }
            }
        }
        make(id);
    };
    sqlx::query(SQL).bind(id).fetch_one(&mut *tx).await
}
