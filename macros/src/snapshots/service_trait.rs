pub trait Store: Send {
    type Id;
    fn create(
        &self,
        tx: &mut Session,
    ) -> impl ::core::future::Future<
        Output = Result<Self::Id, sqlx::Error>,
    > + ::core::marker::Send;
    fn wrong(
        &self,
        tx: Session,
    ) -> impl ::core::future::Future<Output = Option<Self::Id>> + ::core::marker::Send;
    ::core::compile_error! {
        "D003: a service borrows this parameter and does not own it; write `tx: &mut Session`\nhelp: its owner commits or rolls back when the function returns"
    }
    ::core::compile_error! {
        "D005: a service returns `Result`; write `Result<Option<Self::Id>, sqlx::Error>`, or an error type of your own\nhelp: the error of a failed statement must reach the boundary, which then rolls back"
    }
    fn default(
        &self,
        tx: &mut Session,
    ) -> impl ::core::future::Future<
        Output = Result<(), sqlx::Error>,
    > + ::core::marker::Send
    where
        Self: ::core::marker::Sync,
    {
        async move {
            let _ = &self;
            let tx = tx;
            {
                if false {
                    ::demarcate::__private::is_fallible::<Result<(), sqlx::Error>>();
                }
                let __service = <Session as ::demarcate::__private::LentSession>::enter(
                    tx,
                    ::demarcate::__private::Site::new(
                        "default",
                        ::demarcate::__private::SiteKind::Service,
                        ::core::file!(),
                        ::core::line!(),
                    ),
                );
                let __late0 = ::demarcate::__private::Late::unknown();
                return self
                    .create(tx)
                    .await
                    .map(
                        ::demarcate::__private::handed(
                            drop,
                            |__value| {
                                loop {}
                                #[allow(unreachable_code)] __late0.is(__value);
                            },
                        ),
                    );
                #[allow(unreachable_code)]
                {
                    if false {
                        match ::demarcate::__private::Probe::of_late(&__late0) {
                            __probe => {
                                ::demarcate::__private::uses(__probe.verdict());
                                ::demarcate::__private::passes_on(__probe.verdict());
                            }
                        }
                    }
                };
            }
        }
    }
    fn name(&self) -> &str {
        "store"
    }
}
