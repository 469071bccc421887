//! Bodies of new stocks.

use testkit::http::{Client, Method};

use super::assert_refused;
use crate::support::{SEEDED, on_both, post_text};

const MALFORMED: &str = "400 malformed_request";

/// A stock in which one member has this JSON text; the others are fine.
fn with(member: &str, value: &str) -> String {
    let members = [
        ("symbol", r#""NEW""#),
        ("name", r#""New Inc.""#),
        ("sector", r#""Any""#),
        ("current_price", "1"),
        ("change_pct", "0"),
        ("volume", "0"),
        ("market_cap", "0"),
    ];
    let text = |(name, fine): (&str, &str)| {
        let value = if name == member { value } else { fine };
        format!("{name:?}:{value}")
    };
    format!("{{{}}}", members.map(text).join(","))
}

fn fine() -> String {
    with("", "")
}

async fn assert_bodies(api: &Client, table: &[(String, &str)]) {
    let mut requests = Vec::new();
    for (body, expected) in table {
        let shown: String = body.chars().take(160).collect();
        requests.push((shown, post_text(api, body.as_str()), *expected));
    }
    assert_refused(api, requests).await;
}

#[tokio::test]
async fn a_number_that_breaks_its_rule_is_refused_at_its_place() {
    let rules: [(&str, &[&str]); 4] = [
        (
            "422 validation_failed /current_price",
            &[
                "0",
                "-1",
                "-0",
                "0e5",
                "1.00001",
                "5e-5",
                "10000000000",
                "1e10",
                "null",
            ],
        ),
        (
            "422 validation_failed /change_pct",
            &[
                "-100.0001",
                "-101",
                "1000000.0001",
                "1e7",
                "0.00001",
                "null",
            ],
        ),
        (
            "422 validation_failed /volume",
            &["-1", "1.5", "0.1", "9223372036854775808", "1e19", "null"],
        ),
        (
            "422 validation_failed /market_cap",
            &["-1", "-0.000001", "0.0000001", "1000000000000", "1e12"],
        ),
    ];
    let of_every_number = [
        "1e400",
        "1e-400",
        "1e99999999999",
        r#""abc""#,
        r#""""#,
        r#"" 1""#,
        r#""+1""#,
        r#""1.""#,
        r#"".5""#,
        r#""01""#,
        r#""0x10""#,
        r#""1,5""#,
        r#""NaN""#,
        r#""Infinity""#,
        r#""1\u0000""#,
        "true",
        "[]",
        "[1]",
        "{}",
        r#"{"a":1}"#,
    ];
    let malformed = [
        "NaN", "Infinity", "+1", "01", ".5", "1.", "1x10", "1e", "1 1", "",
    ];
    on_both(&SEEDED, async |api| {
        let mut table = Vec::new();
        for (expected, texts) in rules {
            let (_, member) = expected.split_once('/').unwrap();
            for text in texts.iter().chain(&of_every_number) {
                table.push((with(member, text), expected));
            }
            for text in malformed {
                table.push((with(member, text), MALFORMED));
            }
        }
        let digits = format!("1.{}", "0".repeat(60_000));
        let expected = "422 validation_failed /current_price";
        table.push((with("current_price", &digits), expected));
        assert_bodies(api, &table).await;
    })
    .await;
}

#[tokio::test]
async fn a_text_that_breaks_its_rule_is_refused_at_its_place() {
    let quoted = |character: &str, times| format!("{:?}", character.repeat(times));
    let (long_symbol, long_name, long_sector) =
        (quoted("A", 13), quoted("é", 256), quoted("é", 101));
    let no_text = ["1", "true", "[]", r#"["A"]"#, "{}", r#""""#];
    let symbols = [
        r#"" ""#,
        r#""1A""#,
        r#"".A""#,
        r#""A B""#,
        r#""A/B""#,
        r#""A'B""#,
        r#""A\"B""#,
        r#""A;--""#,
        r#""A\u0000""#,
        r#""Ä""#,
        r#""A\u212a""#,
        r#""AAPL ""#,
        &long_symbol,
        "null",
    ];
    let names = [
        r#""a\u0000b""#,
        r#""a\nb""#,
        r#""\u007f""#,
        r#""\u001b[2J""#,
        &long_name,
        "null",
    ];
    let sectors = [r#""a\u0000b""#, r#""a\tb""#, &long_sector];
    on_both(&SEEDED, async |api| {
        let mut table = Vec::new();
        for text in symbols.iter().chain(&no_text) {
            table.push((with("symbol", text), "422 validation_failed /symbol"));
        }
        for text in names.iter().chain(&no_text) {
            table.push((with("name", text), "422 validation_failed /name"));
        }
        for text in sectors.iter().chain(&no_text) {
            table.push((with("sector", text), "422 validation_failed /sector"));
        }
        for text in [r#""\ud800""#, r#""\x41""#, "\"A\nB\"", "'A'"] {
            for member in ["symbol", "name", "sector"] {
                table.push((with(member, text), MALFORMED));
            }
        }
        assert_bodies(api, &table).await;
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_no_stock_is_refused() {
    let object = fine();
    let inside = &object[1..object.len() - 1];
    let nested = "[".repeat(60_000);
    let closed = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let table = [
        (String::new(), MALFORMED),
        ("{".into(), MALFORMED),
        ("symbol=A&name=B&current_price=1".into(), MALFORMED),
        (object[..object.len() - 1].to_owned(), MALFORMED),
        (format!("{object}{object}"), MALFORMED),
        (format!("\u{feff}{object}"), MALFORMED),
        (format!("{{{inside},}}"), MALFORMED),
        ("null".into(), "422 validation_failed"),
        ("1".into(), "422 validation_failed"),
        (r#""stock""#.into(), "422 validation_failed"),
        ("[]".into(), "422 validation_failed"),
        ("{}".into(), "422 validation_failed"),
        (
            r#"{"symbol":"NEW","name":"n"}"#.into(),
            "422 validation_failed",
        ),
        (
            r#"{"symbol":"NEW","current_price":1}"#.into(),
            "422 validation_failed",
        ),
        (
            r#"{"name":"n","current_price":1}"#.into(),
            "422 validation_failed",
        ),
        (
            format!(r#"{{{inside},"price":1}}"#),
            "422 validation_failed /price",
        ),
        (
            format!(r#"{{{inside},"updated_at":"2026-01-31T09:30:00Z"}}"#),
            "422 validation_failed /updated_at",
        ),
        (
            format!(r#"{{{inside},"name":"twice"}}"#),
            "422 validation_failed",
        ),
        (
            with("current_price", &closed),
            "422 validation_failed /current_price",
        ),
        (
            with("market_cap", &closed),
            "422 validation_failed /market_cap",
        ),
        (with("current_price", &nested), MALFORMED),
        (with("name", &closed), "422 validation_failed /name"),
    ];
    on_both(&SEEDED, async |api| assert_bodies(api, &table).await).await;
}

#[tokio::test]
async fn an_array_is_no_stock_whatever_is_in_it() {
    let table = [
        r#"["NEW","New Inc.","Any",1,0,0,0]"#.to_owned(),
        r#"["NEW","New Inc.",null,1]"#.to_owned(),
        format!("[{}]", fine()),
        "[".repeat(60_000),
    ]
    .map(|body| (body, "422 validation_failed"));
    on_both(&SEEDED, async |api| assert_bodies(api, &table).await).await;
}

#[tokio::test]
async fn a_body_that_is_no_utf_8_or_of_another_media_type_is_refused() {
    on_both(&SEEDED, async |api| {
        let post = |media_type: &str, body: Vec<u8>| {
            let request = api.builder(Method::POST, "/stocks");
            request.header("content-type", media_type).body(body)
        };
        let mut table = Vec::new();
        for member in ["symbol", "name", "sector", "current_price", "volume"] {
            for bytes in [&b"\xff"[..], b"\xc3", b"\xed\xa0\x80"] {
                let marked = with(member, "\"\u{1}\"").into_bytes();
                let at = marked.iter().position(|byte| *byte == 1).unwrap();
                let body = [&marked[..at], bytes, &marked[at + 1..]].concat();
                let request = post("application/json", body);
                table.push((format!("{bytes:x?} in {member}"), request, MALFORMED));
            }
        }
        for media_type in [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonl",
        ] {
            let request = post(media_type, fine().into_bytes());
            table.push((media_type.to_owned(), request, "415 unsupported_media_type"));
        }
        let request = api.builder(Method::POST, "/stocks").body(fine());
        table.push(("none".to_owned(), request, "415 unsupported_media_type"));
        assert_refused(api, table).await;
    })
    .await;
}
