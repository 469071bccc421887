//! The release before runs on the schema of the one after: a rollback takes no migration back.

use testkit::postgres::database;

use crate::support::{Backend, EMPTY, add, quote, start, symbols};

/// What a next release may do to the tables: it adds, and takes nothing away.
const EXPAND: [&str; 3] = [
    "alter table stocks add column isin text",
    "create table listings_of_the_next_release (symbol text primary key)",
    "insert into _migrations_stock_listing (version, description, installed_on, success, checksum, execution_time)
     values (9000, 'next', now(), true, '\\x00', 1)",
];

#[tokio::test]
async fn a_release_goes_on_and_starts_again_on_the_schema_of_the_next() {
    let database = database().await;
    let pool = database.connect().await;
    let backend = Backend::Postgres(database);
    let (service, api) = start(&backend, &EMPTY).await;
    add(&api, "AAPL", "Technology", "10").await;

    for statement in EXPAND {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    pool.close().await;
    // While the next release starts beside it.
    add(&api, "MSFT", "Technology", "20").await;
    quote(&api, "AAPL", "price=11").await.expect(200);
    service.terminate();

    // After the rollback.
    let (_service, api) = start(&backend, &EMPTY).await;
    add(&api, "NVDA", "Technology", "30").await;
    let listed = api.get("/stocks").await.expect(200);
    assert_eq!(symbols(&listed), ["AAPL", "MSFT", "NVDA"]);
}
