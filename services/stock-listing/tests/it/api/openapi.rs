//! The OpenAPI document names every call, and no other.

use std::collections::BTreeSet;

use testkit::http::Method;

use crate::support::{SEEDED, on_both};

/// The rows of the wire contract that this service answers.
const CALLS: [(&str, &str); 13] = [
    ("get", "/stocks"),
    ("post", "/stocks"),
    ("get", "/stocks/{symbol}"),
    ("get", "/stocks/{symbol}/price"),
    ("put", "/stocks/{symbol}/price"),
    ("put", "/prices"),
    ("get", "/stocks/{symbol}/history"),
    ("get", "/stream"),
    ("get", "/health"),
    ("get", "/livez"),
    ("get", "/readyz"),
    ("get", "/metrics"),
    ("get", "/operations"),
];

#[tokio::test]
async fn the_document_is_openapi_3_1_and_names_every_call_and_no_other() {
    on_both(&SEEDED, async |api| {
        let document = api.get("/openapi.json").await.expect(200).json();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
        assert_eq!(document["info"]["title"], "stock-listing");
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
        let mut documented = BTreeSet::new();
        testkit::openapi::assert_sound(&document);
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                documented.insert((method.as_str(), path.as_str()));
                for status in ["500", "503"] {
                    let answer = &operation["responses"][status]["content"];
                    assert!(
                        answer["application/problem+json"].is_object(),
                        "{method} {path}"
                    );
                }
            }
        }
        assert_eq!(documented, BTreeSet::from(CALLS));
    })
    .await;
}

#[tokio::test]
async fn the_page_to_try_it_comes_with_all_its_assets() {
    on_both(&SEEDED, async |api| {
        let short = api.get("/docs").await;
        assert!([301, 302, 303, 307, 308].contains(&short.status), "{short}");
        assert_eq!(short.header("location"), Some("/docs/"));

        let page = api.get("/docs/").await.expect(200);
        let html = page.text();
        let targets = html.split(['"', '\'']).skip(1).step_by(2);
        let assets: Vec<_> = targets
            .filter(|target| {
                [".js", ".css", ".png"]
                    .iter()
                    .any(|end| target.ends_with(end))
            })
            .collect();
        assert!(assets.len() >= 3, "{html}");
        let mut names_the_document = false;
        for asset in assets {
            assert!(!asset.contains("//"), "{asset} is somebody else's");
            let path = format!("/docs/{}", asset.trim_start_matches("./"));
            let reply = api.get(&path).await.expect(200);
            assert!(!reply.body.is_empty(), "{path}");
            let kind = reply.header("content-type").unwrap();
            let expected = match asset.rsplit('.').next() {
                Some("js") => "javascript",
                Some("css") => "text/css",
                _ => "image/png",
            };
            assert!(kind.contains(expected), "{kind} of {path}");
            if asset.ends_with("swagger-initializer.js") {
                names_the_document = reply.text().contains("/openapi.json");
            }
        }
        assert!(names_the_document, "{html}");
        let head = api
            .request(api.builder(Method::HEAD, "/openapi.json"))
            .await;
        assert_eq!(
            head.expect(200).header("content-type"),
            Some("application/json")
        );
    })
    .await;
}
