//! How often somebody may ask.

use std::time::{Duration, Instant};

use testkit::Backend;
use testkit::http::{Client, Method, Reply};
use testkit::keys::KeyFile;

use crate::support::Trade;

async fn trades(api: &Client, headers: &[(&str, &str)]) -> Reply {
    let mut request = api.builder(Method::GET, "/trades?user_id=ann");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    api.request(request).await
}

/// How many of these requests are answered with 200; the others are refused as they should be.
async fn served(api: &Client, headers: &[(&str, &str)], requests: u32) -> u32 {
    let mut served = 0;
    for _ in 0..requests {
        let reply = trades(api, headers).await;
        if reply.status == 200 {
            served += 1;
            continue;
        }
        reply.problem(429, "rate_limited");
        let wait: u64 = reply.headers["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((1..=2).contains(&wait), "{reply}");
        let left = reply.headers["ratelimit"].to_str().unwrap();
        assert!(left.contains(";r=0;t=1"), "{reply}");
    }
    served
}

/// Requests that a limit of `limit` a second lets through when they are made from `began` on: a second's worth at once, and then
/// as time goes.
fn most(limit: u32, began: Instant) -> u32 {
    limit + u32::try_from(began.elapsed().as_millis()).unwrap() * limit / 1_000 + 1
}

#[tokio::test]
async fn a_key_has_its_limit_and_leaves_others_theirs() {
    let mut file = KeyFile::default();
    let [ann, bot] = ["orders:ann", "orders:*"].map(|scope| format!("Bearer {}", file.add(scope)));
    let path = file.path();
    let backend = Backend::both().await.into_iter().next().unwrap();
    let env = [
        ("AUTH", "keys"),
        ("API_KEYS_FILE", path.to_str().unwrap()),
        ("RATE_LIMIT_CALLER", "20"),
    ];
    let (_service, api) = Trade::start(&backend, &env).await;
    let reply = trades(&api, &[("authorization", &ann)]).await.expect(200);
    assert_eq!(reply.headers["ratelimit-policy"], "\"caller\";q=20;w=1");
    assert_eq!(reply.headers["ratelimit"], "\"caller\";r=19;t=1");

    let began = Instant::now();
    let of_bot = served(&api, &[("authorization", &bot)], 200).await;
    let most = most(20, began);
    assert!((20..=most).contains(&of_bot), "{of_bot} of at most {most}");
    let reply = trades(&api, &[("authorization", &ann)]).await.expect(200);
    assert!(
        reply.headers["ratelimit"]
            .to_str()
            .unwrap()
            .starts_with("\"caller\";r=1"),
        "{reply}"
    );
    // Nobody has a limit of an unknown key: it is refused for what it is.
    trades(&api, &[]).await.problem(401, "unauthenticated");
    for _ in 0..50 {
        api.get("/livez").await.expect(200);
    }

    // A second later there is as much again.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(served(&api, &[("authorization", &bot)], 20).await >= 20);
}

#[tokio::test]
async fn who_has_had_theirs_is_told_what_the_address_has_left_too() {
    let mut file = KeyFile::default();
    let ann = format!("Bearer {}", file.add("orders:ann"));
    let path = file.path();
    let backend = Backend::both().await.into_iter().next().unwrap();
    let env = [
        ("AUTH", "keys"),
        ("API_KEYS_FILE", path.to_str().unwrap()),
        ("RATE_LIMIT_CALLER", "5"),
        ("RATE_LIMIT_ADDRESS", "1000"),
    ];
    let (_service, api) = Trade::start(&backend, &env).await;
    for _ in 0..20 {
        let reply = trades(&api, &[("authorization", &ann)]).await;
        let left = reply.headers["ratelimit"].to_str().unwrap();
        let (address, caller) = left.split_once(", ").expect("both of them");
        assert!(address.starts_with("\"address\";r=9"), "{reply}");
        if reply.status == 429 {
            assert_eq!(caller, "\"caller\";r=0;t=1");
            return;
        }
    }
    panic!("20 requests in a row are within a limit of 5 a second");
}

/// Whatever these requests say of where they come from, they have the limit of one address, of 20.
async fn assert_one_limit(api: &Client, forwarded_for: impl Fn(u32) -> String) {
    let began = Instant::now();
    let mut all = 0;
    for number in 0..10 {
        let made_up = forwarded_for(number);
        all += served(api, &[("x-forwarded-for", &made_up)], 20).await;
    }
    let most = most(20, began);
    assert!((20..=most).contains(&all), "{all} of at most {most}");
}

#[tokio::test]
async fn an_address_has_its_limit_and_nobody_makes_up_another() {
    let backend = Backend::both().await.into_iter().next().unwrap();
    let limit = ("RATE_LIMIT_ADDRESS", "20");
    let (service, api) = Trade::start(&backend, &[limit]).await;
    assert_one_limit(&api, |number| format!("198.51.100.{number}")).await;
    api.get("/health").await.expect(200);
    drop(service);

    // Where the peer is a proxy, its word counts, and that of nobody before it.
    let proxy = ("TRUSTED_PROXIES", "127.0.0.0/8, ::1/128");
    let (_service, api) = Trade::start(&backend, &[limit, proxy]).await;
    for number in 0..5 {
        let client = format!("198.51.100.{number}");
        assert_eq!(served(&api, &[("x-forwarded-for", &client)], 20).await, 20);
    }
    assert_one_limit(&api, |number| format!("198.51.100.{number}, 192.0.2.1")).await;
    // What asks from within has no limit.
    assert_eq!(served(&api, &[], 100).await, 100);
}
