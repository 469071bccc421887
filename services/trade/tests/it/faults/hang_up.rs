//! A client that hangs up early leaves nothing half done.

use super::wire::{self, Connection};
use crate::{
    concurrency::{books, dice::Dice},
    support::{Backend, Trade, order_body, post_text},
};

const ORDERS: u32 = 200;

#[tokio::test]
async fn an_order_whose_client_hangs_up_happens_once_or_not_at_all() {
    for backend in Backend::both().await {
        let (service, api) = Trade::start(&backend, &[]).await;
        let address = wire::address_of(&service).await;
        let mut dice = Dice::new(4);
        let mut keys = Vec::new();
        for number in 0..ORDERS {
            let key = format!("order {number}");
            let [head, body] = wire::order("buy", "fickle", &key);
            let request = head + &body;
            let is_whole = dice.below(2) == 0;
            let length = u32::try_from(request.len()).unwrap();
            // One that lacks its last byte at least can never be executed.
            let sent = if is_whole {
                length
            } else {
                1 + dice.below(length - 1)
            };
            let mut connection = Connection::open(address).await.unwrap();
            connection.send(&request[..sent as usize]).await.unwrap();
            drop(connection);
            if is_whole {
                keys.push(key);
            }
        }
        // Sent again under its key, an order that was executed answers the same; any other is executed now.
        for key in &keys {
            let body = order_body("fickle", "AAPL", "0.5", "189.5");
            let request = post_text(&api, "/trades/buy", body).header("idempotency-key", key);
            api.request(request).await.expect(201);
        }
        assert_eq!(books::check(&api, "fickle").await.len(), keys.len());
    }
}
