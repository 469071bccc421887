//! The crates of the workspace, who uses whom, and what a change of a file concerns. Pure.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::release::Service;

/// What is tested by itself: a service with all that it is made of, or everything else.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Part {
    /// A service, and the crates that it and its tests use.
    Service(Service),
    /// The crates that are in no service, and those that they use.
    Tools,
}

/// The crates of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    packages: Vec<Package>,
}

#[derive(Clone, Debug)]
struct Package {
    name: String,
    /// Beside the workspace's root.
    folder: String,
    uses: Vec<Use>,
}

#[derive(Clone, Debug)]
struct Use {
    package: String,
    is_for_tests: bool,
}

/// Whether the crates that only tests use count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reach {
    /// What is in the binary.
    Binary,
    /// What its tests use, too.
    Tests,
}

impl Part {
    pub(crate) const ALL: [Self; 3] = [
        Self::Service(Service::StockListing),
        Self::Service(Service::Trade),
        Self::Tools,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Service(service) => service.name(),
            Self::Tools => "tools",
        }
    }

    pub(crate) fn service(self) -> Option<Service> {
        match self {
            Self::Service(service) => Some(service),
            Self::Tools => None,
        }
    }
}

impl Display for Part {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|part| part.name() == text);
        found.ok_or_else(|| format!("there are {}", Self::ALL.map(Self::name).join(", ")))
    }
}

impl Workspace {
    /// Reads what `cargo metadata --no-deps` tells.
    pub(crate) fn of(metadata: &Value) -> Result<Self> {
        let root = metadata["workspace_root"].as_str().context("a workspace")?;
        let packages = metadata["packages"].as_array().context("its packages")?;
        let packages: Result<Vec<_>> = packages
            .iter()
            .map(|package| Package::of(package, Path::new(root)))
            .collect();
        let workspace = Self {
            packages: packages?,
        };
        for service in Service::ALL {
            ensure!(
                workspace.package(service.name()).is_some(),
                "the workspace has no {service}"
            );
        }
        Ok(workspace)
    }

    /// The folders of the crates that a service is made of, its own among them.
    pub(crate) fn folders(&self, service: Service, reach: Reach) -> Vec<String> {
        let packages = self.used_by([service.name()], reach);
        packages
            .into_iter()
            .map(|package| package.folder.clone())
            .collect()
    }

    /// The crates whose tests a part runs. What is in a service is tested with it, not with the tools that use it as well.
    pub(crate) fn packages(&self, part: Part) -> Vec<&str> {
        let packages = match part {
            Part::Service(_) => self.members(part),
            Part::Tools => self.others(),
        };
        packages
            .into_iter()
            .map(|package| package.name.as_str())
            .collect()
    }

    /// The parts that a change of this file concerns. A file that is in no crate may be read by any test, so that it concerns all.
    pub(crate) fn parts_of(&self, file: &str) -> Vec<Part> {
        let Some(owner) = self.owner(file) else {
            return Part::ALL.to_vec();
        };
        let mut parts = Part::ALL.to_vec();
        parts.retain(|part| {
            let members = self.members(*part);
            members.iter().any(|member| member.name == owner.name)
        });
        parts
    }

    fn members(&self, part: Part) -> Vec<&Package> {
        match part {
            Part::Service(service) => self.used_by([service.name()], Reach::Tests),
            Part::Tools => {
                let others = self.others().into_iter();
                self.used_by(others.map(|package| package.name.as_str()), Reach::Tests)
            }
        }
    }

    /// The crates that are in no service.
    fn others(&self) -> Vec<&Package> {
        let in_services = self.used_by(Service::ALL.map(Service::name), Reach::Tests);
        let is_in_one =
            |package: &Package| in_services.iter().any(|other| other.name == package.name);
        let packages = self.packages.iter();
        packages.filter(|package| !is_in_one(package)).collect()
    }

    fn owner(&self, file: &str) -> Option<&Package> {
        let holds = |package: &&Package| Path::new(file).starts_with(&package.folder);
        let holders = self.packages.iter().filter(holds);
        holders.max_by_key(|package| package.folder.len())
    }

    fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }

    /// These and all that they use.
    fn used_by<'a>(&self, names: impl IntoIterator<Item = &'a str>, reach: Reach) -> Vec<&Package> {
        let mut waiting: Vec<&str> = Vec::new();
        let mut seen = BTreeSet::new();
        for name in names {
            waiting.extend(self.package(name).map(|package| package.name.as_str()));
        }
        while let Some(name) = waiting.pop() {
            // What is not of the workspace stands in the lock file.
            let Some(package) = self.package(name) else {
                continue;
            };
            if seen.insert(name) {
                let counts = |used: &&Use| reach == Reach::Tests || !used.is_for_tests;
                let used = package.uses.iter().filter(counts);
                waiting.extend(used.map(|used| used.package.as_str()));
            }
        }
        let is_used = |package: &&Package| seen.contains(package.name.as_str());
        self.packages.iter().filter(is_used).collect()
    }
}

impl Package {
    fn of(package: &Value, root: &Path) -> Result<Self> {
        let name = package["name"].as_str().context("a name")?;
        let manifest = package["manifest_path"].as_str().context("a manifest")?;
        let folder = Path::new(manifest).parent().context("a folder")?;
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let of_workspace = dependencies.filter(|dependency| !dependency["path"].is_null());
        let uses = of_workspace.filter_map(|dependency| {
            Some(Use {
                package: dependency["name"].as_str()?.to_owned(),
                is_for_tests: dependency["kind"] == "dev",
            })
        });
        Ok(Self {
            name: name.to_owned(),
            folder: folder.strip_prefix(root)?.display().to_string(),
            uses: uses.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workspace() -> Workspace {
        let package = |name: &str, folder: &str, uses: &[(&str, Option<&str>)]| {
            let dependencies: Vec<_> = uses
                .iter()
                .map(|(name, kind)| json!({"name": name, "kind": kind, "path": "somewhere"}))
                .chain([json!({"name": "axum", "kind": null, "path": null})])
                .collect();
            json!({
                "name": name, "manifest_path": format!("/w/{folder}/Cargo.toml"), "dependencies": dependencies,
            })
        };
        let metadata = json!({"workspace_root": "/w", "packages": [
            package("market", "crates/market", &[]),
            package("kit", "crates/kit", &[("market", None), ("testkit", Some("dev"))]),
            package("testkit", "crates/testkit", &[]),
            package("stock-listing", "services/stock-listing", &[("kit", None)]),
            package("trade", "services/trade", &[("kit", None), ("board", None)]),
            package("board", "crates/board", &[]),
            package("tool", "crates/tool", &[]),
            package("all-in-one", "crates/tool/all", &[("trade", None), ("stock-listing", None)]),
        ]});
        Workspace::of(&metadata).unwrap()
    }

    fn parts(file: &str) -> Vec<&'static str> {
        workspace()
            .parts_of(file)
            .into_iter()
            .map(Part::name)
            .collect()
    }

    #[test]
    fn a_change_concerns_all_that_is_made_of_it() {
        let all = ["stock-listing", "trade", "tools"];
        assert_eq!(parts("crates/market/src/lib.rs"), all);
        assert_eq!(parts("crates/testkit/src/lib.rs"), all);
        assert_eq!(parts("services/trade/src/lib.rs"), ["trade", "tools"]);
        assert_eq!(parts("crates/board/Cargo.toml"), ["trade", "tools"]);
        assert_eq!(parts("crates/tool/src/main.rs"), ["tools"]);
        assert_eq!(parts("crates/tool/all/src/main.rs"), ["tools"]);
    }

    #[test]
    fn what_is_in_no_crate_concerns_everything() {
        for file in [
            "Cargo.lock",
            "README.md",
            "db/init.sql",
            "crates/new/src/lib.rs",
        ] {
            assert_eq!(parts(file).len(), Part::ALL.len(), "{file}");
        }
    }

    #[test]
    fn every_crate_is_tested_in_some_part() {
        let workspace = workspace();
        for package in &workspace.packages {
            let is_tested = |part: Part| workspace.packages(part).contains(&&*package.name);
            assert!(Part::ALL.into_iter().any(is_tested), "{}", package.name);
        }
        assert_eq!(workspace.packages(Part::Tools), ["tool", "all-in-one"]);
    }

    #[test]
    fn tests_are_in_no_binary() {
        let folders = workspace().folders(Service::Trade, Reach::Binary);
        assert_eq!(
            folders,
            [
                "crates/market",
                "crates/kit",
                "services/trade",
                "crates/board"
            ]
        );
    }
}
