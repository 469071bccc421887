//! Bodies of orders.

use testkit::http::{Client, Method};

use super::{USER, assert_refused};
use crate::support::{on_both, post_text};

const MALFORMED: &str = "400 malformed_request";

/// An order in which one member has this JSON text; the others are fine.
fn with(member: &str, value: &str) -> String {
    let members = [
        ("user_id", format!("{USER:?}")),
        ("symbol", r#""AAPL""#.to_owned()),
        ("quantity", "1".to_owned()),
        ("price", "1".to_owned()),
    ];
    let text = |(name, fine): &(&str, String)| {
        let value = if *name == member { value } else { fine };
        format!("{name:?}:{value}")
    };
    let members: Vec<_> = members.iter().map(text).collect();
    format!("{{{}}}", members.join(","))
}

fn fine() -> String {
    with("", "")
}

/// Both sides refuse each body the same way.
async fn assert_bodies(api: &Client, table: &[(String, &str)]) {
    let mut requests = Vec::new();
    for (body, expected) in table {
        for path in ["/trades/buy", "/trades/sell"] {
            let shown: String = body.chars().take(120).collect();
            requests.push((shown, post_text(api, path, body), *expected));
        }
    }
    assert_refused(api, requests).await;
}

#[tokio::test]
async fn a_quantity_or_price_that_breaks_its_rule_is_refused_at_its_place() {
    const TEXTS: [&str; 40] = [
        "0",
        "-1",
        "-0",
        "0.0",
        "0e5",
        "-0.5",
        "1e400",
        "1e-400",
        "1e99999999999",
        "1e10000",
        "0.00000001",
        "1e12",
        "1000000000000",
        "99999999999999999999999999999999999999999999",
        r#""abc""#,
        r#""""#,
        r#"" ""#,
        r#"" 1""#,
        r#""1 ""#,
        r#""+1""#,
        r#""1.""#,
        r#"".5""#,
        r#""01""#,
        r#""0x10""#,
        r#""1,5""#,
        r#""1_000""#,
        r#""1e""#,
        r#""e1""#,
        r#""NaN""#,
        r#""Infinity""#,
        r#""-Infinity""#,
        r#""1e400""#,
        r#""١""#,
        r#""1\u0000""#,
        "null",
        "true",
        "[]",
        "[1]",
        "{}",
        r#"{"a":1}"#,
    ];
    on_both(&[], async |api| {
        let mut table = Vec::new();
        for text in TEXTS {
            table.push((with("quantity", text), "422 validation_failed /quantity"));
            table.push((with("price", text), "422 validation_failed /price"));
        }
        for text in [
            "1.00001",
            "0.12345",
            "10000000000",
            "9999999999.99991",
            "1e10",
            "5e-5",
        ] {
            table.push((with("price", text), "422 validation_failed /price"));
        }
        for text in ["1.0000001", "0.1234567", "999999999999.9999991", "5e-7"] {
            table.push((with("quantity", text), "422 validation_failed /quantity"));
        }
        let digits = format!("1.{}", "0".repeat(60_000));
        table.push((with("price", &digits), "422 validation_failed /price"));
        for text in [
            "NaN", "Infinity", "+1", "01", ".5", "1.", "1x10", "1e", "--1", "1 1", "",
        ] {
            table.push((with("quantity", text), MALFORMED));
            table.push((with("price", text), MALFORMED));
        }
        assert_bodies(api, &table).await;
    })
    .await;
}

#[tokio::test]
async fn a_symbol_or_user_id_that_breaks_its_rule_is_refused_at_its_place() {
    let long_symbol = format!("{:?}", "A".repeat(13));
    let long_user = format!("{:?}", "u".repeat(65));
    let symbols = [
        r#""""#,
        r#"" ""#,
        r#""1A""#,
        r#"".A""#,
        r#""-A""#,
        r#""A B""#,
        r#""A/B""#,
        r#""A'B""#,
        r#""A\"B""#,
        r#""A;--""#,
        r#""A\u0000""#,
        r#""A\n""#,
        r#""Ä""#,
        r#""Ａ""#,
        r#""A\u212a""#,
        r#""AAPL ""#,
        &long_symbol,
        "null",
        "1",
        "true",
        "[]",
        r#"["AAPL"]"#,
        "{}",
    ];
    let users = [
        r#""""#,
        r#"" ""#,
        r#""a b""#,
        r#""a/b""#,
        r#""a\\b""#,
        r#""a'b""#,
        r#""a\"b""#,
        r#""a%b""#,
        r#""a\u0000b""#,
        r#""a\tb""#,
        r#""é""#,
        r#""ann ""#,
        &long_user,
        "null",
        "1",
        "[]",
        "{}",
    ];
    on_both(&[], async |api| {
        let symbols = symbols
            .iter()
            .map(|text| (with("symbol", text), "422 validation_failed /symbol"));
        let users = users
            .iter()
            .map(|text| (with("user_id", text), "422 validation_failed /user_id"));
        let lone = [r#""\ud800""#, r#""\x41""#, "\"A\nB\"", "'AAPL'"];
        let malformed = lone.iter().map(|text| (with("symbol", text), MALFORMED));
        let table: Vec<_> = symbols.chain(users).chain(malformed).collect();
        assert_bodies(api, &table).await;
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_no_order_is_refused() {
    let object = fine();
    let inside = &object[1..object.len() - 1];
    let nested = "[".repeat(60_000);
    let closed = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let objects = r#"{"a":"#.repeat(12_000);
    let table = [
        (String::new(), MALFORMED),
        (" \n".into(), MALFORMED),
        ("{".into(), MALFORMED),
        ("}".into(), MALFORMED),
        ("user_id=a&symbol=AAPL&quantity=1&price=1".into(), MALFORMED),
        (object[..object.len() - 1].to_owned(), MALFORMED),
        (format!("{object},"), MALFORMED),
        (format!("{object}{object}"), MALFORMED),
        (format!("\u{feff}{object}"), MALFORMED),
        (format!("// an order\n{object}"), MALFORMED),
        (format!("{{{inside},}}"), MALFORMED),
        (format!("{object}\0"), MALFORMED),
        ("null".into(), "422 validation_failed"),
        ("true".into(), "422 validation_failed"),
        ("1".into(), "422 validation_failed"),
        (r#""order""#.into(), "422 validation_failed"),
        ("[]".into(), "422 validation_failed"),
        (with("price", &closed), "422 validation_failed /price"),
        (with("price", &nested), MALFORMED),
        (with("symbol", &closed), "422 validation_failed /symbol"),
        (with("price", &objects), MALFORMED),
    ];
    on_both(&[], async |api| assert_bodies(api, &table).await).await;
}

#[tokio::test]
async fn an_array_is_no_order_whatever_is_in_it() {
    let table = [
        format!(r#"[{USER:?},"AAPL",1,1]"#),
        format!("[{}]", fine()),
        "[".repeat(60_000),
        format!("{}{}", "[".repeat(30_000), "]".repeat(30_000)),
    ]
    .map(|body| (body, "422 validation_failed"));
    on_both(&[], async |api| assert_bodies(api, &table).await).await;
}

#[tokio::test]
async fn a_member_that_is_missing_unknown_or_there_twice_is_refused() {
    let object = fine();
    let inside = &object[1..object.len() - 1];
    let mut table = vec![
        ("{}".to_owned(), "422 validation_failed"),
        (
            format!(r#"{{{inside},"side":"buy"}}"#),
            "422 validation_failed /side",
        ),
        (format!(r#"{{{inside},"":1}}"#), "422 validation_failed /"),
        (
            format!(r#"{{{inside},"a/b~c":1}}"#),
            "422 validation_failed /a~1b~0c",
        ),
        (
            format!(r#"{{{inside},"Price":1}}"#),
            "422 validation_failed /Price",
        ),
        (
            format!(r#"{{{inside},"price":1}}"#),
            "422 validation_failed",
        ),
        (
            format!(r#"{{"price":2,{inside}}}"#),
            "422 validation_failed",
        ),
        (
            format!(r#"{{{inside},"\u0070rice":1}}"#),
            "422 validation_failed",
        ),
    ];
    for missing in ["user_id", "symbol", "quantity", "price"] {
        let left: Vec<_> = inside
            .split(',')
            .filter(|member| !member.starts_with(&format!("{missing:?}")))
            .collect();
        table.push((format!("{{{}}}", left.join(",")), "422 validation_failed"));
    }
    on_both(&[], async |api| assert_bodies(api, &table).await).await;
}

#[tokio::test]
async fn a_body_that_is_no_utf_8_is_refused() {
    on_both(&[], async |api| {
        let mut table = Vec::new();
        for member in ["user_id", "symbol", "quantity", "price", "colour"] {
            for bytes in [&b"\xff"[..], b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"] {
                let marked = with(member, r#""X""#).replace("colour", "X").into_bytes();
                let at = marked.iter().position(|byte| *byte == b'X');
                let Some(at) = at else { continue };
                let body = [&marked[..at], bytes, &marked[at + 1..]].concat();
                let request = api.builder(Method::POST, "/trades/buy");
                let request = request
                    .header("content-type", "application/json")
                    .body(body);
                table.push((format!("{bytes:x?} in {member}"), request, MALFORMED));
            }
        }
        let utf_16: Vec<u8> = fine().encode_utf16().flat_map(u16::to_le_bytes).collect();
        let request = api.builder(Method::POST, "/trades/buy");
        let request = request
            .header("content-type", "application/json")
            .body(utf_16);
        table.push(("UTF-16".to_owned(), request, MALFORMED));
        assert_refused(api, table).await;
    })
    .await;
}
