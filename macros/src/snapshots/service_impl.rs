/// Its docs stay.
impl<T> Orders<T>
where
    T: Sku,
{
    const N: usize = { 1 };
    /// A constructor.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }
    async fn create(&self, tx: &mut Session, more: More) -> Result<(), sqlx::Error> {
        if false {
            ::demarcate::__private::is_fallible::<Result<(), sqlx::Error>>();
        }
        let __service = <Session as ::demarcate::__private::LentSession>::enter(
            tx,
            ::demarcate::__private::Site::new(
                "create",
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
                    match self.index.commit() {
                        __given => {
                            match ::demarcate::__private::ProbeTask::of_value(&__given) {
                                __probe => ::demarcate::__private::spawns(__probe.verdict()),
                            }
                        }
                    }
                }
            }
            self.index.commit();
        };
        Ok(())
    }
    #[cfg(unix)]
    #[allow(unused, unreachable_code)]
    fn helper(&self) {
        #[allow(clippy::unnecessary_semicolon)]
        {
            #[allow(unreachable_code)]
            {
                if false {
                    loop {}
                    match (
                        if false {
                            match ::demarcate::__private::Probe::of_value(&self.pool) {
                                __probe => {
                                    ::demarcate::__private::begins(__probe.verdict());
                                }
                            }
                            loop {}
                        },
                        self.pool.begin(),
                    )
                        .1
                    {
                        __given => {
                            match ::demarcate::__private::ProbeTask::of_value(&__given) {
                                __probe => ::demarcate::__private::spawns(__probe.verdict()),
                            }
                        }
                    }
                }
            }
            (
                if false {
                    match ::demarcate::__private::Probe::of_value(&self.pool) {
                        __probe => {
                            ::demarcate::__private::begins(__probe.verdict());
                        }
                    }
                    loop {}
                },
                self.pool.begin(),
            )
                .1;
        };
        sqlx::query("commit");
    }
    #[cfg(unix)]
    ::core::compile_error! {
        "D013: a service does not send `commit`; the transaction begins and ends with the router or job that lent the session\nhelp: return `Ok` or `Err`; for a part that may fail on its own, write `tx.savepoint(async |tx| ..)`"
    }
    async fn migrate(pool: &PgPool) {
        pool.begin();
    }
    #[router_tx(from = self.db)]
    async fn place(&self) -> Result<(), ApiError> {
        self.create(tx).await
    }
}
