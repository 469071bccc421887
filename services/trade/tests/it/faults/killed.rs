//! SIGKILL under load, of the service and of PostgreSQL: what was acknowledged is there, and no order happened twice.

use std::time::Duration;

use testkit::postgres::Server;

use crate::{
    concurrency::{
        dice::Dice,
        load::{Load, Plan},
    },
    support::{Backend, Trade},
};

const KILLS: usize = 20;
const END_DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn what_was_acknowledged_survives_20_kills_of_the_service_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    kill_the_service(Backend::Sqlite(folder)).await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_20_kills_of_the_service_on_postgresql() {
    let database = testkit::postgres::database().await;
    kill_the_service(Backend::Postgres(database)).await;
}

async fn kill_the_service(backend: Backend) {
    let (mut service, mut api) = Trade::start(&backend, &[]).await;
    let plan = Plan {
        clients: 16,
        users: 12,
        seed: 1,
        answers_within: None,
    };
    let load = Load::start(plan, vec![api.clone()]);
    let mut dice = Dice::new(plan.seed);
    for _ in 0..KILLS {
        load.progress(1 + dice.below(100) as usize).await;
        service.kill();
        load.send_to(vec![]);
        service.wait(END_DEADLINE).await;
        (service, api) = Trade::start(&backend, &[]).await;
        load.send_to(vec![api.clone()]);
    }
    load.progress(100).await;
    load.check(&api).await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_20_kills_of_postgresql() {
    let mut server = Server::start().await;
    let backend = Backend::Postgres(server.database().await);
    let (_service, api) = Trade::start(&backend, &[]).await;
    let plan = Plan {
        clients: 16,
        users: 12,
        seed: 2,
        answers_within: Some(Duration::from_secs(5)),
    };
    let load = Load::start(plan, vec![api.clone()]);
    let mut dice = Dice::new(plan.seed);
    for _ in 0..KILLS {
        load.progress(1 + dice.below(60) as usize).await;
        server.kill().await;
        server.restart().await;
    }
    load.progress(100).await;
    assert!(load.put_off() > 0, "no kill was noticed");
    load.check(&api).await;
}
