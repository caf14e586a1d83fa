/// Its docs stay.
pub fn settle(
    db: &SessionFactory,
    pool: &PgPool,
) -> impl Future<Output = Result<(), Error>> {
    let opens = pool.begin();
    let factory = db.clone();
    factory
        .transaction(async |tx| {
            {
                static LIFTED: ::demarcate::__private::Lifted = ::demarcate::__private::Lifted::by_attribute(
                    "D044",
                    "a cache",
                    "settle",
                    2124800163987190176u64,
                );
                ::demarcate::__private::allow(tx, &LIFTED);
            }
            {
                tokio::spawn(count());
                query("select 1")
                    .fetch_all(
                        (
                            if false {
                                match ::demarcate::__private::Probe::of_value(&pool) {
                                    __probe => {
                                        ::demarcate::__private::sends(__probe.verdict());
                                    }
                                }
                                loop {}
                            },
                            pool,
                        )
                            .1,
                    )
                    .await?;
                query("create temporary table t (a int)").execute(&mut *tx).await
            }
        })
}
