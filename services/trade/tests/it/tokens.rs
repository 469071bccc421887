//! Tokens of an OIDC issuer: whose they are, what they grant, and which are refused.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::http::{Client, Method, Reply};
use testkit::issuer::{Issuer, Signer, now, token_with_secret, token_without_signature};
use testkit::{Backend, Service, eventually};

use crate::support::{Trade, order_body, post_text};

/// New keys count within this time, whoever has asked before.
const RENEWED_WITHIN: Duration = Duration::from_secs(15);

struct Fixture {
    issuer: Issuer,
    signer: Signer,
    service: Service,
    api: Client,
    /// Its data goes with it.
    _backend: Backend,
}

impl Fixture {
    /// A service that takes the tokens of an issuer with one key.
    async fn start() -> Self {
        let signer = Signer::new("one");
        let issuer = Issuer::start(&[&signer]).await;
        let backend = Backend::both().await.into_iter().next().unwrap();
        let env = settings(issuer.url());
        let (service, api) = Trade::start(&backend, &env).await;
        let fixture = Self {
            issuer,
            signer,
            service,
            api,
            _backend: backend,
        };
        fixture.wait_for(&fixture.claims(&json!({}))).await;
        fixture
    }

    /// Claims that are taken, with these changes; null takes one away.
    fn claims(&self, changes: &Value) -> Value {
        let mut claims = json!({
            "iss": self.issuer.url(), "aud": "stocks", "sub": "ann", "scope": "openid orders",
            "iat": now(), "exp": now() + 300,
        });
        let members = claims.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            members.insert(name.clone(), value.clone());
        }
        members.retain(|_, value| !value.is_null());
        claims
    }

    async fn wait_for(&self, claims: &Value) {
        let token = self.signer.token(claims);
        eventually(RENEWED_WITHIN, "its keys have come", async || {
            trades(&self.api, &token, "ann").await.status == 200
        })
        .await;
    }
}

fn settings(issuer: &str) -> [(&str, &str); 3] {
    [
        ("AUTH", "jwt"),
        ("JWT_ISSUER", issuer),
        ("JWT_AUDIENCE", "stocks"),
    ]
}

async fn trades(api: &Client, token: &str, user: &str) -> Reply {
    let request = api.builder(Method::GET, &format!("/trades?user_id={user}"));
    api.request(request.bearer_auth(token)).await
}

