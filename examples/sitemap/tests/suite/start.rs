//! What the program finds when it starts.

use sitemap::{api::Status, database::Database};

use crate::{on_both, program::Program};

async fn jobs_that_a_process_left_behind_are_failed(program: Program) {
    program
        .tables
        .run(
            "insert into jobs (url, status) values \
             ('http://a/', 'queued'), ('http://b/', 'running'), ('http://c/', 'complete')",
        )
        .await;
    assert_eq!(program.database.recover().await.unwrap(), 2);
    assert_eq!(program.database.recover().await.unwrap(), 0);
    for (id, status) in [
        (1, Status::Failed),
        (2, Status::Failed),
        (3, Status::Complete),
    ] {
        let job = program.client.status(id).await.unwrap().unwrap().job;
        assert_eq!(job.status, status);
        let reason = (status == Status::Failed).then_some("the process ended while it ran");
        assert_eq!(job.error.as_deref(), reason);
    }
}

async fn tables_that_are_there_are_left_alone(program: Program) {
    program
        .tables
        .run("insert into jobs (url) values ('http://a/')")
        .await;
    let again = Database::open(Some(program.tables.url())).await.unwrap();
    again.close().await.unwrap();
    assert_eq!(program.tables.rows().await, [0, 1, 0, 0, 0]);
}

on_both!(
    jobs_that_a_process_left_behind_are_failed,
    tables_that_are_there_are_left_alone,
);
