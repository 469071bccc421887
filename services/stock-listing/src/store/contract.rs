//! What every store of the catalogue must do; each test runs on both databases.

use catalogue_client::NewStock;
use market::{Price, Sector, Symbol, Timestamp};
use service_kit::database::{Database, StoreError};
use service_kit::settings::{DatabaseSettings, Reader};

use super::{Change, Changed, Store, migrate, open};
use crate::stock::{Listed, Quote, Version};

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
    migrate(&database, "stock-listing", false).await.unwrap();
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

mod candles;

contracts!(
    what_is_inserted_is_read_to_the_last_digit,
    what_is_updated_is_read_to_the_last_digit,
    what_changed_since_a_version_is_told_by_symbol,
    a_change_that_is_not_committed_leaves_nothing,
    a_second_change_waits_for_the_first,
    a_row_that_breaks_an_invariant_is_refused,
    the_seed_is_safe_to_run_twice_and_before_the_table,
    migrating_twice_changes_nothing,
);

fn listed(symbol: &str, sector: Option<&str>, version: Version) -> Listed {
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
        version,
    )
}

impl Opened {
    /// Adds stocks in one change.
    async fn insert(&self, symbols: &[&str]) -> Vec<Listed> {
        let mut change = self.store.begin().await.unwrap();
        let version = change.version();
        let stocks: Vec<Listed> = symbols
            .iter()
            .map(|symbol| listed(symbol, Some("x"), version))
            .collect();
        change
            .insert(&stocks.iter().collect::<Vec<_>>())
            .await
            .unwrap();
        change.commit().await.unwrap();
        stocks
    }

    async fn all(&self) -> Changed {
        self.store.changed_since(None).await.unwrap()
    }
}

async fn what_is_inserted_is_read_to_the_last_digit(opened: Opened) {
    let mut change = opened.store.begin().await.unwrap();
    let version = change.version();
    let stocks = vec![
        listed("ACME", Some("Tools"), version),
        listed("BARE", None, version),
    ];
    change
        .insert(&stocks.iter().collect::<Vec<_>>())
        .await
        .unwrap();
    let wanted = ["BARE", "NONE"].map(|symbol| Symbol::parse(symbol).unwrap());
    assert_eq!(change.find(&wanted).await.unwrap(), stocks[1..]);
    change.commit().await.unwrap();
    assert_eq!(opened.all().await, Changed { version, stocks });
}

async fn what_is_updated_is_read_to_the_last_digit(opened: Opened) {
    let before = opened.insert(&["A", "B"]).await;
    let mut change = opened.store.begin().await.unwrap();
    let at = Timestamp::parse("2026-01-06T11:00:00.654321Z").unwrap();
    let quote = Quote {
        price: Price::parse("0.0001").unwrap(),
        change: None,
        at,
    };
    let mut quoted = before[1].clone();
    quoted.quote(quote, change.version()).unwrap();
    change.update(&[&quoted]).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(opened.all().await.stocks, [before[0].clone(), quoted]);
}

async fn what_changed_since_a_version_is_told_by_symbol(opened: Opened) {
    let first = opened.insert(&["B"]).await;
    let second = opened.insert(&["Z", "A-B", "A.B", "AA"]).await;
    let version = second[0].version;
    assert_eq!(version, first[0].version.next());
    let since = async |version| {
        let changed = opened.store.changed_since(version).await.unwrap();
        let symbols = changed
            .stocks
            .iter()
            .map(|listed| listed.stock.symbol.to_string());
        (changed.version, symbols.collect::<Vec<_>>().join(" "))
    };
    assert_eq!(since(None).await, (version, "A-B A.B AA B Z".to_owned()));
    assert_eq!(
        since(Some(first[0].version)).await,
        (version, "A-B A.B AA Z".to_owned())
    );
    assert_eq!(since(Some(version)).await, (version, String::new()));
}

async fn a_change_that_is_not_committed_leaves_nothing(opened: Opened) {
    let before = opened.all().await;
    let mut change = opened.store.begin().await.unwrap();
    let stock = listed("ACME", None, change.version());
    change.insert(&[&stock]).await.unwrap();
    drop(change);
    assert_eq!(opened.all().await, before);
}

async fn a_second_change_waits_for_the_first(opened: Opened) {
    let first = opened.store.begin().await.unwrap();
    let version = first.version();
    let store = std::sync::Arc::clone(&opened.store);
    let mut second =
        tokio::spawn(async move { store.begin().await.map(|change| change.version()) });
    let waited = tokio::time::timeout(std::time::Duration::from_millis(100), &mut second).await;
    assert!(waited.is_err(), "two changes at once");
    first.commit().await.unwrap();
    assert_eq!(second.await.unwrap().unwrap(), version.next());
}

async fn a_row_that_breaks_an_invariant_is_refused(opened: Opened) {
    let before = opened.insert(&["A"]).await;
    let refused = async |stocks: &[&Listed], is_new: bool| {
        let mut change: Box<dyn Change> = opened.store.begin().await.unwrap();
        if is_new {
            change.insert(stocks).await
        } else {
            change.update(stocks).await
        }
        .unwrap_err()
    };
    assert!(matches!(
        refused(&[&before[0]], true).await,
        StoreError::Refused(_)
    ));
    let unknown = listed("NONE", None, Version(9));
    assert!(matches!(
        refused(&[&before[0], &unknown], false).await,
        StoreError::Corrupt(_)
    ));
    assert_eq!(opened.all().await.stocks, before);
}

async fn the_seed_is_safe_to_run_twice_and_before_the_table(opened: Opened) {
    opened.database.run_script(super::SEED).await.unwrap();
    let seeded = opened.all().await;
    opened.database.run_script(super::SEED).await.unwrap();
    assert_eq!(opened.all().await, seeded);
    assert_eq!(seeded.stocks.len(), 10);
    assert_eq!(seeded.stocks[0].stock.current_price.to_string(), "189.5");
}

async fn migrating_twice_changes_nothing(opened: Opened) {
    opened.insert(&["A"]).await;
    let before = opened.all().await;
    migrate(&opened.database, "stock-listing", false)
        .await
        .unwrap();
    assert_eq!(opened.all().await, before);
}

/// Another replica hears of a change, and of nothing that was not committed.
#[tokio::test(flavor = "multi_thread")]
async fn a_listener_hears_of_each_committed_change() {
    let database = testkit::postgres::database().await;
    let (one, other) = (
        opened([("DATABASE_URL", database.url())], ()).await,
        opened([("DATABASE_URL", database.url())], ()).await,
    );
    let mut listener = other.store.listen().await.unwrap();
    drop(one.store.begin().await.unwrap());
    let version = one.insert(&["A"]).await[0].version;
    assert_eq!(listener.changed().await.unwrap(), version);
    assert_eq!(
        other.store.changed_since(None).await.unwrap(),
        one.all().await
    );
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
    for url in [seeded.url(), migrated.url()] {
        opened([("DATABASE_URL", url)], ()).await;
    }
    assert_eq!(described(&pools[0]).await, described(&pools[1]).await);
}
