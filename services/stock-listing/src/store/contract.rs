//! What every store of the catalogue must do; each test runs on both databases.

use catalogue_client::NewStock;
use market::{Price, Sector, Symbol, Timestamp};
use service_kit::database::Database;
use service_kit::settings::{DatabaseSettings, Reader};

use super::{Page, Quoted, Store, migrate, open};
use crate::stock::{Listed, Quote};

/// A store on a database of its own, which lives as long as `_holder`.
struct Opened {
    database: Database,
    store: std::sync::Arc<dyn Store>,
    _holder: Box<dyn std::any::Any>,
}

async fn opened(variables: [(&str, String); 1], holder: impl std::any::Any) -> Opened {
    let variables = variables.map(|(name, value)| (name.to_owned(), value));
    let settings = DatabaseSettings::read(&mut Reader::new(variables));
    let database = Database::open(&settings, "stock-listing").await.unwrap();
    migrate(database.clone(), "stock-listing", false)
        .await
        .unwrap();
    Opened {
        store: open(&database),
        database,
        _holder: Box::new(holder),
    }
}

async fn on_sqlite() -> Opened {
    let folder = tempfile::tempdir().unwrap();
    opened([("DATA_DIR", folder.path().display().to_string())], folder).await
}

async fn on_postgres() -> Opened {
    let database = testkit::postgres::database().await;
    opened([("DATABASE_URL", database.url())], database).await
}

/// Runs each contract on both databases.
macro_rules! contracts {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(super::on_sqlite().await).await; })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(super::on_postgres().await).await; })*
        }
    };
}

contracts!(
    what_is_inserted_is_found_to_the_last_digit,
    a_symbol_is_inserted_once,
    a_list_is_paged_by_symbol_and_filtered_by_sector,
    a_quote_changes_the_price_alone,
    a_quote_that_is_refused_changes_nothing,
    a_hundred_quotes_at_once_leave_one_of_them,
    the_seed_is_safe_to_run_twice_and_before_the_table,
    migrating_twice_changes_nothing,
);

fn listed(symbol: &str, sector: Option<&str>) -> Listed {
    let new = NewStock {
        symbol: Symbol::parse(symbol).unwrap(),
        name: market::StockName::parse("O'Neil \"&\" Søn").unwrap(),
        sector: sector.map(|sector| Sector::parse(sector).unwrap()),
        current_price: Price::parse("9999999999.9999").unwrap(),
        change_pct: market::Percent::parse("-0.0001").unwrap(),
        volume: market::Volume::parse("9223372036854775807").unwrap(),
        market_cap: Some(market::MarketCap::parse("999999999999.999999").unwrap()),
    };
    Listed::new(
        new,
        Timestamp::parse("2026-01-05T10:00:00.123456Z").unwrap(),
    )
}

fn quote(price: &str) -> Quote {
    let at = Timestamp::parse("2026-01-05T11:00:00.654321Z").unwrap();
    Quote {
        price: Price::parse(price).unwrap(),
        change: None,
        at,
    }
}

async fn what_is_inserted_is_found_to_the_last_digit(opened: Opened) {
    for stock in [listed("ACME", Some("Tools")), listed("BARE", None)] {
        assert!(opened.store.insert(&stock).await.unwrap());
        assert_eq!(
            opened.store.find(&stock.stock.symbol).await.unwrap(),
            Some(stock)
        );
    }
    assert_eq!(
        opened
            .store
            .find(&Symbol::parse("NONE").unwrap())
            .await
            .unwrap(),
        None
    );
}

async fn a_symbol_is_inserted_once(opened: Opened) {
    let stock = listed("ACME", Some("Tools"));
    assert!(opened.store.insert(&stock).await.unwrap());
    assert!(!opened.store.insert(&listed("ACME", None)).await.unwrap());
    assert_eq!(
        opened.store.find(&stock.stock.symbol).await.unwrap(),
        Some(stock)
    );
}

async fn a_list_is_paged_by_symbol_and_filtered_by_sector(opened: Opened) {
    for (symbol, sector) in [
        ("B", "x"),
        ("A-B", "x"),
        ("AA", "y"),
        ("A.B", "x"),
        ("Z", "y"),
    ] {
        opened
            .store
            .insert(&listed(symbol, Some(sector)))
            .await
            .unwrap();
    }
    let sector = Sector::parse("x").ok();
    let list = async |page: Page| -> Vec<String> {
        let listed = opened.store.list(&page).await.unwrap();
        listed
            .iter()
            .map(|listed| listed.stock.symbol.to_string())
            .collect()
    };
    let all = Page {
        limit: 9,
        ..Page::default()
    };
    assert_eq!(list(all.clone()).await, ["A-B", "A.B", "AA", "B", "Z"]);
    assert_eq!(
        list(Page {
            skip: 1,
            limit: 2,
            ..all.clone()
        })
        .await,
        ["A.B", "AA"]
    );
    assert_eq!(
        list(Page {
            after: Symbol::parse("AA").ok(),
            ..all.clone()
        })
        .await,
        ["B", "Z"]
    );
    assert_eq!(
        list(Page {
            sector: sector.clone(),
            ..all
        })
        .await,
        ["A-B", "A.B", "B"]
    );
    assert_eq!(opened.store.count(None).await.unwrap(), 5);
    assert_eq!(opened.store.count(sector.as_ref()).await.unwrap(), 3);
}

