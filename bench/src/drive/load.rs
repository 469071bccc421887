//! What is asked for: the requests of a load, rendered before the run. What differs from one to the next is written over
//! digits of a fixed width, so that a request costs a copy.

use std::{
    fmt::Write as _,
    hash::{BuildHasher, RandomState},
    ops::Range,
};

use serde::{Deserialize, Serialize};

use crate::http;

/// The stocks of a first boot.
pub(crate) const SYMBOLS: [&str; 10] = [
    "AAPL", "AMZN", "GOOGL", "JNJ", "JPM", "MSFT", "NVDA", "TSLA", "V", "XOM",
];
/// Digits of a user's number in `user-0000042`.
const USER_DIGITS: usize = 7;
const KEY_DIGITS: usize = 19;
/// Digits of a new price that change, the fourth before the point is fixed.
const PRICE_DIGITS: usize = 3;
/// Bulk updates that take turns, so that each of them changes every price.
const BULK_VARIANTS: usize = 4;

/// A kind of request, as it is handed to the driver.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Load {
    /// One path again and again.
    Get { path: String },
    /// Buys of a random user in a random stock of the ten.
    Orders {
        users: u32,
        /// With an Idempotency-Key that was never used before.
        is_keyed: bool,
        /// Half of them sells, which may be refused.
        has_sells: bool,
    },
    /// New prices, of a random stock of the ten at a time.
    Quotes,
    /// New prices of many stocks in one call: `S0000`, `S0001`, …
    Bulk { symbols: usize },
}

impl Load {
    /// Buys without more.
    pub(crate) fn buys(users: u32) -> Self {
        Self::Orders {
            users,
            is_keyed: false,
            has_sells: false,
        }
    }

    /// Whether this is an answer to go on with.
    pub(super) fn expects(&self, status: u16) -> bool {
        let may_refuse = matches!(
            self,
            Self::Orders {
                has_sells: true,
                ..
            }
        );
        matches!(status, 200 | 201) || may_refuse && status == 422
    }
}

/// The symbol of a large catalogue.
pub(crate) fn symbol(number: usize) -> String {
    format!("S{number:04}")
}

/// Renders requests.
pub(super) struct Requests {
    templates: Vec<Template>,
    users: u64,
    next_key: u64,
    next_template: Option<usize>,
    random: Random,
}

/// A request and where its digits are.
struct Template {
    bytes: Vec<u8>,
    user: Option<Range<usize>>,
    key: Option<Range<usize>>,
    price: Option<Range<usize>>,
}

impl Template {
    fn new(bytes: Vec<u8>) -> Self {
        let digits = |after: &[u8], count: usize| {
            let found = bytes.windows(after.len()).position(|part| part == after)?;
            Some(found + after.len()..found + after.len() + count)
        };
        Self {
            user: digits(b"\"user-", USER_DIGITS),
            key: digits(b"Idempotency-Key: ", KEY_DIGITS),
            price: digits(b"?price=1", PRICE_DIGITS),
            bytes,
        }
    }
}

impl Requests {
    pub(super) fn of(load: &Load) -> Self {
        let random = Random::seeded();
        let templates = templates(load);
        let takes_turns = matches!(load, Load::Bulk { .. });
        Self {
            templates: templates.into_iter().map(Template::new).collect(),
            users: match load {
                Load::Orders { users, .. } => u64::from(*users),
                _ => 1,
            },
            // Far from the keys of other runs: each begins somewhere in 2^62 numbers.
            next_key: random.0 >> 2,
            next_template: takes_turns.then_some(0),
            random,
        }
    }

    /// Writes the next request in the place of what `out` holds.
    pub(super) fn render(&mut self, out: &mut Vec<u8>) {
        let index = if let Some(turn) = &mut self.next_template {
            *turn = (*turn + 1) % self.templates.len();
            *turn
        } else {
            self.random.below(self.templates.len() as u64) as usize
        };
        let template = &self.templates[index];
        out.clear();
        out.extend_from_slice(&template.bytes);
        if let Some(place) = &template.user {
            write_digits(&mut out[place.clone()], self.random.below(self.users));
        }
        if let Some(place) = &template.price {
            write_digits(&mut out[place.clone()], self.random.below(1_000));
        }
        if let Some(place) = &template.key {
            write_digits(&mut out[place.clone()], self.next_key);
            self.next_key += 1;
        }
    }
}

