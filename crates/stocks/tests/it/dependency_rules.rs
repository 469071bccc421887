//! Which package may depend on which, as `cargo metadata` tells it. Only direct dependencies are looked at: a chain that
//! breaks a rule has a link that breaks one.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, MetadataCommand, TargetKind};

const SERVICES: [&str; 2] = ["stock-listing", "trade"];
/// Packages that `service-kit` must not know: they know stocks and trades.
const TRADING: [&str; 3] = ["stock-listing", "trade", "catalogue-client"];
const DELIVERY_TOOL: &str = "stocksctl";
/// Never shipped, and as a test does, they start what they look at.
const MAY_USE_TESTKIT: [&str; 2] = ["bench", "e2e"];

/// A package of the workspace.
#[derive(Clone, Debug)]
struct Package {
    name: String,
    has_library: bool,
    dependencies: Vec<Dependency>,
}

impl Package {
    fn depends_on(&self, name: &str) -> bool {
        self.dependencies
            .iter()
            .any(|dependency| dependency.on == name)
    }
}

/// A direct dependency of one package on another.
#[derive(Clone, Debug)]
struct Dependency {
    on: String,
    in_tests_only: bool,
}

/// Each rule that `packages` break, as a sentence; none when all is well. Dependencies from outside the workspace pass.
fn broken_rules(packages: &[Package]) -> BTreeSet<String> {
    let ours: BTreeSet<&str> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let binaries: BTreeSet<&str> = packages
        .iter()
        .filter(|package| !package.has_library)
        .map(|package| package.name.as_str())
        .collect();

    let mut broken = BTreeSet::new();
    for package in packages {
        for dependency in &package.dependencies {
            let (from, on) = (package.name.as_str(), dependency.on.as_str());
            if !ours.contains(on) {
                continue;
            }
            let mut refuse_if = |is_broken: bool, rule: &str| {
                if is_broken {
                    broken.insert(format!("{from} depends on {on}: {rule}"));
                }
            };
            refuse_if(from == "market", "market depends on nothing of ours");
            refuse_if(
                from == "service-kit" && TRADING.contains(&on),
                "service-kit knows no stock and no trade",
            );
            refuse_if(
                SERVICES.contains(&from) && SERVICES.contains(&on),
                "the services know each other through catalogue-client alone",
            );
            refuse_if(
                from == DELIVERY_TOOL && SERVICES.contains(&on),
                "stocksctl depends on no service",
            );
            refuse_if(binaries.contains(on), "nothing depends on a binary");
            refuse_if(
                on == "testkit" && !dependency.in_tests_only && !MAY_USE_TESTKIT.contains(&from),
                "testkit is for tests, the bench and e2e alone",
            );
        }
    }
    broken
}

/// The packages of this workspace.
fn workspace() -> cargo_metadata::Result<Vec<Package>> {
    let metadata = MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .no_deps()
        .exec()?;
    let packages = metadata
        .workspace_packages()
        .into_iter()
        .map(|package| Package {
            name: package.name.to_string(),
            has_library: package.targets.iter().any(|target| {
                target.is_kind(TargetKind::Lib) || target.is_kind(TargetKind::ProcMacro)
            }),
            dependencies: package
                .dependencies
                .iter()
                // A package of the registry may have a name of ours; it has no path.
                .filter(|dependency| dependency.path.is_some())
                .map(|dependency| Dependency {
                    on: dependency.name.clone(),
                    in_tests_only: dependency.kind == DependencyKind::Development,
                })
                .collect(),
        });
    Ok(packages.collect())
}

#[test]
fn the_workspace_keeps_every_rule_of_dependency() {
    let packages = workspace().expect("cargo metadata reads the workspace");
    for name in [
        "market",
        "service-kit",
        "catalogue-client",
        "stock-listing",
        "trade",
        "stocks",
        "testkit",
    ] {
        assert!(
            packages.iter().any(|package| package.name == name),
            "the rules speak of {name}, which is not in the workspace"
        );
    }
    assert!(
        packages
            .iter()
            .any(|package| package.name == "stocks" && package.depends_on("trade")),
        "no dependency of the workspace was read"
    );
    assert_eq!(broken_rules(&packages), BTreeSet::new());
}

