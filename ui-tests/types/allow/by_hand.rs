use demarcate::Error;
use demarcate::sqlite::SessionFactory;

async fn by_code(db: &SessionFactory) -> Result<(), Error> {
    db.transaction(async |tx| {
        demarcate::__private0::allow(tx, "D040");
        Ok::<_, Error>(())
    })
    .await
}

async fn by_value(db: &SessionFactory) -> Result<(), Error> {
    db.transaction(async |tx| {
        static LIFTED: demarcate::__private0::Lifted =
            demarcate::__private0::Lifted::by_attribute("D040", "", "by_value", 0);
        demarcate::__private0::allow(tx, &LIFTED);
        Ok::<_, Error>(())
    })
    .await
}

async fn made_where_it_is_used(db: &SessionFactory) -> Result<(), Error> {
    db.transaction(async |tx| {
        demarcate::__private0::allow(
            tx,
            &demarcate::__private0::Lifted::by_attribute("D040", "", "by_value", 0),
        );
        Ok::<_, Error>(())
    })
    .await
}

fn main() {}
