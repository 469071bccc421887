//! Runs both services until one of them ends; trading follows the catalogue beside it.

use std::error::Error;
use std::sync::Arc;

use catalogue_client::CatalogueClient;
use service_kit::lifecycle::Phase;
use service_kit::serve::Stop;

use crate::banner::Banner;
use crate::settings::Settings;

pub(crate) async fn run(settings: Settings) -> Result<(), Box<dyn Error>> {
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

    let catalogue = stock_listing::build(catalogue).await?;
    let catalogue_address = catalogue.address()?;
    if trading.catalogue.is_none() {
        let beside = CatalogueClient::new(&format!("http://{catalogue_address}"))?;
        trading.catalogue = Some(Arc::new(beside));
    }
    let trading = trade::build(trading).await?;
    let banner = Banner {
        catalogue: catalogue_address,
        trading: trading.address()?,
        data_dir,
    };

    let phases = [catalogue.lifecycle.clone(), trading.lifecycle.clone()];
    let welcome = async {
        for phase in &phases {
            phase.reached(Phase::Ready).await;
        }
        banner.print();
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
