//! Probes, metrics, and what every answer carries.

use testkit::http::Method;

use crate::support::{SEEDED, on_both, post_text, quote};

#[tokio::test]
async fn a_healthy_service_says_so_in_each_probe() {
    on_both(&SEEDED, async |api| {
        for path in ["/health", "/livez", "/readyz"] {
            let reply = api.get(path).await.expect(200);
            let version = env!("CARGO_PKG_VERSION");
            let expected = format!(
                r#"{{"status":"healthy","service":"stock-listing","version":"{version}"}}"#
            );
            assert_eq!(reply.text(), expected, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn metrics_name_routes_and_never_what_a_client_put_into_a_path() {
    on_both(&SEEDED, async |api| {
        quote(api, "PLANTED", "price=1").await.expect(404);
        for path in [
            "/stocks/AAPL",
            "/stocks/PLANTED",
            "/stocks/PLANTED/price",
            "/stocks?sector=planted",
            "/planted-path",
            "/planted-path/%00",
        ] {
            api.get(path).await;
        }
        let odd = Method::from_bytes(b"PLANTED").unwrap();
        api.request(api.builder(odd, "/stocks")).await.expect(405);

        let reply = api.get("/metrics").await.expect(200);
        let kind = reply.header("content-type").unwrap();
        assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
        let text = reply.text();
        for planted in ["planted", "PLANTED", "AAPL"] {
            assert!(!text.contains(planted), "{planted} in {text}");
        }
        assert!(text.ends_with("# EOF\n"), "{text}");
        for route in [
            r#"method="GET",route="/stocks",status="200""#,
            r#"method="GET",route="/stocks/{symbol}",status="404""#,
            r#"method="PUT",route="/stocks/{symbol}/price",status="404""#,
            r#"method="GET",route="unmatched",status="404""#,
            r#"method="other",route="/stocks",status="405""#,
            r#"service="stock-listing""#,
        ] {
            assert!(text.contains(route), "{route} in {text}");
        }
    })
    .await;
}

#[tokio::test]
async fn every_answer_carries_the_clients_request_id_when_it_is_sane_and_a_new_one_otherwise() {
    on_both(&SEEDED, async |api| {
        let long = "x".repeat(128);
        for sane in ["a", "req-1.2_3:4", &long] {
            for path in ["/health", "/stocks/AAPL", "/nowhere", "/stocks", "/metrics"] {
                let request = api.builder(Method::GET, path);
                let reply = api.request(request.header("x-request-id", sane)).await;
                assert_eq!(reply.header("x-request-id"), Some(sane), "{reply}");
            }
        }
        let too_long = "x".repeat(129);
        for other in ["", "a b", "a\"b", "a,b", "{}", "é", &too_long] {
            let request = api.builder(Method::GET, "/nowhere");
            let reply = api.request(request.header("x-request-id", other)).await;
            reply.problem(404, "not_found");
            let id = reply.header("x-request-id").unwrap();
            assert!(id.len() == 36 && id != other, "{reply}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_unknown_path_is_a_404_and_a_wrong_method_a_405_with_those_allowed() {
    on_both(&SEEDED, async |api| {
        for path in [
            "/",
            "/stock",
            "/stocks/",
            "//stocks",
            "/STOCKS",
            "/stocks/AAPL/",
            "/stocks/AAPL/prices",
            "/stocks/AAPL/price/1",
            "/.env",
            "/docs/nowhere",
        ] {
            api.get(path).await.problem(404, "not_found");
        }
        for (method, path, allowed) in [
            ("DELETE", "/stocks", "GET,HEAD,POST"),
            ("PUT", "/stocks/AAPL", "GET,HEAD"),
            ("POST", "/stocks/AAPL/price", "GET,HEAD,PUT"),
            ("OPTIONS", "/stocks", "GET,HEAD,POST"),
            ("TRACE", "/stocks", "GET,HEAD,POST"),
            ("BREW", "/health", "GET,HEAD"),
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let reply = api.request(api.builder(method, path)).await;
            reply.problem(405, "method_not_allowed");
            let mut found: Vec<_> = reply.header("allow").unwrap().split(',').collect();
            found.sort_unstable();
            assert_eq!(found.join(","), allowed, "{reply}");
        }
        for path in ["/openapi.json", "/docs/"] {
            let reply = api.request(api.builder(Method::DELETE, path)).await;
            reply.problem(405, "method_not_allowed");
            assert!(reply.header("allow").is_some(), "{reply}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_problem_has_its_documented_members_and_no_other() {
    on_both(&SEEDED, async |api| {
        let wrong = r#"{"symbol":"1A","name":"n","current_price":1}"#;
        let reply = api.request(post_text(api, wrong)).await;
        let problem = reply.problem(422, "validation_failed");
        let mut names: Vec<_> = problem.as_object().unwrap().keys().collect();
        names.sort();
        let documented = [
            "code", "detail", "errors", "instance", "status", "title", "type",
        ];
        assert_eq!(names, documented);
        assert_eq!(problem["type"], "urn:stocks-app:problem:validation_failed");
        assert_eq!(problem["errors"][0]["pointer"], "/symbol");
        assert!(problem["errors"][0]["detail"].is_string());

        let problem = api.get("/stocks?limit=0&skip=-1&colour=red").await;
        let problem = problem.problem(422, "validation_failed");
        let errors = problem["errors"].as_array().unwrap();
        let mut wrong: Vec<_> = errors
            .iter()
            .map(|error| error["parameter"].as_str().unwrap())
            .collect();
        wrong.sort_unstable();
        assert_eq!(wrong, ["colour", "limit", "skip"], "all of them at once");
    })
    .await;
}
