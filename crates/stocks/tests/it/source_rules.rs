//! What each part of the source may mention: SQL, status codes, the environment and floats have one home each. Comments and
//! the insides of literals are not code and are not looked at; tests inside `src/` keep the rules like everything else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A source file: its path from the root of the workspace with `/` between the parts, and its text.
type Source = (String, String);

/// What a line of code must not mention in the files that the rule covers.
struct Rule {
    sentence: &'static str,
    covers: fn(&str) -> bool,
    is_broken_by: fn(&str) -> bool,
}

const RULES: [Rule; 6] = [
    Rule {
        sentence: "only store/ speaks SQL",
        covers: |path| is_in_a_service(path) && !is_under(path, "store"),
        is_broken_by: speaks_sql,
    },
    Rule {
        sentence: "only http/ and error.rs know status codes",
        covers: |path| {
            is_in_a_service(path) && !is_under(path, "http") && file_name(path) != "error.rs"
        },
        is_broken_by: |line| has_word(line, "StatusCode"),
    },
    Rule {
        sentence: "a route comes with its documentation, by routes!()",
        covers: is_in_a_service,
        is_broken_by: |line| line.contains(".route(") || line.contains(".route_service("),
    },
    Rule {
        sentence: "only main.rs reads the environment",
        covers: |path| !path.ends_with("/src/main.rs") && !path.starts_with("crates/testkit/"),
        is_broken_by: reads_the_environment,
    },
    Rule {
        sentence: "no float comes near money",
        covers: |path| {
            is_in_a_service(path)
                || path.starts_with("crates/market/")
                || path.starts_with("crates/catalogue-client/")
        },
        is_broken_by: has_float,
    },
    Rule {
        sentence: "service-kit has floats for the durations of metrics alone",
        covers: |path| {
            path.starts_with("crates/service-kit/")
                && !is_under(path, "metrics")
                && file_name(path) != "metrics.rs"
        },
        is_broken_by: has_float,
    },
];

/// Each place where a rule is broken, as `path:line: sentence`.
fn broken_rules(sources: &[Source]) -> BTreeSet<String> {
    let mut broken = BTreeSet::new();
    for (path, text) in sources {
        for (number, line) in (1..).zip(&code_of(text)) {
            for rule in RULES
                .iter()
                .filter(|rule| (rule.covers)(path) && (rule.is_broken_by)(line))
            {
                broken.insert(format!("{path}:{number}: {}", rule.sentence));
            }
        }
    }
    broken
}

fn is_in_a_service(path: &str) -> bool {
    path.starts_with("services/")
}

fn is_under(path: &str, folder: &str) -> bool {
    path.rsplit('/').skip(1).any(|part| part == folder)
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn speaks_sql(line: &str) -> bool {
    has_word(line, "sqlx")
        || ["query", "query_as", "query_scalar"]
            .iter()
            .any(|name| calls(line, name))
}

/// Whether `line` calls the free function or macro `name`. A method of that name is something else: `uri.query()`.
fn calls(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(start, _)| {
        let (before, after) = (&line[..start], &line[start + name.len()..]);
        let starts_there =
            !before.ends_with(is_of_a_word) && !before.ends_with('.') && !before.ends_with("fn ");
        starts_there
            && ["(", "!(", "::<"]
                .iter()
                .any(|call| after.starts_with(call))
    })
}

/// `env::var` begins all of `var`, `var_os`, `vars` and `vars_os`; an import of names would hide them.
fn reads_the_environment(line: &str) -> bool {
    ["env::var", "env::{", "env::*"]
        .iter()
        .any(|text| line.contains(text))
}

/// The types, and literals that carry one: `0.5_f64`.
fn has_float(line: &str) -> bool {
    words(line).any(|word| {
        let is_literal =
            word.starts_with(|first: char| first.is_ascii_digit()) && !word.starts_with("0x");
        ["f32", "f64"]
            .iter()
            .any(|float| word == *float || is_literal && word.ends_with(float))
    })
}

fn has_word(line: &str, wanted: &str) -> bool {
    words(line).any(|word| word == wanted)
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|character| !is_of_a_word(character))
        .filter(|word| !word.is_empty())
}

