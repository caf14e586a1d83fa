pub trait Store: Send {
    type Id;
    async fn create(&self, tx: &mut Session) -> Result<Self::Id, sqlx::Error>;
    async fn wrong(&self, tx: Session) -> Option<Self::Id>;
    ::core::compile_error! {
        "D003: a service borrows this parameter and does not own it; write `tx: &mut Session`\nhelp: its owner commits or rolls back when the function returns"
    }
    ::core::compile_error! {
        "D005: a service returns `Result`; write `Result<Option<Self::Id>, sqlx::Error>`, or an error type of your own\nhelp: the error of a failed statement must reach the boundary, which then rolls back"
    }
    async fn default(&self, tx: &mut Session) -> Result<(), sqlx::Error> {
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
        self.create(tx).await.map(drop)
    }
    fn name(&self) -> &str {
        "store"
    }
}
