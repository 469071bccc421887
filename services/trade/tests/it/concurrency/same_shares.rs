//! The last shares: as many as are held can be sold, however many try at once.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{Cluster, books};
use crate::support::{buy, order};

const ROUNDS: usize = 100;
const CLIENTS: usize = 64;
const HELD: usize = 32;

#[tokio::test]
async fn sixty_four_clients_sell_one_of_32_shares_each_on_sqlite() {
    sell_at_once(Cluster::on_sqlite().await).await;
}

#[tokio::test]
async fn sixty_four_clients_sell_one_of_32_shares_each_on_postgresql() {
    sell_at_once(Cluster::on_postgres(1).await).await;
}

#[tokio::test]
async fn sixty_four_clients_sell_one_of_32_shares_each_through_two_processes() {
    sell_at_once(Cluster::on_postgres(2).await).await;
}

async fn sell_at_once(cluster: Cluster) {
    let cluster = Arc::new(cluster);
    for round in 0..ROUNDS {
        let user = format!("seller-{round}");
        let held = HELD.to_string();
        buy(cluster.api(round), &user, "AAPL", [&held, "189.5"]).await;

        let mut sells = JoinSet::new();
        for client in 0..CLIENTS {
            let (cluster, user) = (Arc::clone(&cluster), user.clone());
            sells.spawn(async move {
                let reply = order(cluster.api(client), "sell", &user, "AAPL", ["1", "190.25"]);
                let reply = reply.await;
                if reply.status == 201 {
                    return true;
                }
                reply.problem(422, "insufficient_holdings");
                false
            });
        }
        let sold = sells.join_all().await.into_iter().filter(|sold| *sold);
        assert_eq!(sold.count(), HELD, "{}, round {round}", cluster.name);

        let api = cluster.api(round + 1);
        let portfolio = api.get(&format!("/portfolio/{user}")).await.expect(200);
        assert_eq!(portfolio.text(), "[]", "{}, round {round}", cluster.name);
        assert_eq!(books::check(api, &user).await.len(), 1 + HELD);
    }
}