fn is_of_a_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The code of each line without comments and literal texts, from the tokens that the compiler sees.
fn code_of(text: &str) -> Vec<String> {
    let tokens: TokenStream = text.parse().expect("the source is Rust");
    let mut lines = vec![String::new(); text.lines().count() + 1];
    write_code(tokens, &mut lines);
    lines
}

fn write_code(tokens: TokenStream, lines: &mut [String]) {
    for token in tokens {
        let code = match &token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                lines[group.span_open().start().line - 1].push_str(open);
                write_code(group.stream(), lines);
                lines[group.span_close().end().line - 1].push_str(close);
                continue;
            }
            TokenTree::Literal(literal) => literal.to_string(),
            TokenTree::Ident(_) | TokenTree::Punct(_) => token.to_string(),
        };
        let line = &mut lines[token.span().start().line - 1];
        let is_text = code.contains(['"', '\'']);
        if code.starts_with(is_of_a_word) && line.ends_with(is_of_a_word) {
            line.push(' ');
        }
        line.push_str(if is_text { " " } else { &code });
    }
}

/// The source of every crate and service.
fn workspace() -> io::Result<Vec<Source>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()?;
    let mut sources = Vec::new();
    for group in ["crates", "services"] {
        for package in fs::read_dir(root.join(group))? {
            let folder = package?.path().join("src");
            if folder.is_dir() {
                read_sources(&root, &folder, &mut sources)?;
            }
        }
    }
    Ok(sources)
}

