//! The OpenAPI document names every call, and no other.

use std::collections::BTreeSet;

use crate::support::on_both;

/// The rows of the wire contract that this service answers.
const CALLS: [(&str, &str); 12] = [
    ("post", "/trades/buy"),
    ("post", "/trades/sell"),
    ("get", "/trades"),
    ("get", "/trades.csv"),
    ("get", "/trades/{trade_id}"),
    ("get", "/portfolio/{user_id}"),
    ("get", "/portfolio/{user_id}/summary"),
    ("get", "/health"),
    ("get", "/livez"),
    ("get", "/readyz"),
    ("get", "/metrics"),
    ("get", "/operations"),
];

#[tokio::test]
async fn the_document_is_openapi_3_1_and_names_every_call_and_no_other() {
    on_both(&[], async |api| {
        let document = api.get("/openapi.json").await.expect(200).json();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
        assert_eq!(document["info"]["title"], "trade");
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
    on_both(&[], async |api| {
        let page = api.get("/docs/").await.expect(200);
        let html = page.text();
        let targets = html.split(['"', '\'']).skip(1).step_by(2);
        let assets: Vec<_> = targets
            .filter(|target| [".js", ".css"].iter().any(|end| target.ends_with(end)))
            .collect();
        assert!(assets.len() >= 3, "{html}");
        for asset in assets {
            assert!(!asset.contains("//"), "{asset} is somebody else's");
            let path = format!("/docs/{}", asset.trim_start_matches("./"));
            assert!(!api.get(&path).await.expect(200).body.is_empty());
        }
    })
    .await;
}