async fn a_quote_changes_the_price_alone(opened: Opened) {
    let before = listed("ACME", Some("Tools"));
    opened.store.insert(&before).await.unwrap();
    let expected = before.quoted(quote("0.1")).unwrap();
    let symbol = expected.stock.symbol;
    let quoted = opened.store.quote(&symbol, quote("0.1")).await.unwrap();
    assert_eq!(quoted, Quoted::Changed(Box::new(expected.clone())));
    assert_eq!(opened.store.find(&symbol).await.unwrap(), Some(expected));
    let unknown = Symbol::parse("NONE").unwrap();
    assert_eq!(
        opened.store.quote(&unknown, quote("0.1")).await.unwrap(),
        Quoted::Unknown
    );
}

async fn a_quote_that_is_refused_changes_nothing(opened: Opened) {
    let mut before = listed("ACME", None);
    before.previous_close = Price::parse("0.0001").unwrap();
    opened.store.insert(&before).await.unwrap();
    let symbol = before.stock.symbol;
    let quoted = opened
        .store
        .quote(&symbol, quote("9999999999"))
        .await
        .unwrap();
    assert!(matches!(quoted, Quoted::Refused(_)));
    assert_eq!(opened.store.find(&symbol).await.unwrap(), Some(before));
}

async fn a_hundred_quotes_at_once_leave_one_of_them(opened: Opened) {
    let stock = listed("ACME", None);
    opened.store.insert(&stock).await.unwrap();
    let mut quotes = tokio::task::JoinSet::new();
    for cents in 1..=100 {
        let (store, symbol) = (std::sync::Arc::clone(&opened.store), stock.stock.symbol);
        quotes.spawn(async move { store.quote(&symbol, quote(&format!("{cents}"))).await });
    }
    for quoted in quotes.join_all().await {
        assert!(matches!(quoted.unwrap(), Quoted::Changed(_)));
    }
    let after = opened
        .store
        .find(&stock.stock.symbol)
        .await
        .unwrap()
        .unwrap();
    assert!((1..=100).any(|cents| after.stock.current_price.to_string() == cents.to_string()));
}

async fn the_seed_is_safe_to_run_twice_and_before_the_table(opened: Opened) {
    opened.database.run_script(super::SEED).await.unwrap();
    opened
        .store
        .quote(&Symbol::parse("AAPL").unwrap(), quote("1"))
        .await
        .unwrap();
    opened.database.run_script(super::SEED).await.unwrap();
    assert_eq!(opened.store.count(None).await.unwrap(), 10);
    let apple = opened
        .store
        .find(&Symbol::parse("AAPL").unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(apple.stock.current_price.to_string(), "1");
}

async fn migrating_twice_changes_nothing(opened: Opened) {
    let stock = listed("ACME", None);
    opened.store.insert(&stock).await.unwrap();
    migrate(opened.database.clone(), "stock-listing", false)
        .await
        .unwrap();
    assert_eq!(opened.store.count(None).await.unwrap(), 1);
}

/// A first boot of PostgreSQL runs db/init.sql before the service has ever started.
#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_the_seed_is_the_table_of_the_migration() {
    let (seeded, migrated) = (
        testkit::postgres::database().await,
        testkit::postgres::database().await,
    );
    let pools = [seeded.connect().await, migrated.connect().await];
    sqlx::raw_sql(super::SEED).execute(&pools[0]).await.unwrap();
    let described = async |pool: &sqlx::PgPool| -> Vec<String> {
        sqlx::query_scalar(
            "
            select concat_ws(' ', column_name, data_type, numeric_precision, numeric_scale, is_nullable, collation_name)
            from information_schema.columns
            where table_name = 'stocks'
            union all
            select pg_get_constraintdef(oid)
            from pg_constraint
            where conrelid = 'stocks'::regclass
            order by 1
            ",
        )
        .fetch_all(pool)
        .await
        .unwrap()
    };
    let by_seed = described(&pools[0]).await;
    for url in [seeded.url(), migrated.url()] {
        opened([("DATABASE_URL", url)], ()).await;
    }
    assert_eq!(described(&pools[0]).await, by_seed);
    assert_eq!(described(&pools[1]).await, by_seed);
}
