//! The release before runs on the schema of the one after: a rollback takes no migration back.

use testkit::postgres::database;

use crate::support::{Backend, Trade, buy, sell};

/// What a next release may do to the tables: it adds, and takes nothing away.
const EXPAND: [&str; 4] = [
    "alter table trades add column venue text",
    "alter table portfolio add column opened_at timestamptz default now()",
    "create table orders_of_the_next_release (id uuid primary key)",
    "insert into _migrations_trade (version, description, installed_on, success, checksum, execution_time)
     values (9000, 'next', now(), true, '\\x00', 1)",
];

#[tokio::test]
async fn a_release_goes_on_and_starts_again_on_the_schema_of_the_next() {
    let database = database().await;
    let pool = database.connect().await;
    let backend = Backend::Postgres(database);
    let (service, api) = Trade::start(&backend, &[]).await;
    buy(&api, "ann", "AAPL", ["3", "10"]).await.expect(201);

    for statement in EXPAND {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    pool.close().await;
    // While the next release starts beside it.
    sell(&api, "ann", "AAPL", ["1", "11"]).await.expect(201);
    service.terminate();

    // After the rollback.
    let (_service, api) = Trade::start(&backend, &[]).await;
    buy(&api, "ann", "AAPL", ["2", "12"]).await.expect(201);
    let portfolio = api.get("/portfolio/ann").await.expect(200);
    assert_eq!(portfolio.json()[0]["quantity"].to_string(), "4");
    let trades = api.get("/trades?user_id=ann").await.expect(200);
    assert_eq!(trades.json().as_array().unwrap().len(), 3);
}
