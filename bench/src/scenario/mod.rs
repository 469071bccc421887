//! What is measured, one file a scenario. Each brings up what it needs, lets the contenders take turns, and takes it
//! down again.

mod feed;
mod grown;
mod latency;
mod orders;
mod reads;
mod start;
mod stream;

use anyhow::Result;

use crate::{report::Scenario, session::Session};

/// A scenario by its name.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    about: &'static str,
    run: fn(&Session, &mut Scenario) -> Result<()>,
}

/// All of them, in the order of the report.
pub(crate) const ALL: [Entry; 7] = [
    Entry {
        name: "orders",
        about: orders::ABOUT,
        run: orders::run,
    },
    Entry {
        name: "grown",
        about: grown::ABOUT,
        run: grown::run,
    },
    Entry {
        name: "reads",
        about: reads::ABOUT,
        run: reads::run,
    },
    Entry {
        name: "stream",
        about: stream::ABOUT,
        run: stream::run,
    },
    Entry {
        name: "feed",
        about: feed::ABOUT,
        run: feed::run,
    },
    Entry {
        name: "start",
        about: start::ABOUT,
        run: start::run,
    },
    Entry {
        name: "latency",
        about: latency::ABOUT,
        run: latency::run,
    },
];

impl Entry {
    /// What it found out; when it ends early, what it had found until then and why it ended.
    pub(crate) fn run(&self, session: &Session) -> Scenario {
        let mut scenario = Scenario {
            name: self.name.to_owned(),
            about: self.about.to_owned(),
            ..Scenario::default()
        };
        if let Err(error) = (self.run)(session, &mut scenario) {
            scenario.error = Some(format!("{error:#}"));
        }
        scenario
    }
}
