//! Many clients at once, on one process and on two: nobody sells twice what is held, no order happens twice.

pub(crate) mod books;
pub(crate) mod dice;
mod journal;
pub(crate) mod load;
mod replicas;
mod same_key;
mod same_shares;

use testkit::{Service, http::Client};

use crate::support::{Backend, Trade};

/// Processes of the service that share one database.
pub(crate) struct Cluster {
    /// How a failure names it.
    name: &'static str,
    /// A client for each process.
    apis: Vec<Client>,
    _services: Vec<Service>,
    _backend: Backend,
}

impl Cluster {
    async fn start(name: &'static str, backend: Backend, processes: usize) -> Self {
        let mut services = Vec::new();
        let mut apis = Vec::new();
        for _ in 0..processes {
            let (service, api) = Trade::start(&backend, &[]).await;
            services.push(service);
            apis.push(api);
        }
        Self {
            name,
            apis,
            _services: services,
            _backend: backend,
        }
    }

    /// A process on SQLite.
    async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start("SQLite", Backend::Sqlite(folder), 1).await
    }

    /// Processes that share a PostgreSQL database.
    async fn on_postgres(processes: usize) -> Self {
        let database = testkit::postgres::database().await;
        let name = if processes == 1 {
            "PostgreSQL"
        } else {
            "PostgreSQL, many processes"
        };
        Self::start(name, Backend::Postgres(database), processes).await
    }

    /// The client that the caller of this number uses.
    fn api(&self, number: usize) -> &Client {
        &self.apis[number % self.apis.len()]
    }
}
