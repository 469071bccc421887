//! `tag`, `images`: the names of releases in the registry.
#![expect(
    clippy::print_stdout,
    reason = "what was asked for goes to the standard output"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::{Value, json};

use super::harbor::{Account, PROJECT};
use super::order::choose;
use super::prune::Prune;
use super::{Engine, Source};
use crate::adapters::harbor::Harbor;
use crate::adapters::registry::{Registry, Tagged};
use crate::build_cache::is_cache;
use crate::environment::Environment;
use crate::release::{Digest, Image, Service, Target};
use crate::site::now;
use crate::tag as rules;

/// Images that are looked at side by side.
const SIDE_BY_SIDE: usize = 4;

#[derive(Args)]
pub(super) struct Tag {
    /// The release: its tag, or digests
    release: Target,
    /// What it is called as well
    #[arg(required = true)]
    tags: Vec<String>,
    #[command(flatten)]
    source: Source,
}

impl Tag {
    pub(super) async fn run(self, engine: &Engine) -> Result<ExitCode> {
        for tag in &self.tags {
            rules::check_new(tag)?;
        }
        let registry = self.source.registry()?;
        // A digest alone changes one service; the other one is that of dev.
        let site = engine.site(Environment::Dev);
        let release = choose(&registry, &site, &self.release).await?;
        for tag in &self.tags {
            for (service, image) in &release.images {
                let was = match registry.tag(*service, image, tag).await? {
                    Tagged::Now => "tagged",
                    Tagged::Already => "was tagged",
                };
                println!("{}:{tag} {was} {}", image.repository, image.digest);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Images {
    #[command(subcommand)]
    verb: Option<ImagesVerb>,
    /// Of this service alone
    #[arg(long)]
    service: Option<Service>,
    /// For machines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    account: Account,
    #[command(flatten)]
    source: Source,
}

#[derive(Subcommand)]
enum ImagesVerb {
    /// Deletes the images in Harbor that nothing needs any more
    Prune(Prune),
}

/// An image with its names.
struct Named {
    service: Service,
    image: Image,
    tags: Vec<String>,
    /// When it came, where the registry knows.
    pushed: Option<DateTime<Utc>>,
}

impl Images {
    pub(super) async fn run(self, engine: &Engine) -> Result<ExitCode> {
        if let Some(ImagesVerb::Prune(prune)) = self.verb {
            return prune.run(engine).await;
        }
        let registry = self.source.registry()?;
        let deployed = deployed(engine).await;
        let harbor = self.account.harbor()?;
        let mut found = Vec::new();
        for service in Service::one_or_all(self.service) {
            found.extend(match &harbor {
                Some(harbor) => in_harbor(harbor, &registry, service).await?,
                None => in_registry(&registry, service).await?,
            });
        }
        let cosign = self.source.cosign()?;
        let described = stream::iter(found).map(async |named| {
            let image = &named.image;
            let made = async {
                match named.pushed {
                    Some(pushed) => Some(pushed),
                    None => registry.created(image).await.ok().flatten(),
                }
            };
            let (made, signed) = tokio::join!(made, cosign.verify(image));
            json!({
                "service": named.service,
                "digest": image.digest,
                "tags": named.tags,
                "created": made.map(|at| at.to_rfc3339()),
                "signed": signed.is_ok(),
                "deployed": deployed.get(&image.digest).cloned().unwrap_or_default(),
            })
        });
        let described: Vec<Value> = described.buffered(SIDE_BY_SIDE).collect().await;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&described)?);
        } else {
            described.iter().for_each(print);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The images of a service that have names, as Harbor lists them.
async fn in_harbor(harbor: &Harbor, registry: &Registry, service: Service) -> Result<Vec<Named>> {
    let artifacts = harbor.artifacts(PROJECT, service.name()).await?;
    let named = artifacts.into_iter().map(|artifact| {
        let image = Image {
            repository: registry.repository(service),
            digest: artifact.digest.parse()?,
        };
        let tags = artifact.tags.into_iter().map(|tag| tag.name);
        Ok(Named {
            service,
            image,
            tags: tags.filter(|tag| is_release(tag)).collect(),
            pushed: artifact.push_time,
        })
    });
    let named: Result<Vec<_>> = named.collect();
    Ok(named?
        .into_iter()
        .filter(|it| !it.tags.is_empty())
        .collect())
}

/// The same from any registry, tag by tag.
async fn in_registry(registry: &Registry, service: Service) -> Result<Vec<Named>> {
    let tags = registry.tags(service).await?;
    let tags = stream::iter(tags.into_iter().filter(|tag| is_release(tag)));
    let found = tags.map(async |tag| (registry.image(service, &tag).await, tag));
    let found: Vec<_> = found.buffered(SIDE_BY_SIDE).collect().await;
    let mut by_digest: BTreeMap<Digest, Named> = BTreeMap::new();
    for (image, tag) in found {
        // A tag may go in between.
        if let Some(image) = image? {
            let entry = by_digest.entry(image.digest.clone());
            let named = entry.or_insert_with(|| Named {
                service,
                image,
                tags: Vec::new(),
                pushed: None,
            });
            named.tags.push(tag);
        }
    }
    Ok(by_digest.into_values().collect())
}

/// Neither a cache, nor a signature where the registry keeps those under names.
fn is_release(tag: &str) -> bool {
    !is_cache(tag) && !tag.starts_with("sha256-")
}

/// Where each digest serves, as far as the ledgers within reach say.
async fn deployed(engine: &Engine) -> BTreeMap<Digest, BTreeSet<&'static str>> {
    let mut places: BTreeMap<Digest, BTreeSet<_>> = BTreeMap::new();
    for environment in Environment::ALL {
        let Ok(ledger) = engine.site(environment).ledger().await else {
            continue;
        };
        for image in ledger.current().iter().flat_map(|it| it.images.values()) {
            let place = places.entry(image.digest.clone()).or_default();
            place.insert(environment.name());
        }
    }
    places
}

fn print(image: &Value) {
    let text = |name: &str| image[name].as_str().unwrap_or("-").to_owned();
    let list = |name: &str| {
        let items = image[name].as_array().into_iter().flatten();
        let items: Vec<_> = items.filter_map(Value::as_str).collect();
        items.join(" ")
    };
    let signed = if image["signed"] == true {
        "signed"
    } else {
        "not signed"
    };
    let digest = text("digest");
    println!(
        "{:<14} {}  {:>9}  {signed:<10}  {}  {}",
        text("service"),
        digest
            .parse()
            .map_or(digest, |digest: Digest| digest.short().to_owned()),
        age(image["created"].as_str()),
        list("tags"),
        match list("deployed").as_str() {
            "" => String::new(),
            places => format!("(serves in {places})"),
        }
    );
}

/// How long ago, in the largest unit that says something.
fn age(created: Option<&str>) -> String {
    let created = created.and_then(|at| at.parse::<DateTime<Utc>>().ok());
    let Some(age) = created.map(|at| now() - at) else {
        return "-".to_owned();
    };
    match (age.num_days(), age.num_hours()) {
        (0, 0) => format!("{} min", age.num_minutes()),
        (0, hours) => format!("{hours} h"),
        (days, _) => format!("{days} d"),
    }
}
