//! SIGTERM: whatever had reached the service is answered.

use std::{net::SocketAddr, time::Duration};

use testkit::{Service, http::Client};

use super::wire::{self, Connection};
use crate::support::{Backend, Trade, buy};

const DRAIN_DEADLINE: Duration = Duration::from_secs(30);
/// Made within the time in which a stopping service still accepts.
const LATE_CONNECTIONS: usize = 24;

#[tokio::test]
async fn a_stopping_service_says_that_it_is_not_ready() {
    for backend in Backend::both().await {
        let (service, _api) = Trade::start(&backend, &[]).await;
        let address = wire::address_of(&service).await;
        let mut probe = Connection::open(address).await.unwrap();
        let request = wire::get("/readyz");
        let (first, rest) = request.split_at(20);
        probe.send(first).await.unwrap();

        service.terminate();
        wire::listener_closed(address).await;
        let answer = probe.ask(rest).await.unwrap();
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.body.contains(r#""code":"stopping""#), "{answer:?}");
        assert!(answer.closes(), "{answer:?}");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        assert_clean_end(&service).await;
    }
}

#[tokio::test]
async fn an_order_that_is_half_sent_when_the_stop_comes_is_executed() {
    for backend in Backend::both().await {
        let (service, api) = Trade::start(&backend, &[]).await;
        let address = wire::address_of(&service).await;
        let [head, body] = wire::order("buy", "slow", "1");
        let request = head.clone() + &body;
        let mut halves = Vec::new();
        for is_kept in [false, true] {
            for sent in [1, head.len() / 2, head.len(), request.len() - 1] {
                let mut connection = Connection::open(address).await.unwrap();
                if is_kept {
                    let answer = connection.ask(&wire::get("/livez")).await.unwrap();
                    assert!(!answer.closes(), "{answer:?}");
                }
                connection.send(&request[..sent]).await.unwrap();
                halves.push((connection, is_kept, sent));
            }
        }
        // The service has read the halves when it answers what came after them.
        buy(&api, "other", "AAPL", ["1", "1"]).await;

        service.terminate();
        wire::listener_closed(address).await;
        let mut unanswered = Vec::new();
        for (connection, is_kept, sent) in &mut halves {
            match connection.ask(&request[*sent..]).await {
                Ok(answer) => assert!(answer.status == 201 && answer.closes(), "{answer:?}"),
                Err(error) => unanswered.push((*is_kept, *sent, error)),
            }
        }
        assert!(unanswered.is_empty(), "is kept, sent: {unanswered:?}");
        assert_clean_end(&service).await;
    }
}

#[tokio::test]
async fn a_request_on_a_connection_made_before_the_listener_closed_is_answered() {
    for backend in Backend::both().await {
        let (service, _api) = Trade::start(&backend, &[]).await;
        let address = wire::address_of(&service).await;
        service.terminate();
        let mut late = connections(address).await;
        wire::listener_closed(address).await;
        let mut unanswered = Vec::new();
        for (number, connection) in late.iter_mut().enumerate() {
            let order = wire::order("buy", "late", &number.to_string()).concat();
            match connection.ask(&order).await {
                Ok(answer) => assert_eq!(answer.status, 201, "{answer:?}"),
                Err(error) => unanswered.push((number, error)),
            }
        }
        assert!(
            unanswered.is_empty(),
            "of {} connections: {unanswered:?}",
            late.len()
        );
        drop(late);
        assert_clean_end(&service).await;
    }
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_a_stop() {
    for backend in Backend::both().await {
        let (service, api) = Trade::start(&backend, &[]).await;
        let address = wire::address_of(&service).await;
        let mut idle = connections(address).await;
        for connection in &mut idle {
            let answer = connection.ask(&wire::get("/livez")).await.unwrap();
            assert!(answer.status == 200 && !answer.closes(), "{answer:?}");
        }
        service.terminate();
        let status = service.wait(Duration::from_secs(5)).await;
        assert!(status.success(), "{status}\n{}", service.log());
        drop::<(Vec<Connection>, Client)>((idle, api));
    }
}

async fn connections(address: SocketAddr) -> Vec<Connection> {
    let mut connections = Vec::new();
    for _ in 0..LATE_CONNECTIONS {
        match Connection::open(address).await {
            Ok(connection) => connections.push(connection),
            Err(_) => break,
        }
    }
    assert!(!connections.is_empty());
    connections
}

async fn assert_clean_end(service: &Service) {
    let status = service.wait(DRAIN_DEADLINE).await;
    assert!(status.success(), "{status}\n{}", service.log());
}
