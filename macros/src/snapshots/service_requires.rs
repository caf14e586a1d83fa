impl Accounts {
    fn new() -> Self {
        Self
    }
    async fn withdraw(&self, tx: &mut Session) -> Result<(), sqlx::Error> {
        if false {
            ::demarcate::__private::is_fallible::<Result<(), sqlx::Error>>();
        }
        let __service = <Session as ::demarcate::__private::LentSession>::enter(
            tx,
            ::demarcate::__private::Site::new(
                "withdraw",
                ::demarcate::__private::SiteKind::Service,
                ::core::file!(),
                ::core::line!(),
            ),
        );
        ::demarcate::__private::requires(
            tx,
            ::demarcate::__private::Requirements {
                isolation: ::core::option::Option::Some(
                    ::demarcate::Isolation::Serializable,
                ),
                read_write: true,
            },
        );
        debit(tx).await
    }
    async fn balance(&self, tx: &mut Session) -> Result<i64, sqlx::Error> {
        if false {
            ::demarcate::__private::is_fallible::<Result<i64, sqlx::Error>>();
        }
        let __service = <Session as ::demarcate::__private::LentSession>::enter(
            tx,
            ::demarcate::__private::Site::new(
                "balance",
                ::demarcate::__private::SiteKind::Service,
                ::core::file!(),
                ::core::line!(),
            ),
        );
        ::demarcate::__private::requires(
            tx,
            ::demarcate::__private::Requirements {
                isolation: ::core::option::Option::Some(
                    ::demarcate::Isolation::Serializable,
                ),
                read_write: false,
            },
        );
        read(tx).await
    }
}
