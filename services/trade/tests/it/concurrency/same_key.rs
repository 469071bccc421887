//! One order sent many times at once under one Idempotency-Key happens once and answers the same.

use std::{collections::BTreeSet, sync::Arc};

use testkit::http::Reply;
use tokio::task::JoinSet;

use super::{Cluster, books};
use crate::support::{buy, order_body, post_text};

const ROUNDS: usize = 8;
const COPIES: usize = 50;

#[tokio::test]
async fn an_order_sent_50_times_at_once_under_one_key_happens_once_on_sqlite() {
    send_copies(Cluster::on_sqlite().await).await;
}

#[tokio::test]
async fn an_order_sent_50_times_at_once_under_one_key_happens_once_on_postgresql() {
    send_copies(Cluster::on_postgres(1).await).await;
}

#[tokio::test]
async fn an_order_sent_50_times_at_once_under_one_key_happens_once_through_two_processes() {
    send_copies(Cluster::on_postgres(2).await).await;
}

async fn send_copies(cluster: Cluster) {
    let cluster = Arc::new(cluster);
    for round in 0..ROUNDS {
        let user = format!("copier-{round}");
        let bought = at_once(&cluster, "buy", &user).await;
        assert_one_answer(&bought, 201);
        assert_eq!(books::check(cluster.api(round), &user).await.len(), 1);

        // 0.000001 is held and 1.5 is to be sold.
        let poor = format!("poor-{round}");
        buy(cluster.api(round), &poor, "AAPL", ["0.000001", "1"]).await;
        let refused = at_once(&cluster, "sell", &poor).await;
        assert_one_answer(&refused, 422);
        refused[0].problem_code("insufficient_holdings");
        assert_eq!(books::check(cluster.api(round), &poor).await.len(), 1);

        // The refusal is kept even when the order could be executed by now.
        buy(cluster.api(round), &poor, "AAPL", ["10", "1"]).await;
        let late = at_once(&cluster, "sell", &poor).await;
        assert!(late.iter().all(|reply| reply.body == refused[0].body));
        assert!(late.iter().all(is_replayed));
    }
}

async fn at_once(cluster: &Arc<Cluster>, side: &'static str, user: &str) -> Vec<Reply> {
    let mut copies = JoinSet::new();
    for copy in 0..COPIES {
        let cluster = Arc::clone(cluster);
        let body = order_body(user, "AAPL", "1.5", "189.5");
        copies.spawn(async move {
            let api = cluster.api(copy);
            let request = post_text(api, &format!("/trades/{side}"), body)
                .header("idempotency-key", "the same for all");
            api.request(request).await
        });
    }
    copies.join_all().await
}

#[track_caller]
fn assert_one_answer(replies: &[Reply], status: u16) {
    let answers: BTreeSet<(u16, &[u8], Option<&str>)> = replies
        .iter()
        .map(|reply| (reply.status, &reply.body[..], reply.header("location")))
        .collect();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(replies[0].status, status, "{}", replies[0]);
    let replayed = replies.iter().filter(|reply| is_replayed(reply)).count();
    assert_eq!(replayed, COPIES - 1);
}

fn is_replayed(reply: &Reply) -> bool {
    reply.header("idempotency-replayed") == Some("true")
}

trait ProblemCode {
    fn problem_code(&self, code: &str);
}

impl ProblemCode for Reply {
    /// A kept problem names the request that it first answered, so that its instance is not this request's.
    #[track_caller]
    fn problem_code(&self, code: &str) {
        let kind = self.header("content-type");
        assert_eq!(kind, Some("application/problem+json"), "{self}");
        assert_eq!(self.json()["code"], code, "{self}");
    }
}