#[tokio::test]
async fn a_token_is_for_its_subject_and_for_whomever_its_scopes_name() {
    let fixture = Fixture::start().await;
    for (changes, [ann, bob]) in [
        (json!({}), [200, 403]),
        (json!({"scope": "orders:bob"}), [403, 200]),
        (json!({"scope": "orders orders:bob"}), [200, 200]),
        (json!({"scope": ["email", "orders"]}), [200, 403]),
        (json!({"scope": "orders:*"}), [200, 200]),
        (json!({"scope": "openid profile read"}), [403, 403]),
        (json!({"scope": null}), [403, 403]),
        (json!({"sub": "nobody's user"}), [403, 403]),
        (json!({"aud": ["other", "stocks"]}), [200, 403]),
        // Half a minute is what clocks may differ.
        (json!({"exp": now() - 20}), [200, 403]),
        (json!({"nbf": now() + 20}), [200, 403]),
    ] {
        let token = fixture.signer.token(&fixture.claims(&changes));
        for (user, status) in [("ann", ann), ("bob", bob)] {
            let reply = trades(&fixture.api, &token, user).await;
            assert_eq!(reply.status, status, "{user} with {changes}: {reply}");
        }
    }

    let token = fixture.signer.token(&fixture.claims(&json!({})));
    let order = order_body("ann", "AAPL", "1", "1.50");
    let order = post_text(&fixture.api, "/trades/buy", order).bearer_auth(&token);
    let placed = fixture.api.request(order).await.expect(201).json();
    assert_eq!(placed["placed_by"], "sub:ann");
    eventually(RENEWED_WITHIN, "it is on record", async || {
        let log = fixture.service.log();
        log.contains(r#""caller":"sub:ann""#)
    })
    .await;
    let said = fixture.service.log();
    assert!(!said.contains(&token), "{said}");
}

#[tokio::test]
async fn tokens_that_do_not_count_are_refused() {
    let fixture = Fixture::start().await;
    let (signer, good) = (&fixture.signer, fixture.claims(&json!({})));
    let header = json!({"alg": "ES256", "kid": "one"});
    let changed = |changes: Value| signer.token(&fixture.claims(&changes));
    let alg = |alg: &str| json!({"alg": alg, "kid": "one"});
    let stranger = Signer::new("one");
    let mut tampered: Vec<String> = signer.token(&good).split('.').map(str::to_owned).collect();
    tampered[1] = signer
        .token(&fixture.claims(&json!({"sub": "bob"})))
        .split('.')
        .nth(1)
        .unwrap()
        .to_owned();
    for (what, token) in [
        ("expired", changed(json!({"exp": now() - 60}))),
        ("not yet valid", changed(json!({"nbf": now() + 60}))),
        (
            "of another issuer",
            changed(json!({"iss": "https://somebody.example"})),
        ),
        ("for another audience", changed(json!({"aud": "bonds"}))),
        ("for nobody", changed(json!({"aud": null}))),
        ("of nobody", changed(json!({"iss": null}))),
        ("without an end", changed(json!({"exp": null}))),
        ("without a subject", changed(json!({"sub": null}))),
        ("none", token_without_signature(&alg("none"), &good)),
        (
            "without its signature",
            token_without_signature(&header, &good),
        ),
        ("with another's signature", stranger.token(&good)),
        ("tampered with", tampered.join(".")),
        (
            "HS256 with the public key",
            token_with_secret(&alg("HS256"), &good, signer.public_pem().as_bytes()),
        ),
        (
            "HS256 with the point",
            token_with_secret(&alg("HS256"), &good, signer.point()),
        ),
        (
            "signed otherwise than it says",
            signer.token_with(&alg("RS256"), &good),
        ),
        (
            "signed for another curve",
            signer.token_with(&alg("ES384"), &good),
        ),
        (
            "with demands",
            signer.token_with(
                &json!({"alg": "ES256", "kid": "one", "crit": ["b64"], "b64": "x"}),
                &good,
            ),
        ),
        ("with an unknown key", Signer::new("two").token(&good)),
        ("a key", "sk_00000000_kkk".to_owned()),
        ("nothing", "..".to_owned()),
    ] {
        let reply = trades(&fixture.api, &token, "ann").await;
        assert_eq!(reply.status, 401, "{what}: {reply}");
        reply.problem(401, "unauthenticated");
    }
    trades(&fixture.api, &signer.token(&good), "ann")
        .await
        .expect(200);
    // A token whose issuer has one key alone need not name it.
    let token = signer.token_with(&json!({"alg": "ES256"}), &good);
    trades(&fixture.api, &token, "ann").await.expect(200);
}

#[tokio::test]
async fn a_new_key_counts_soon_and_one_that_was_rotated_out_no_more() {
    let fixture = Fixture::start().await;
    let claims = fixture.claims(&json!({}));
    let (old, new) = (fixture.signer.token(&claims), Signer::new("two"));
    fixture.issuer.publish(&[&new]);
    let token = new.token(&claims);
    eventually(RENEWED_WITHIN, "the new key counts", async || {
        trades(&fixture.api, &token, "ann").await.status == 200
    })
    .await;
    trades(&fixture.api, &old, "ann")
        .await
        .problem(401, "unauthenticated");

    // Whoever makes up keys does not make us ask more often.
    let asked = fixture.issuer.asked();
    for number in 0..200 {
        let stranger = Signer::new(&format!("{number}")).token(&claims);
        trades(&fixture.api, &stranger, "ann").await.expect(401);
    }
    let asked = fixture.issuer.asked() - asked;
    assert!(asked <= 2, "asked {asked} times");
}

#[tokio::test]
async fn known_keys_go_on_counting_while_the_issuer_is_down() {
    let mut fixture = Fixture::start().await;
    fixture.issuer.stop().await;
    let claims = fixture.claims(&json!({}));
    let token = fixture.signer.token(&claims);
    trades(&fixture.api, &token, "ann").await.expect(200);
    // It is asked anew for the sake of an unknown one, in vain.
    let unknown = Signer::new("two").token(&claims);
    eventually(RENEWED_WITHIN, "the log says so", async || {
        let refused = trades(&fixture.api, &unknown, "ann").await;
        refused.problem(401, "unauthenticated");
        let log = fixture.service.log();
        log.contains("cannot get the keys of tokens")
    })
    .await;
    trades(&fixture.api, &token, "ann").await.expect(200);

    // A service that starts meanwhile knows none, and learns them.
    let backend = Backend::both().await.into_iter().next().unwrap();
    let (_service, api) = Trade::start(&backend, &settings(fixture.issuer.url())).await;
    trades(&api, &token, "ann")
        .await
        .problem(503, "keys_unavailable");
    fixture.issuer.restart().await;
    eventually(RENEWED_WITHIN, "it has learnt them", async || {
        trades(&api, &token, "ann").await.status == 200
    })
    .await;
}

#[tokio::test]
async fn an_issuer_that_calls_itself_otherwise_is_none() {
    let signer = Signer::new("one");
    let issuer = Issuer::start(&[&signer]).await;
    let backend = Backend::both().await.into_iter().next().unwrap();
    let url = format!("{}/", issuer.url());
    let (service, api) = Trade::start(&backend, &settings(&url)).await;
    eventually(RENEWED_WITHIN, "the log says so", async || {
        service.log().contains("it calls itself")
    })
    .await;
    let claims =
        json!({"iss": url, "aud": "stocks", "sub": "ann", "scope": "orders", "exp": now() + 300});
    let token = signer.token(&claims);
    trades(&api, &token, "ann")
        .await
        .problem(503, "keys_unavailable");
}
