//! Runs both services until one of them ends; trading follows the catalogue beside it.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use catalogue_client::CatalogueClient;
use reqwest::Url;
use service_kit::lifecycle::Phase;
use service_kit::serve::Stop;
use tracing::warn;

use crate::banner::Banner;
use crate::client::Client;
use crate::door::door;
use crate::settings::Settings;
use crate::simulate::Simulation;

/// How the services are run.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Manner {
    /// Moves the prices at random, so that there is something to see
    #[arg(long)]
    demo: bool,
}

pub(crate) async fn run(settings: Settings, manner: Manner) -> Result<(), Box<dyn Error>> {
    let Settings {
        catalogue,
        mut trading,
    } = settings;
    let stop = Stop::on_signals()?;
    let data_dir = trading
        .common
        .database
        .url
        .is_none()
        .then(|| trading.common.database.data_dir.clone());

    let mut catalogue = stock_listing::build(catalogue).await?;
    let catalogue_address = catalogue.address()?;
    if trading.catalogue.is_none() {
        let beside = CatalogueClient::new(&format!("http://{catalogue_address}"))?;
        trading.catalogue = Some(Arc::new(beside));
    }
    let trading = trade::build(trading).await?;
    catalogue.router = door(catalogue.router, trading.router.clone());
    let banner = Banner {
        catalogue: catalogue_address,
        trading: trading.address()?,
        is_demo: manner.demo,
        data_dir,
    };

    let phases = [catalogue.lifecycle.clone(), trading.lifecycle.clone()];
    let welcome = async {
        for phase in &phases {
            phase.reached(Phase::Ready).await;
        }
        banner.print();
        if manner.demo
            && let Err(error) = demo(catalogue_address).await
        {
            warn!("the market stands still: {error:#}");
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        // When one service fails, the other must not serve on alone.
        result = async { tokio::try_join!(catalogue.run(&stop), trading.run(&stop)) } => {
            result?;
            Ok(())
        }
        () = welcome => Ok(()),
    }
}

/// Moves the market of this process; never ends when all is well.
async fn demo(catalogue: SocketAddr) -> anyhow::Result<()> {
    let url = Url::parse(&format!("http://{catalogue}"))?;
    let client = Client::new(url.clone(), url, None)?;
    Simulation::of_demo().run(&client).await
}
