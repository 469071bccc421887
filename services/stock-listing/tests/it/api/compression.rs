//! `Accept-Encoding`, and HTTP/2 without an upgrade.

use testkit::http::Method;

use crate::support::{SEEDED, on_both};
use testkit::wire;

/// The last four bytes of a gzip file are the length of what it holds (RFC 1952 section 2.3.1).
fn length_of_gzipped(body: &[u8]) -> usize {
    assert_eq!(body[..2], [0x1f, 0x8b], "the magic number of gzip");
    let length = body.last_chunk().copied().unwrap();
    usize::try_from(u32::from_le_bytes(length)).unwrap()
}

#[tokio::test]
async fn a_large_answer_is_compressed_for_those_who_take_gzip() {
    on_both(&SEEDED, async |api| {
        let plain = api.get("/stocks").await.expect(200);
        assert_eq!(plain.header("content-encoding"), None);
        assert!(plain.header("vary").unwrap().contains("accept-encoding"));
        for accepted in ["gzip", "br;q=0.5, gzip", "deflate, GZIP;q=0.1"] {
            let request = api.builder(Method::GET, "/stocks");
            let reply = api
                .request(request.header("accept-encoding", accepted))
                .await;
            let reply = reply.expect(200);
            assert_eq!(reply.header("content-encoding"), Some("gzip"), "{accepted}");
            assert_eq!(length_of_gzipped(&reply.body), plain.body.len());
            assert!(reply.body.len() < plain.body.len());
            assert_eq!(
                reply.header("etag"),
                plain.header("etag"),
                "a weak tag is of both"
            );
            assert_eq!(reply.header("x-total-count"), Some("10"));
            let request = api
                .builder(Method::GET, "/stocks")
                .header("accept-encoding", "gzip");
            let known = request.header("if-none-match", plain.header("etag").unwrap());
            assert!(api.request(known).await.expect(304).body.is_empty());
        }
        for accepted in ["identity", "gzip;q=0", "br"] {
            let request = api.builder(Method::GET, "/stocks");
            let reply = api
                .request(request.header("accept-encoding", accepted))
                .await;
            assert_eq!(reply.header("content-encoding"), None, "{accepted}");
            assert_eq!(reply.text(), plain.text());
        }
        let small = api
            .builder(Method::GET, "/stocks/AAPL")
            .header("accept-encoding", "gzip");
        let small = api.request(small).await.expect(200);
        assert_eq!(small.header("content-encoding"), None);
    })
    .await;
}

#[tokio::test]
async fn http_2_is_spoken_by_prior_knowledge() {
    on_both(&SEEDED, async |api| {
        let plain = api.get("/stocks").await.expect(200);
        let (headers, body) = wire::get_over_http2(api, "/stocks").await;
        // RFC 7541 appendix A: 8 is `:status: 200`.
        assert_eq!(headers[0], 0x88, "{headers:x?}");
        assert_eq!(String::from_utf8_lossy(&body), plain.text());
        let (headers, body) = wire::get_over_http2(api, "/nowhere").await;
        // 13 is `:status: 404`.
        assert_eq!(headers[0], 0x8d, "{headers:x?}");
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["code"], "not_found");
    })
    .await;
}
