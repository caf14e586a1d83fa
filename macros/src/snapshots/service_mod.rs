pub mod orders {
    #![allow(missing_docs)]
    use super::*;
    pub async fn create(tx: &mut Session) -> Result<(), sqlx::Error> {
        if false {
            my::demarcate::__private::is_fallible::<Result<(), sqlx::Error>>();
        }
        let __service = <Session as my::demarcate::__private::LentSession>::enter(
            tx,
            my::demarcate::__private::Site::new(
                "create",
                my::demarcate::__private::SiteKind::Service,
                ::core::file!(),
                ::core::line!(),
            ),
        );
        Ok(())
    }
    impl Shop {
        fn name(&self) {}
        async fn buy(&self, tx: &mut Session) -> Result<(), sqlx::Error> {
            if false {
                my::demarcate::__private::is_fallible::<Result<(), sqlx::Error>>();
            }
            let __service = <Session as my::demarcate::__private::LentSession>::enter(
                tx,
                my::demarcate::__private::Site::new(
                    "buy",
                    my::demarcate::__private::SiteKind::Service,
                    ::core::file!(),
                    ::core::line!(),
                ),
            );
            Ok(())
        }
    }
    mod setup {
        async fn migrate(pool: &PgPool) {
            pool.begin();
        }
    }
    #[background_job]
    async fn ship(tx: &mut Session) -> Result<(), E> {
        Ok(())
    }
    #[cfg(test)]
    mod tests {
        async fn f(pool: PgPool) {
            pool.begin();
        }
    }
}
