async fn place(&self, sku: String) -> Result<impl IntoResponse, Status> {
    my::demarcate::__private::router(
            my::demarcate::__private::Site::new(
                "place",
                my::demarcate::__private::SiteKind::Router,
                ::core::file!(),
                ::core::line!(),
            ),
            &(self.db),
            my::demarcate::TxOptions::new(),
            my::demarcate::__private::keeps_nothing,
            async move |tx| {
                if false {
                    let __returned: Result<_, Status> = my::demarcate::__private::unreached();
                    return __returned;
                }
                self.create(tx, sku).await
            },
            |__value| my::demarcate::__private::Answer::of(__value).is_error(),
        )
        .await
}
