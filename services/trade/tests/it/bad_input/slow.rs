//! Clients that send a byte a second, by the thousand.

use std::time::{Duration, Instant};

use testkit::{Backend, open_files, wire};
use tokio::net::TcpStream;

use super::USER;
use crate::support::{Trade, buy};

/// Slow connections, where so many files may be open.
const SLOW: usize = 10_000;
/// Files that are open for something else.
const OTHER_FILES: usize = 2_000;
/// A good client is answered within this time.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);

#[tokio::test]
async fn ten_thousand_slow_clients_do_not_stop_a_good_one() {
    let slow = SLOW.min(open_files().saturating_sub(OTHER_FILES));
    assert!(slow >= 1_000, "ulimit -n lets too few files be open");
    let backend = Backend::both().await.into_iter().next().unwrap();
    let (_service, api) = Trade::start(&backend, &[]).await;
    let mut streams = Vec::with_capacity(slow);
    for _ in 0..slow {
        streams.push(wire::connect(&api).await);
    }

    let mut slowest = Duration::ZERO;
    let request = b"POST /trades/buy HTTP/1.1\r\nhost: a\r\n";
    for byte in request.iter().take(5) {
        let second = Instant::now();
        send_to_all(&streams, *byte);
        for _ in 0..10 {
            let began = Instant::now();
            buy(&api, USER, "AAPL", ["1", "1"]).await;
            api.get(&format!("/portfolio/{USER}")).await.expect(200);
            slowest = slowest.max(began.elapsed());
        }
        tokio::time::sleep(Duration::from_secs(1).saturating_sub(second.elapsed())).await;
    }
    assert!(slowest < ANSWERED_WITHIN, "{slowest:?} beside {slow}");
    // They were there all the time.
    let gone = streams.iter().filter(|stream| is_closed(stream)).count();
    assert_eq!(gone, 0, "of {slow}");
}

fn send_to_all(streams: &[TcpStream], byte: u8) {
    for stream in streams {
        stream.try_write(&[byte]).unwrap();
    }
}

fn is_closed(stream: &TcpStream) -> bool {
    matches!(stream.try_read(&mut [0]), Ok(0))
}