fn templates(load: &Load) -> Vec<Vec<u8>> {
    match load {
        Load::Get { path } => vec![http::request("GET", path, "")],
        Load::Orders {
            is_keyed,
            has_sells,
            ..
        } => {
            let sides: &[&str] = if *has_sells {
                &["buy", "sell"]
            } else {
                &["buy"]
            };
            let mut templates = Vec::new();
            for side in sides {
                for symbol in SYMBOLS {
                    templates.push(order(side, symbol, *is_keyed));
                }
            }
            templates
        }
        Load::Quotes => SYMBOLS
            .iter()
            .map(|symbol| {
                http::request("PUT", &format!("/stocks/{symbol}/price?price=1000.25"), "")
            })
            .collect(),
        Load::Bulk { symbols } => (0..BULK_VARIANTS)
            .map(|variant| http::request("PUT", "/prices", &bulk(*symbols, variant)))
            .collect(),
    }
}

fn order(side: &str, symbol: &str, is_keyed: bool) -> Vec<u8> {
    let user = "0".repeat(USER_DIGITS);
    let body =
        format!(r#"{{"user_id":"user-{user}","symbol":"{symbol}","quantity":3,"price":189.25}}"#);
    let key = if is_keyed {
        format!("Idempotency-Key: {}\r\n", "0".repeat(KEY_DIGITS))
    } else {
        String::new()
    };
    let length = body.len();
    format!(
        "POST /trades/{side} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{key}\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn bulk(symbols: usize, variant: usize) -> String {
    let mut body = String::from("[");
    for number in 0..symbols {
        let comma = if number == 0 { "" } else { "," };
        let (symbol, price) = (symbol(number), 100 + variant);
        // Writing to a String cannot fail.
        let _ = write!(body, r#"{comma}{{"symbol":"{symbol}","price":{price}.25}}"#);
    }
    body.push(']');
    body
}

fn write_digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// xorshift64*: a few instructions a number, and good enough to pick users.
struct Random(u64);

impl Random {
    fn seeded() -> Self {
        Self(RandomState::new().hash_one(()) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(load: &Load) -> String {
        let mut out = Vec::new();
        Requests::of(load).render(&mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn an_order_names_a_user_of_those_there_are() {
        let text = render(&Load::buys(1));
        let (head, body) = text.split_once("\r\n\r\n").expect("a body");
        assert!(body.contains(r#""user_id":"user-0000000""#), "{body}");
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
        assert!(!head.contains("Idempotency-Key"));
    }

    #[test]
    fn no_two_orders_have_the_same_key() {
        let mut requests = Requests::of(&Load::Orders {
            users: 10,
            is_keyed: true,
            has_sells: false,
        });
        let mut key = || {
            let mut out = Vec::new();
            requests.render(&mut out);
            let text = String::from_utf8(out).expect("text");
            let (_, rest) = text.split_once("Idempotency-Key: ").expect("a key");
            rest[..KEY_DIGITS].to_owned()
        };
        assert_ne!(key(), key());
    }

    #[test]
    fn a_bulk_update_changes_every_price_each_time() {
        let mut requests = Requests::of(&Load::Bulk { symbols: 2 });
        let (mut first, mut second) = (Vec::new(), Vec::new());
        requests.render(&mut first);
        requests.render(&mut second);
        let second = String::from_utf8(second).expect("text");
        assert!(
            second.contains(r#"{"symbol":"S0001","price":1"#),
            "{second}"
        );
        assert_ne!(first, second.into_bytes());
    }

    #[test]
    fn only_sells_may_be_refused() {
        assert!(!Load::buys(1).expects(422));
        assert!(!Load::Quotes.expects(503));
        let mixed = Load::Orders {
            users: 1,
            is_keyed: false,
            has_sells: true,
        };
        assert!(mixed.expects(422) && mixed.expects(201) && !mixed.expects(500));
    }
}
