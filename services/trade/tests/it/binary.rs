//! The binary: its settings, its exit codes, its health check, its log.

use std::{fs, path::Path, time::Duration};

use testkit::{Service, http::Client};

use crate::support::{BINARY, Backend, Trade, buy, on_both, order, order_body, post_text, rows};

const DEADLINE: Duration = Duration::from_secs(20);

/// Runs the binary to its end; yields its exit code and all that it wrote.
async fn run(args: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String) {
    let service = Service::spawn(Path::new(BINARY), args, env);
    let status = service.wait(DEADLINE).await;
    (status.code(), service.log())
}

/// Fails to start, and says why in one line that has all of `words`.
#[track_caller]
fn assert_refused((code, log): (Option<i32>, String), words: &[&str]) {
    assert_eq!(code, Some(1), "{log}");
    assert!(!log.contains("panicked"), "{log}");
    let mut reasons = log.lines().filter(|line| line.starts_with("error: "));
    let reason = reasons
        .next()
        .unwrap_or_else(|| panic!("no reason in {log}"));
    assert_eq!(reasons.next(), None, "{log}");
    for word in words {
        assert!(reason.contains(word), "{word:?} in {reason:?}");
    }
}

#[tokio::test]
async fn all_wrong_settings_are_named_in_one_message() {
    let wrong = [
        ("PORT", "many"),
        ("HOST", "nowhere"),
        ("LANES", "0"),
        ("LOG_FORMAT", "xml"),
        ("DRAIN_TIMEOUT_SECONDS", "-1"),
        ("CATALOGUE_URL", "ftp://catalogue"),
        ("DATABASE_URL_FILE", "/nowhere/url"),
        ("LOG", "trade=loud=louder"),
    ];
    let (code, log) = run(&[], &wrong).await;
    assert_eq!(code, Some(1), "{log}");
    assert_eq!(log.matches("error: ").count(), 1, "{log}");
    for (name, _) in wrong {
        let is_named = log.contains(&format!("  {name}: "));
        assert!(is_named, "{name} in {log}");
    }
}

#[tokio::test]
async fn nobody_leaves_stage_and_prod_open() {
    for environment in ["stage", "prod"] {
        let open = [("APP_ENV", environment)];
        assert_refused(run(&[], &open).await, &["1 value is wrong"]);
        let said = run(&[], &open).await.1;
        assert!(
            said.contains(&format!("AUTH: \"open\" is not for {environment}")),
            "{said}"
        );
    }
    let (_, said) = run(&[], &[("AUTH", "keys")]).await;
    assert!(said.contains("AUTH: \"keys\" wants API_KEYS"), "{said}");
    let (_, said) = run(&[], &[("AUTH", "jwt"), ("JWT_AUDIENCE", "stocks")]).await;
    assert!(said.contains("AUTH: \"jwt\" wants JWT_ISSUER"), "{said}");
    for wrong in ["accounts.example", "ftp://accounts.example", "https:"] {
        let (_, said) = run(&[], &[("JWT_ISSUER", wrong)]).await;
        assert!(said.contains("JWT_ISSUER: "), "{said}");
    }
    let (_, said) = run(&[], &[("TRUSTED_PROXIES", "10.0.0.0/40")]).await;
    assert!(said.contains("TRUSTED_PROXIES: "), "{said}");
    let (_, said) = run(&[], &[("AUTH", "closed")]).await;
    assert!(
        said.contains("AUTH: \"closed\": must be open, keys or jwt"),
        "{said}"
    );
}

#[tokio::test]
async fn a_limit_that_nothing_could_work_with_is_refused() {
    let mut taken = Vec::new();
    for setting in [
        ("DATABASE_MAX_CONNECTIONS", "0"),
        ("MAX_CONNECTIONS", "0"),
        ("MAX_CONNECTIONS", "18446744073709551615"),
        ("MAX_IN_FLIGHT", "0"),
        ("MAX_IN_FLIGHT", "18446744073709551615"),
        ("REQUEST_TIMEOUT_SECONDS", "0"),
        ("LANES", "18446744073709551615"),
    ] {
        // A folder that cannot be made ends it soon if the setting does not.
        let data = ("DATA_DIR", "/proc/nowhere");
        let (code, log) = run(&[], &[setting, data]).await;
        assert_eq!(code, Some(1), "{log}");
        if !log.contains(setting.0) {
            taken.push(setting);
        }
    }
    assert_eq!(taken, []);
}

#[tokio::test]
async fn a_database_that_is_not_served_is_refused_without_telling_its_password() {
    for url in [
        "mysql://trade:planted-password@db/stocks",
        "postgres//trade:planted-password@db/stocks",
        "planted-password",
        "postgres://trade:planted-password@db:99999999/stocks",
    ] {
        let (code, log) = run(&[], &[("DATABASE_URL", url)]).await;
        assert!(!log.contains("planted-password"), "{log}");
        assert_refused((code, log), &["DATABASE_URL"]);
    }
}