fn read_sources(root: &Path, folder: &Path, sources: &mut Vec<Source>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path: PathBuf = entry?.path();
        if path.is_dir() {
            read_sources(root, &path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let from_root = path.strip_prefix(root).map_err(io::Error::other)?;
            let parts: Vec<_> = from_root
                .iter()
                .map(|part| part.to_string_lossy())
                .collect();
            sources.push((parts.join("/"), fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

#[test]
fn the_source_keeps_every_rule() {
    let sources = workspace().expect("the source is beside this test");
    for path in [
        "services/stock-listing/src/main.rs",
        "services/trade/src/main.rs",
        "crates/market/src/lib.rs",
    ] {
        assert!(
            sources.iter().any(|(found, _)| found == path),
            "{path} was not read"
        );
    }
    let broken = broken_rules(&sources);
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn only_store_speaks_sql() {
    accepts(
        "services/trade/src/store/postgres.rs",
        "sqlx::query(TEXT).execute(&mut *connection)",
    );
    accepts("services/trade/src/store/mod.rs", "use sqlx::PgPool;");
    accepts(
        "services/trade/src/http/trades.rs",
        "let text = uri.query().unwrap_or_default();",
    );
    accepts("crates/service-kit/src/database.rs", "use sqlx::PgPool;");
    refuses("services/trade/src/engine.rs", "use sqlx::PgPool;");
    refuses("services/trade/src/app.rs", "sqlx::migrate!().run(&pool)");
    refuses("services/trade/src/main.rs", "query(TEXT).execute(&pool)");
    refuses(
        "services/stock-listing/src/http/stocks.rs",
        "query_as::<_, Stock>(TEXT).fetch_one(&pool)",
    );
    refuses(
        "services/stock-listing/src/http/stocks.rs",
        "query_scalar!(TEXT)",
    );
    refuses(
        "services/stock-listing/src/store_helpers.rs",
        "use sqlx::Row;",
    );
}

#[test]
fn only_http_and_error_know_status_codes() {
    accepts("services/trade/src/http/trades.rs", "StatusCode::CREATED");
    accepts(
        "services/trade/src/error.rs",
        "Self::Unknown => StatusCode::NOT_FOUND,",
    );
    accepts("crates/service-kit/src/problem.rs", "use http::StatusCode;");
    refuses("services/trade/src/app.rs", "use axum::http::StatusCode;");
    refuses(
        "services/trade/src/engine/mod.rs",
        "Err(StatusCode::CONFLICT)",
    );
    refuses(
        "services/stock-listing/src/store/mod.rs",
        "StatusCode::NOT_FOUND",
    );
}

#[test]
fn a_route_comes_with_its_documentation() {
    let path = "services/trade/src/http/mod.rs";
    accepts(path, "OpenApiRouter::new().routes(routes!(trades::list))");
    refuses(path, "Router::new().route(PATH, get(list))");
    refuses(path, "router.route_service(PATH, files)");
}

#[test]
fn only_main_reads_the_environment() {
    accepts("services/trade/src/main.rs", "std::env::vars()");
    accepts("crates/testkit/src/lib.rs", "std::env::var_os(NAME)");
    accepts(
        "services/trade/src/app.rs",
        "let version = env!(\"CARGO_PKG_VERSION\");",
    );
    accepts("crates/stocks/src/data.rs", "std::env::temp_dir()");
    refuses("services/trade/src/app.rs", "std::env::var(NAME)");
    refuses(
        "crates/service-kit/src/settings/reader.rs",
        "env::var_os(NAME)",
    );
    refuses(
        "crates/stocks/src/data.rs",
        "use std::env::{temp_dir, var};",
    );
    refuses("crates/market/src/money.rs", "std::env::vars()");
}

#[test]
fn no_float_comes_near_money() {
    accepts("services/trade/src/engine.rs", "elapsed.as_secs_f64()");
    accepts(
        "crates/market/src/money.rs",
        "let digits: u64 = 0xdead_f64;",
    );
    refuses("services/trade/src/position.rs", "fn average(total: f64)");
    refuses(
        "services/stock-listing/src/store/sqlite.rs",
        "let price: f32 = row.get(1);",
    );
    refuses("crates/market/src/money.rs", "self.0 * 0.5_f64");
    refuses(
        "crates/catalogue-client/src/wire.rs",
        "pub price: Option<f64>,",
    );
}

#[test]
fn service_kit_has_floats_for_metrics_alone() {
    accepts(
        "crates/service-kit/src/metrics.rs",
        "const BUCKETS: [f64; 2] = [0.1, 1.0];",
    );
    accepts(
        "crates/service-kit/src/metrics/latency.rs",
        "fn observe(seconds: f64)",
    );
    refuses("crates/service-kit/src/settings/mod.rs", "timeout: f64,");
}

#[test]
fn comments_and_literals_are_not_code() {
    for text in [
        "// an f64 would lose digits",
        "/// Never an [`f64`].",
        "let a = 1; /* f64 /* f64 */ f64 */ let b = 2;",
        "let text = \"an f64, \\\" f64\";",
        "let text = r#\"an \"f64\" f64\"#;",
        "let text = b\"f64\";",
    ] {
        accepts("crates/market/src/money.rs", text);
    }
}

#[test]
fn code_after_a_comment_or_a_literal_is_seen() {
    for text in [
        "/* a note */ let x: f64;",
        "let text = \"//\"; let x: f64;",
        "let text = r\"\\\"; let x: f64;",
        "let quote = '\"'; let x: f64;",
        "let quote = '\\''; let x: f64;",
        "fn first<'a>(text: &'a str) -> f64",
        "let x: f64; // why",
    ] {
        refuses("crates/market/src/money.rs", text);
    }
}

#[test]
fn a_finding_names_the_line_it_was_found_on() {
    let text = "/* one\ntwo */\nlet text = \"three\nfour\";\nlet x: f64;\n";
    let broken = broken_rules(&[("crates/market/src/money.rs".to_owned(), text.to_owned())]);
    assert_eq!(
        broken,
        BTreeSet::from(["crates/market/src/money.rs:5: no float comes near money".to_owned()])
    );
}

#[track_caller]
fn accepts(path: &str, text: &str) {
    assert_eq!(
        broken_rules(&[(path.to_owned(), text.to_owned())]),
        BTreeSet::new()
    );
}

#[track_caller]
fn refuses(path: &str, text: &str) {
    let broken = broken_rules(&[(path.to_owned(), text.to_owned())]);
    assert!(!broken.is_empty(), "no rule refuses `{text}` in {path}");
}
