//! `GET /stocks` in pages, by cursor and by skip.

use testkit::http::{Client, Reply};

use crate::support::{EMPTY, SEEDED, add, next_page, on_both, symbols};

/// Follows the links to the end; yields the symbols of each page.
async fn walk(api: &Client, first: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut next = Some(first.to_owned());
    while let Some(path) = next {
        let page = api.get(&path).await.expect(200);
        pages.push(symbols(&page));
        next = next_page(&page);
    }
    pages
}

#[track_caller]
fn assert_total(reply: &Reply, total: &str) {
    assert_eq!(reply.header("x-total-count"), Some(total), "{reply}");
}

#[tokio::test]
async fn the_pages_by_cursor_and_by_skip_have_no_gap_and_no_double() {
    on_both(&SEEDED, async |api| {
        let all = symbols(&api.get("/stocks").await.expect(200));
        for limit in [1, 3, 4, 5, 9, 10, 11, 1000] {
            for first in [
                format!("/stocks?limit={limit}"),
                format!("/stocks?skip=0&limit={limit}"),
            ] {
                let pages = walk(api, &first).await;
                assert_eq!(pages.concat(), all, "{first}");
                let expected = all.chunks(limit).map(<[String]>::len);
                let sizes = pages.iter().map(Vec::len);
                assert!(sizes.eq(expected), "{first}: {pages:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_page_links_to_the_next_in_the_way_it_was_asked_for_and_keeps_the_sector() {
    on_both(&SEEDED, async |api| {
        add(api, "AB", "R&D + more", "1").await;
        add(api, "ZZ", "R&D + more", "1").await;
        for (path, link) in [
            ("/stocks?limit=2", "cursor=AAPL|cursor=AB"),
            ("/stocks?limit=2&skip=4", "skip=6"),
        ] {
            let next = next_page(&api.get(path).await.expect(200)).unwrap();
            assert!(next.starts_with("/stocks?limit=2&"), "{next}");
            assert!(link.split('|').any(|link| next.ends_with(link)), "{next}");
        }
        for first in ["", "&skip=0"] {
            let first = format!("/stocks?sector=R%26D+%2B+more&limit=1{first}");
            assert_eq!(walk(api, &first).await, [["AB"], ["ZZ"]]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_skip_beside_a_cursor_counts_from_the_cursor_on_once() {
    on_both(&SEEDED, async |api| {
        let pages = walk(api, "/stocks?cursor=AMZN&skip=1&limit=3").await;
        assert_eq!(
            pages.concat(),
            ["JNJ", "JPM", "MSFT", "NVDA", "TSLA", "V", "XOM"]
        );
        assert!(pages.iter().map(Vec::len).eq([3, 3, 1]), "{pages:?}");
    })
    .await;
}

#[tokio::test]
async fn every_page_tells_how_many_stocks_there_are_in_all() {
    on_both(&SEEDED, async |api| {
        for path in [
            "/stocks?limit=3",
            "/stocks?limit=3&skip=9",
            "/stocks?limit=3&cursor=V",
            "/stocks?skip=100",
        ] {
            assert_total(&api.get(path).await.expect(200), "10");
        }
        let technology = api
            .get("/stocks?sector=Technology&limit=1")
            .await
            .expect(200);
        assert_total(&technology, "4");
    })
    .await;
}

#[tokio::test]
async fn past_the_end_there_is_an_empty_page_without_a_link() {
    on_both(&SEEDED, async |api| {
        for path in [
            "/stocks?skip=10",
            "/stocks?skip=4294967295&limit=1000",
            "/stocks?cursor=ZZZZZZZZZZZZ",
        ] {
            let page = api.get(path).await.expect(200);
            assert_eq!((page.text(), page.header("link")), ("[]", None), "{path}");
        }
        // A cursor need not be listed.
        let rest = api.get("/stocks?cursor=u").await.expect(200);
        assert_eq!(symbols(&rest), ["V", "XOM"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_added_while_somebody_pages_by_cursor_moves_nothing() {
    on_both(&SEEDED, async |api| {
        let mut walked = Vec::new();
        let mut next = Some("/stocks?limit=3".to_owned());
        while let Some(path) = next {
            let page = api.get(&path).await.expect(200);
            next = next_page(&page);
            walked.extend(symbols(&page));
            // Before all others: pages by skip would now repeat their last stock.
            add(api, &format!("A{}", walked.len()), "New", "1").await;
        }
        let seeded = [
            "AAPL", "AMZN", "GOOGL", "JNJ", "JPM", "MSFT", "NVDA", "TSLA", "V", "XOM",
        ];
        assert_eq!(walked, seeded);
    })
    .await;
}

#[tokio::test]
async fn a_list_without_a_limit_shows_a_hundred_stocks() {
    on_both(&EMPTY, async |api| {
        for index in 0..101 {
            add(api, &format!("S{index:03}"), "Any", "1").await;
        }
        let page = api.get("/stocks").await.expect(200);
        assert_eq!(symbols(&page).len(), 100);
        assert_total(&page, "101");
        let rest = api.get(&next_page(&page).unwrap()).await.expect(200);
        assert_eq!(symbols(&rest), ["S100"]);
        assert_eq!(next_page(&rest), None);
    })
    .await;
}