#[tokio::test]
async fn the_url_of_the_database_is_read_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let [_, postgres] = Backend::both().await;
    let (service, api) = Trade::start(&postgres, &[]).await;
    buy(&api, "ann", "AAPL", ["1", "1"]).await;
    drop(service);

    let file = folder.path().join("url");
    fs::write(&file, format!("{}\n", postgres.setting().1)).unwrap();
    // The file is preferred to the variable.
    let env = [
        ("DATABASE_URL", "postgres://postgres@127.0.0.1:1/other"),
        ("DATABASE_URL_FILE", file.to_str().unwrap()),
    ];
    let service = Service::spawn(Path::new(BINARY), &[], &env);
    let api = service.wait_ready().await;
    assert_eq!(rows(&api.get("/portfolio/ann").await).len(), 1);
}

#[tokio::test]
async fn a_port_in_use_ends_it_with_one_clear_line() {
    on_both(&[], async |api| {
        let address = api.base_url().trim_start_matches("http://");
        let port = address.split(':').next_back().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let data = ("DATA_DIR", folder.path().to_str().unwrap());
        let ended = run(&[], &[("PORT", port), data]).await;
        assert_refused(ended, &["cannot listen", address]);
        api.get("/health").await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_made_ends_it_with_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "not a folder").unwrap();
    let below_a_file = file.join("data").display().to_string();
    for data in [below_a_file.as_str(), "/proc/nowhere"] {
        let ended = run(&[], &[("DATA_DIR", data)]).await;
        assert_refused(ended, &["data folder", data]);
    }
    // The database's own name is taken by a folder.
    fs::create_dir(folder.path().join("trade.db")).unwrap();
    let data = folder.path().to_str().unwrap();
    let ended = run(&[], &[("DATA_DIR", data)]).await;
    assert_refused(ended, &["cannot open the database", data]);
}

#[tokio::test]
async fn a_second_process_on_one_embedded_database_ends_with_one_clear_line() {
    let [sqlite, _] = Backend::both().await;
    let (_service, api) = Trade::start(&sqlite, &[]).await;
    let (name, folder) = sqlite.setting();
    assert_refused(run(&[], &[(name, &folder)]).await, &["in use", &folder]);
    api.get("/health").await.expect(200);
}

#[tokio::test]
async fn the_health_check_tells_a_running_service_from_none() {
    let mut port = String::new();
    for backend in Backend::both().await {
        let (_service, api) = Trade::start(&backend, &[]).await;
        let address = api.base_url().trim_start_matches("http://");
        address
            .split(':')
            .next_back()
            .unwrap()
            .clone_into(&mut port);
        for host in ["127.0.0.1", "0.0.0.0"] {
            let env = [("PORT", &*port), ("HOST", host)];
            let (code, log) = run(&["healthcheck"], &env).await;
            assert_eq!(code, Some(0), "{log}");
        }
    }
    let ended = run(&["healthcheck"], &[("PORT", &port)]).await;
    assert_refused(ended, &["cannot reach", &port]);
}

#[tokio::test]
async fn a_word_that_is_no_command_is_a_wrong_usage() {
    let (code, log) = run(&["begin"], &[]).await;
    assert_eq!(code, Some(2), "{log}");
    let (code, log) = run(&["--version"], &[]).await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains(env!("CARGO_PKG_VERSION")), "{log}");
}

/// The URL with a password in it, which a server that trusts everyone does not look at.
fn with_password(url: &str, password: &str) -> (String, String) {
    let (user, rest) = url.split_once('@').unwrap();
    let scheme_and_user = user.trim_start_matches("postgres://");
    match scheme_and_user.split_once(':') {
        Some((_, given)) => (url.to_owned(), given.to_owned()),
        None => (format!("{user}:{password}@{rest}"), password.to_owned()),
    }
}

async fn provoke(api: &Client) {
    buy(api, "ann", "AAPL", ["1", "1"]).await;
    order(api, "sell", "ann", "AAPL", ["987654.321", "1"])
        .await
        .expect(422);
    for body in [
        order_body("ann", "AAPL", "2", "1"),
        order_body("ann", "AAPL", "987654.321", "planted"),
        r#"{"planted":"987654.321"}"#.to_owned(),
    ] {
        let request = post_text(api, "/trades/buy", body);
        let keyed = request.header("idempotency-key", "planted-key-987654.321");
        api.request(keyed.header("authorization", "Bearer planted"))
            .await;
    }
    api.get("/planted/987654.321?planted=1").await.expect(404);
}

#[tokio::test]
async fn the_log_holds_no_body_no_key_and_no_password() {
    for level in ["info", "debug"] {
        for backend in Backend::both().await {
            let mut password = "planted-password".to_owned();
            let mut env = vec![("LOG", level.to_owned())];
            if let Backend::Postgres(database) = &backend {
                let (url, given) = with_password(&database.url(), &password);
                password = given;
                env.push(("DATABASE_URL", url));
            }
            let env: Vec<_> = env.iter().map(|(name, value)| (*name, &**value)).collect();
            let (service, api) = Trade::start(&backend, &env).await;
            provoke(&api).await;
            service.terminate();
            assert!(service.wait(DEADLINE).await.success());
            let log = service.log();
            assert!(log.contains(r#""message":"listening""#), "{log}");
            for secret in ["987654", "planted", &password] {
                assert!(!log.contains(secret), "{secret:?} in {log}");
            }
        }
    }
}
