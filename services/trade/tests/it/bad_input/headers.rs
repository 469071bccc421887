//! Media types and idempotency keys.

use testkit::http::Method;

use super::{USER, assert_refused};
use crate::support::{on_both, order_body, post_text};

#[tokio::test]
async fn a_body_of_another_media_type_is_refused() {
    const REFUSED: &str = "415 unsupported_media_type";
    let media_types: [&[u8]; 12] = [
        b"",
        b"text/plain",
        b"text/json",
        b"application/x-www-form-urlencoded",
        b"application/problem+json",
        b"application/jsonx",
        b"application/json/x",
        b"application",
        b"json",
        b"*/*",
        b"text/plain; application/json",
        b"application/json\xff",
    ];
    on_both(&[], async |api| {
        let order = || {
            let body = order_body(USER, "AAPL", "1", "1");
            api.builder(Method::POST, "/trades/buy").body(body)
        };
        let mut table = vec![("no media type".to_owned(), order(), REFUSED)];
        for media_type in media_types {
            let shown = String::from_utf8_lossy(media_type).into_owned();
            let request = order().header("content-type", media_type);
            table.push((shown, request, REFUSED));
        }
        assert_refused(api, table).await;
    })
    .await;
}

#[tokio::test]
async fn an_idempotency_key_that_is_none_is_refused() {
    const REFUSED: &str = "422 validation_failed Idempotency-Key";
    let long = "k".repeat(256);
    let keys = [
        &b""[..],
        long.as_bytes(),
        "schlüssel".as_bytes(),
        b"\xff",
        b"a\tb",
    ];
    on_both(&[], async |api| {
        let order = |path| post_text(api, path, order_body(USER, "AAPL", "1", "1"));
        let mut table = Vec::new();
        for path in ["/trades/buy", "/trades/sell"] {
            for key in keys {
                let request = order(path).header("idempotency-key", key);
                table.push((format!("{key:?} for {path}"), request, REFUSED));
            }
            for second in ["a", "b"] {
                let request = order(path).header("idempotency-key", "a");
                let request = request.header("idempotency-key", second);
                table.push((format!("a and {second} for {path}"), request, REFUSED));
            }
        }
        assert_refused(api, table).await;
    })
    .await;
}
