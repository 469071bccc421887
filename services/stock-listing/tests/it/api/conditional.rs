//! `ETag` and `If-None-Match`: what the client has is not sent again.

use testkit::http::{Client, Method, Reply};

use crate::support::{SEEDED, add, next_page, on_both, quote};

const PATHS: [&str; 5] = [
    "/stocks",
    "/stocks?sector=Technology&limit=2",
    "/stocks?skip=3&limit=2",
    "/stocks/AAPL",
    "/stocks/AAPL/price",
];

async fn get_if_none_match(api: &Client, path: &str, tags: &str) -> Reply {
    let request = api.builder(Method::GET, path);
    api.request(request.header("if-none-match", tags)).await
}

fn tag(reply: &Reply) -> String {
    reply.header("etag").unwrap().to_owned()
}

#[tokio::test]
async fn an_answer_that_the_client_has_is_a_304_without_a_body() {
    on_both(&SEEDED, async |api| {
        for path in PATHS {
            let full = api.get(path).await.expect(200);
            let tag = tag(&full);
            assert_eq!(full.header("cache-control"), Some("no-cache"));
            let opaque = tag.trim_start_matches("W/").to_owned();
            for known in [&tag, &opaque, &format!("\"other\", {tag}"), "*"] {
                let reply = get_if_none_match(api, path, known).await.expect(304);
                assert!(reply.body.is_empty(), "{reply}");
                for name in ["etag", "cache-control", "x-total-count", "link"] {
                    assert_eq!(reply.header(name), full.header(name), "{name} of {reply}");
                }
            }
            let longer = opaque.replacen('"', "\"0", 1);
            for other in [
                "\"other\"",
                "W/\"0000000000000000\"",
                "",
                &longer,
                opaque.trim_matches('"'),
            ] {
                let reply = get_if_none_match(api, path, other).await.expect(200);
                assert_eq!(reply.text(), full.text());
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_tag_is_the_same_until_its_answer_changes() {
    on_both(&SEEDED, async |api| {
        for path in PATHS {
            let first = tag(&api.get(path).await.expect(200));
            assert_eq!(tag(&api.get(path).await.expect(200)), first);
        }
        let aapl = tag(&api.get("/stocks/AAPL").await);
        let msft = tag(&api.get("/stocks/MSFT").await);
        let all = tag(&api.get("/stocks").await);
        quote(api, "AAPL", "price=190").await.expect(200);
        get_if_none_match(api, "/stocks/AAPL", &aapl)
            .await
            .expect(200);
        get_if_none_match(api, "/stocks/MSFT", &msft)
            .await
            .expect(304);
        let changed = get_if_none_match(api, "/stocks", &all).await.expect(200);
        assert_ne!(tag(&changed), all);
    })
    .await;
}

#[tokio::test]
async fn a_304_tells_of_a_page_that_has_come_after_it() {
    on_both(&SEEDED, async |api| {
        let last = api.get("/stocks?limit=10").await.expect(200);
        assert_eq!(next_page(&last), None);
        add(api, "ZZ", "New", "1").await;
        let reply = get_if_none_match(api, "/stocks?limit=10", &tag(&last)).await;
        assert!([200, 304].contains(&reply.status), "{reply}");
        assert_eq!(reply.header("x-total-count"), Some("11"), "{reply}");
        let next = next_page(&reply).expect("a page that was not there before");
        assert_eq!(crate::support::symbols(&api.get(&next).await), ["ZZ"]);
    })
    .await;
}

#[tokio::test]
async fn head_answers_as_get_does_but_for_the_body() {
    on_both(&SEEDED, async |api| {
        for path in PATHS {
            let get = api.get(path).await.expect(200);
            let head = api
                .request(api.builder(Method::HEAD, path))
                .await
                .expect(200);
            assert!(head.body.is_empty(), "{head}");
            for name in [
                "etag",
                "content-type",
                "content-length",
                "x-total-count",
                "link",
            ] {
                assert_eq!(head.header(name), get.header(name), "{name} of {head}");
            }
            let known = api
                .builder(Method::HEAD, path)
                .header("if-none-match", tag(&get));
            api.request(known).await.expect(304);
        }
    })
    .await;
}
