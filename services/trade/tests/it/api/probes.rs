//! Probes, metrics, and what every answer carries.

use testkit::http::Method;

use crate::support::{buy, on_both, order_body, post_text};

#[tokio::test]
async fn a_healthy_service_says_so_in_each_probe() {
    on_both(&[], async |api| {
        for path in ["/health", "/livez", "/readyz"] {
            let reply = api.get(path).await.expect(200);
            let version = env!("CARGO_PKG_VERSION");
            let expected =
                format!(r#"{{"status":"healthy","service":"trade","version":"{version}"}}"#);
            assert_eq!(reply.text(), expected, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn metrics_name_routes_and_never_what_a_client_put_into_a_path() {
    on_both(&[], async |api| {
        buy(api, "planted-user", "PLANTED", ["1", "1"]).await;
        for path in [
            "/portfolio/planted-user",
            "/portfolio/planted-user/summary",
            "/trades?user_id=planted-user",
            "/trades/planted-id",
            "/planted-path",
            "/planted-path/%00",
        ] {
            api.get(path).await;
        }
        let odd = Method::from_bytes(b"PLANTED").unwrap();
        api.request(api.builder(odd, "/trades")).await.expect(405);

        let reply = api.get("/metrics").await.expect(200);
        let kind = reply.header("content-type").unwrap();
        assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
        let text = reply.text();
        assert!(!text.to_lowercase().contains("planted"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
        for route in [
            r#"method="POST",route="/trades/buy",status="201""#,
            r#"method="GET",route="/portfolio/{user_id}",status="200""#,
            r#"method="GET",route="/trades/{trade_id}",status="422""#,
            r#"method="GET",route="unmatched",status="404""#,
            r#"method="other",route="/trades",status="405""#,
            r#"service="trade""#,
        ] {
            assert!(text.contains(route), "{route} in {text}");
        }
    })
    .await;
}

#[tokio::test]
async fn every_answer_carries_the_clients_request_id_when_it_is_sane_and_a_new_one_otherwise() {
    on_both(&[], async |api| {
        let long = "x".repeat(128);
        for sane in ["a", "req-1.2_3:4", &long] {
            for path in [
                "/health",
                "/portfolio/ann",
                "/nowhere",
                "/trades",
                "/metrics",
            ] {
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
async fn head_answers_as_get_does_but_for_the_body() {
    on_both(&[], async |api| {
        buy(api, "ann", "AAPL", ["1", "1"]).await;
        for path in [
            "/trades?user_id=ann",
            "/portfolio/ann",
            "/portfolio/ann/summary",
            "/health",
        ] {
            let get = api.get(path).await.expect(200);
            let head = api
                .request(api.builder(Method::HEAD, path))
                .await
                .expect(200);
            assert!(head.body.is_empty(), "{head}");
            for name in ["content-type", "content-length"] {
                assert_eq!(head.header(name), get.header(name), "{name} of {head}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_unknown_path_is_a_404_and_a_wrong_method_a_405_with_those_allowed() {
    on_both(&[], async |api| {
        for path in [
            "/",
            "/trade",
            "/trades/",
            "//trades",
            "/portfolio",
            "/portfolio/",
            "/TRADES",
            "/portfolio/a/b",
            "/.env",
        ] {
            api.get(path).await.problem(404, "not_found");
        }
        for (method, path, allowed) in [
            ("DELETE", "/trades", "GET,HEAD"),
            ("POST", "/trades", "GET,HEAD"),
            ("GET", "/trades/buy", "POST"),
            ("PUT", "/trades/sell", "POST"),
            ("OPTIONS", "/trades/buy", "POST"),
            ("PATCH", "/portfolio/ann", "GET,HEAD"),
            ("TRACE", "/portfolio/ann/summary", "GET,HEAD"),
            ("BREW", "/health", "GET,HEAD"),
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let reply = api.request(api.builder(method, path)).await;
            reply.problem(405, "method_not_allowed");
            assert_eq!(reply.header("allow"), Some(allowed), "{reply}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_problem_has_its_documented_members_and_no_other() {
    on_both(&[], async |api| {
        let wrong = order_body("a/b", "AAPL", "1", "1");
        let problem = api.request(post_text(api, "/trades/buy", wrong)).await;
        let problem = problem.problem(422, "validation_failed");
        let mut names: Vec<_> = problem.as_object().unwrap().keys().collect();
        names.sort();
        let documented = [
            "code", "detail", "errors", "instance", "status", "title", "type",
        ];
        assert_eq!(names, documented);
        assert_eq!(problem["type"], "urn:stocks-app:problem:validation_failed");
        assert_eq!(problem["errors"][0]["pointer"], "/user_id");
        assert!(problem["errors"][0]["detail"].is_string());

        let problem = api.get("/trades?limit=0&side=up").await;
        let problem = problem.problem(422, "validation_failed");
        let wrong: Vec<_> = problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["parameter"].as_str().unwrap())
            .collect();
        assert_eq!(wrong, ["user_id", "side", "limit"], "all of them at once");
    })
    .await;
}
