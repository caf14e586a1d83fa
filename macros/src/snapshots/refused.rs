#[allow(unused, unreachable_code)]
async fn create(tx: &mut Session) -> Result<(), sqlx::Error> {
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
    let mut inner = &mut *tx;
    add(&mut inner).await?;
    loop {}
}
::core::compile_error! {
    "D012: a service does not begin a transaction; its session is already in one\nhelp: for a part that may fail on its own, write `tx.savepoint(async |tx| ..)`"
}
::core::compile_error! {
    "D010: a service does not commit; its caller, the router or job that began the transaction, commits when it returns `Ok`\nhelp: remove the call; register code that must run after the commit with `tx.after_commit(..)`"
}
