//! PostgreSQL as it comes, but for the settings of testkit and its memory: `fsync` and `synchronous_commit` are on.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use testkit::postgres::Server;
use tokio::runtime::{self, Runtime};

use crate::{cpu, report::environment};

/// Fills a database of trade: see the file.
const FILL: &str = include_str!("../../sql/fill.sql");

const DEFAULT_CACHE_MEGABYTES: u64 = 128;

/// The server of this run.
pub(crate) struct Postgres {
    runtime: Runtime,
    server: Server,
    /// The process whose children are all others.
    id: u32,
    /// The folder of its programs.
    programs: PathBuf,
    pub(crate) version: String,
    /// Its cache: a quarter of the memory, as its manual recommends (section 20.4.1), or the default.
    pub(crate) cache_megabytes: u64,
}

/// How much to fill a database with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fill {
    pub(crate) users: u32,
    /// Of each user.
    pub(crate) positions: u32,
    /// Of each position.
    pub(crate) trades: u32,
}

impl Postgres {
    pub(crate) fn start() -> Result<Self> {
        // One thread, the main one: what it starts is told when that thread ends.
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let cache_megabytes =
            (environment::memory_kibibytes() / 1024 / 4).max(DEFAULT_CACHE_MEGABYTES);
        let settings = vec![format!("shared_buffers={cache_megabytes}MB")];
        let server = runtime.block_on(Server::start_set(settings));
        let mut postgres = Self {
            id: 0,
            programs: PathBuf::new(),
            version: String::new(),
            cache_megabytes,
            runtime,
            server,
        };
        let admin = postgres.server.url("postgres");
        // The server process of a connection is a child of the first one.
        let backend = postgres.text(&admin, "select pg_backend_pid()::text")?;
        postgres.id = cpu::parent_of(backend.parse()?)?;
        let programs = "select setting from pg_config where name = 'BINDIR'";
        postgres.programs = postgres.text(&admin, programs)?.into();
        postgres.version = postgres.text(&admin, "show server_version")?;
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let value = postgres.text(&admin, &format!("show {setting}"))?;
            ensure!(
                value == "on",
                "{setting} is {value}: orders would not be durable"
            );
        }
        Ok(postgres)
    }

    /// The URL of a new, empty database.
    pub(crate) fn database(&self) -> String {
        self.runtime.block_on(self.server.database()).url()
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// A program that comes with the server, or else one of that name on the PATH.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        let beside = self.programs.join(name);
        if beside.is_file() {
            beside
        } else {
            name.into()
        }
    }

    /// Everything that the server has logged.
    pub(crate) fn log(&self) -> String {
        self.server.log()
    }

    /// Runs statements.
    pub(crate) fn execute(&self, url: &str, statements: &str) -> Result<()> {
        let work = async {
            let mut connection = PgConnection::connect(url).await?;
            sqlx::raw_sql(AssertSqlSafe(statements.to_owned()))
                .execute(&mut connection)
                .await?;
            connection.close().await
        };
        let outcome = self.runtime.block_on(work);
        outcome.with_context(|| format!("PostgreSQL refuses: {}", first_line(statements)))
    }

    /// The one value that a query yields, which has to be text.
    pub(crate) fn text(&self, url: &str, query: &str) -> Result<String> {
        let work = async {
            let mut connection = PgConnection::connect(url).await?;
            let value: String = sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
                .fetch_one(&mut connection)
                .await?;
            connection.close().await?;
            Ok::<String, sqlx::Error>(value)
        };
        let outcome = self.runtime.block_on(work);
        outcome.with_context(|| format!("PostgreSQL refuses: {}", first_line(query)))
    }

    /// Starts each run from the same state: nothing of the run before is left to be written.
    pub(crate) fn checkpoint(&self) -> Result<()> {
        self.execute(&self.server.url("postgres"), "checkpoint")
    }

    /// Fills a database that trade has migrated.
    pub(crate) fn fill(&self, url: &str, fill: Fill) -> Result<()> {
        let Fill {
            users,
            positions,
            trades,
        } = fill;
        for (table, known) in FILLED {
            self.expect_columns(url, table, known)?;
        }
        let settings = format!(
            "select
                set_config('fill.users', '{users}', false),
                set_config('fill.positions', '{positions}', false),
                set_config('fill.trades', '{trades}', false);\n"
        );
        self.execute(url, &format!("{settings}{FILL}"))?;
        self.execute(url, "vacuum analyze")
    }

    /// Refuses a schema that has moved on from the statements of this folder, before they fail on it.
    fn expect_columns(&self, url: &str, table: &str, known: &[&str]) -> Result<()> {
        let missing = self.text(
            url,
            &format!(
                "select coalesce(string_agg(column_name, ', '), '')
                from information_schema.columns
                where table_schema = 'public'
                    and table_name = '{table}'
                    and is_nullable = 'NO'
                    and column_default is null
                    and is_identity = 'NO'
                    and is_generated = 'NEVER'
                    and column_name <> all ('{{{}}}'::text[])",
                known.join(",")
            ),
        )?;
        ensure!(
            missing.is_empty(),
            "{table} has columns that the statements of bench/sql do not fill: {missing}"
        );
        Ok(())
    }
}

/// The columns that the statements of `bench/sql` fill; others must have a default.
const FILLED: [(&str, &[&str]); 3] = [
    ("accounts", &["user_id"]),
    (
        "portfolio",
        &[
            "user_id",
            "symbol",
            "quantity",
            "cost_basis",
            "realized_pnl",
            "updated_at",
        ],
    ),
    (
        "trades",
        &[
            "id",
            "user_id",
            "symbol",
            "side",
            "quantity",
            "price",
            "total",
            "realized_pnl",
            "executed_at",
        ],
    ),
];

fn first_line(statements: &str) -> &str {
    statements.trim_start().lines().next().unwrap_or_default()
}
