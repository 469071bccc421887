//! The README is true: its table of settings is made from the settings, its calls are made against a
//! running instance, its table of calls is the one of the OpenAPI documents.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use service_kit::settings::{Reader, SettingRow};
use testkit::Service;
use testkit::http::Client;

const SETTINGS_START: &str = "<!-- settings: written by the test of this file -->\n";
const SETTINGS_END: &str = "<!-- end of settings -->";

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")
}

fn readme() -> String {
    fs::read_to_string(path()).expect("README.md can be read")
}

fn start(env: &[(&str, &str)]) -> Service {
    let ports = [("STOCK_LISTING_PORT", "0"), ("TRADE_PORT", "0")];
    let env: Vec<_> = ports.iter().chain(env).copied().collect();
    Service::spawn(Path::new(env!("CARGO_BIN_EXE_stocks")), &[], &env)
}

/// The shell blocks that call the services.
fn curl_blocks(readme: &str) -> Vec<&str> {
    let blocks = readme
        .split("```sh\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    blocks.filter(|block| block.contains("curl ")).collect()
}

async fn run_blocks(service: &Service) {
    let catalogue = service.wait_ready_of("stock-listing").await;
    let trading = service.wait_ready_of("trade").await;
    let blocks = readme();
    let blocks = curl_blocks(&blocks);
    assert!(blocks.len() >= 3, "the README has lost its calls");
    for block in blocks {
        let script = block
            .replace("http://localhost:8000", catalogue.base_url())
            .replace("http://localhost:8001", trading.base_url());
        let script = format!(
            "set -e\ncurl() {{ command curl -sS --fail-with-body \"$@\"; echo; }}\n{script}"
        );
        let output = Command::new("sh")
            .args(["-c", &script])
            .output()
            .expect("sh and curl are installed");
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "{block}\n{out}\n{err}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_of_the_readme_works_on_the_embedded_database() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let service = start(&[("DATA_DIR", folder.path().to_str().expect("a path in UTF-8"))]);
    run_blocks(&service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_of_the_readme_works_on_postgresql() {
    let database = testkit::postgres::database().await;
    let service = start(&[("DATABASE_URL", &database.url()), ("SEED_STOCKS", "true")]);
    run_blocks(&service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_calls_is_that_of_the_services() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let service = start(&[("DATA_DIR", folder.path().to_str().expect("a path in UTF-8"))]);
    let mut served = calls(&service.wait_ready_of("stock-listing").await).await;
    served.append(&mut calls(&service.wait_ready_of("trade").await).await);
    let readme = readme();
    let rows = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let listed: BTreeSet<String> = rows
        .filter(|row| row.contains(" /"))
        .map(str::to_owned)
        .collect();
    assert_eq!(listed, served);
}

async fn calls(client: &Client) -> BTreeSet<String> {
    let document = client.get("/openapi.json").await.expect(200).json();
    let paths = document["paths"].as_object().expect("an object of paths");
    let methods = |(path, item): (&String, &Value)| -> Vec<String> {
        let methods = item.as_object().expect("an object of methods").keys();
        methods
            .map(|method| format!("{} {path}", method.to_uppercase()))
            .collect()
    };
    paths.iter().flat_map(methods).collect()
}

/// Run with `UPDATE_README=1` to write the table.
#[test]
fn the_table_of_settings_is_made_from_the_settings() {
    let mut reader = Reader::new([]);
    stock_listing::Settings::read_with_port(&mut reader, "STOCK_LISTING_PORT");
    trade::Settings::read_with_port(&mut reader, "TRADE_PORT");
    let table = SettingRow::table(reader.rows());
    let readme = readme();
    let (before, rest) = readme
        .split_once(SETTINGS_START)
        .expect("the start of the settings");
    let (shown, after) = rest
        .split_once(SETTINGS_END)
        .expect("the end of the settings");
    if option_env!("UPDATE_README").is_some() {
        let updated = format!("{before}{SETTINGS_START}{table}{SETTINGS_END}{after}");
        fs::write(path(), updated).expect("README.md can be written");
        return;
    }
    assert_eq!(
        shown, table,
        "write it with UPDATE_README=1 cargo test -p stocks"
    );
}