#[test]
fn the_layout_of_the_architecture_breaks_no_rule() {
    assert_eq!(broken_rules(&sound()), BTreeSet::new());
}

#[test]
fn market_depends_on_no_package_of_the_workspace() {
    refuses("market", &normal("service-kit"));
    refuses("market", &in_tests("testkit"));
}

#[test]
fn service_kit_knows_no_stock_and_no_trade() {
    refuses("service-kit", &normal("stock-listing"));
    refuses("service-kit", &normal("trade"));
    refuses("service-kit", &in_tests("catalogue-client"));
}

#[test]
fn the_services_never_depend_on_each_other() {
    refuses("trade", &normal("stock-listing"));
    refuses("trade", &in_tests("stock-listing"));
    refuses("stock-listing", &normal("trade"));
}

#[test]
fn the_delivery_tool_depends_on_no_service() {
    refuses("stocksctl", &normal("trade"));
    refuses("stocksctl", &in_tests("stock-listing"));
}

#[test]
fn nothing_depends_on_a_binary() {
    refuses("testkit", &normal("stocks"));
    refuses("stocks", &in_tests("stocksctl"));
}

#[test]
fn testkit_is_a_dependency_of_tests_and_the_bench_alone() {
    refuses("trade", &normal("testkit"));
    refuses("stocks", &normal("testkit"));
}

#[test]
fn a_package_from_outside_the_workspace_is_not_ours_to_rule_on() {
    let packages = with(sound(), "market", &normal("serde"));
    assert_eq!(broken_rules(&packages), BTreeSet::new());
}

/// The packages as the architecture draws them.
fn sound() -> Vec<Package> {
    vec![
        library("market", vec![]),
        library("service-kit", vec![normal("market")]),
        library("catalogue-client", vec![normal("market")]),
        library("testkit", vec![]),
        library(
            "stock-listing",
            vec![
                normal("catalogue-client"),
                normal("market"),
                normal("service-kit"),
                in_tests("testkit"),
            ],
        ),
        library(
            "trade",
            vec![
                normal("catalogue-client"),
                normal("market"),
                normal("service-kit"),
                in_tests("testkit"),
            ],
        ),
        binary(
            "stocks",
            vec![
                normal("service-kit"),
                normal("stock-listing"),
                normal("trade"),
                in_tests("testkit"),
            ],
        ),
        binary("stocksctl", vec![in_tests("testkit")]),
        binary("bench", vec![normal("testkit")]),
    ]
}

/// Asserts that one more dependency makes a sound workspace break a rule, and that the message names both packages.
#[track_caller]
fn refuses(from: &str, dependency: &Dependency) {
    let sentence = format!("{from} depends on {}: ", dependency.on);
    let broken = broken_rules(&with(sound(), from, dependency));
    assert!(
        broken.iter().any(|rule| rule.starts_with(&sentence)),
        "no rule says `{sentence}`: {broken:?}"
    );
}

fn with(mut packages: Vec<Package>, from: &str, dependency: &Dependency) -> Vec<Package> {
    for package in packages.iter_mut().filter(|package| package.name == from) {
        package.dependencies.push(dependency.clone());
    }
    packages
}

fn library(name: &str, dependencies: Vec<Dependency>) -> Package {
    Package {
        name: name.to_owned(),
        has_library: true,
        dependencies,
    }
}

fn binary(name: &str, dependencies: Vec<Dependency>) -> Package {
    Package {
        name: name.to_owned(),
        has_library: false,
        dependencies,
    }
}

fn normal(on: &str) -> Dependency {
    Dependency {
        on: on.to_owned(),
        in_tests_only: false,
    }
}

fn in_tests(on: &str) -> Dependency {
    Dependency {
        on: on.to_owned(),
        in_tests_only: true,
    }
}
