//! `ci analyse`: `SonarQube` looks at a service, with what clippy and the coverage of its tests say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::Value;
use tokio::process::Command;

use super::Engine;
use super::test::Count;
use crate::adapters::process;
use crate::adapters::sonarqube::{Measures, SonarQube};
use crate::cli::sonarqube::project;
use crate::progress::{add_to_summary, note};
use crate::release::Service;

/// What is compiled and tested does not see it.
const TOKEN_VARIABLE: &str = "SONAR_TOKEN";

#[derive(Args)]
pub(in crate::cli) struct Analyse {
    /// Which service
    service: Service,
    /// `SonarQube`
    #[arg(long, env = "SONAR_HOST_URL", default_value = "http://sonarqube:9000")]
    server: String,
    /// Its token
    #[arg(long, env = TOKEN_VARIABLE, hide_env_values = true)]
    token: String,
    /// The scanner's name or path
    #[arg(long, env = "SONAR_SCANNER", default_value = "sonar-scanner")]
    scanner: PathBuf,
    /// More of the scanner's `-D`
    #[arg(
        long = "define",
        value_name = "NAME=VALUE",
        env = "SONAR_DEFINE",
        value_delimiter = ','
    )]
    defines: Vec<String>,
    /// A folder for what is imported: `<service>/clippy.json` and `<service>/lcov.info`
    #[arg(long, default_value = "reports")]
    out: PathBuf,
    /// A file that a summary in Markdown is added to
    #[arg(long, env = "GITHUB_STEP_SUMMARY", hide_env = true)]
    summary: Option<PathBuf>,
}

impl Analyse {
    pub(super) async fn run(self, engine: &Engine) -> Result<ExitCode> {
        let out = std::path::absolute(engine.folder.join(&self.out))?.join(self.service.name());
        std::fs::create_dir_all(&out)?;
        let (lints, coverage) = (out.join("clippy.json"), out.join("lcov.info"));
        let work = tempfile::tempdir()?;
        self.lint(engine, &lints).await?;
        self.cover(engine, &coverage).await?;
        let passed = self.scan(engine, &lints, &coverage, work.path()).await;

        let server = SonarQube::with_token(&self.server, &self.token)?;
        let project = project(self.service);
        let measures = server.measures(&project).await?;
        let reasons = match &passed {
            Ok(()) => Vec::new(),
            Err(_) => server.reasons(&project).await?,
        };
        self.summarise(&measures, passed.is_ok(), &reasons)?;
        for reason in &reasons {
            note(reason);
        }
        passed?;
        measures.check().with_context(|| {
            format!("{project} has passed the quality gate, and the gate had nothing to look at")
        })?;
        note(&format!("{project}: {measures}"));
        Ok(ExitCode::SUCCESS)
    }

    /// What clippy says, in cargo's JSON.
    async fn lint(&self, engine: &Engine, file: &Path) -> Result<()> {
        let mut command = process::program("cargo");
        command
            .args([
                "clippy",
                "--locked",
                "--all-targets",
                "--message-format=json",
            ])
            .args(["--package", self.service.name()])
            // What is denied is a finding too, and no end of the looking.
            .args(["--", "--cap-lints", "warn"])
            .env_remove(TOKEN_VARIABLE)
            .current_dir(&engine.folder);
        let said = process::run(&mut command, b"", process::COMPILE_TIMEOUT).await?;
        ensure!(
            said.contains("\"reason\":\"build-finished\",\"success\":true"),
            "clippy has not come to an end"
        );
        let folder = format!("services/{}/", self.service);
        std::fs::write(file, lints_of(&said, &folder)?).with_context(|| file.display().to_string())
    }

    /// Which lines the tests run, in LCOV.
    async fn cover(&self, engine: &Engine, file: &Path) -> Result<()> {
        // What an earlier call left is no evidence.
        if file.exists() {
            std::fs::remove_file(file)?;
        }
        let mut command = Command::new("cargo");
        command
            .args(["llvm-cov", "test", "--locked", "--lcov"])
            .args(["--package", self.service.name(), "--output-path"])
            .arg(file)
            .env_remove(TOKEN_VARIABLE)
            .current_dir(&engine.folder);
        let ended = process::watch(&mut command, None).await?;
        ensure!(
            ended.is_success,
            "no coverage: cargo llvm-cov has failed (cargo install cargo-llvm-cov, rustup component add llvm-tools)"
        );
        Count::of(&ended.output)
            .check()
            .with_context(|| self.service.to_string())?;
        let lines = Lines::of(&std::fs::read_to_string(file).context("the coverage report")?);
        ensure!(
            lines.found > 0 && lines.hit > 0,
            "the coverage report of {} speaks of no line that was run: {lines:?}",
            self.service
        );
        Ok(())
    }

    /// The analysis; an error when the quality gate is not passed.
    async fn scan(
        &self,
        engine: &Engine,
        lints: &Path,
        coverage: &Path,
        work: &Path,
    ) -> Result<()> {
        let mut command = Command::new(&self.scanner);
        command
            .current_dir(engine.folder.join("services").join(self.service.name()))
            .env(TOKEN_VARIABLE, &self.token)
            .env("SONAR_HOST_URL", &self.server)
            .arg("-Dsonar.qualitygate.wait=true")
            // Beside the sources it would come into the images.
            .arg(format!("-Dsonar.working.directory={}", work.display()))
            .arg(format!(
                "-Dsonar.rust.clippyReport.reportPaths={}",
                lints.display()
            ))
            .arg(format!(
                "-Dsonar.rust.lcov.reportPaths={}",
                coverage.display()
            ));
        for define in &self.defines {
            command.arg(format!("-D{define}"));
        }
        let ended = process::watch(&mut command, None).await?;
        ensure!(
            ended.is_success,
            "SonarQube has not passed {}",
            self.service
        );
        Ok(())
    }

    fn summarise(&self, measures: &Measures, has_passed: bool, reasons: &[String]) -> Result<()> {
        let Some(file) = &self.summary else {
            return Ok(());
        };
        let verdict = if has_passed {
            "passed"
        } else {
            "**not passed**"
        };
        let reasons: String = reasons
            .iter()
            .flat_map(|reason| ["- `", reason, "`\n"])
            .collect();
        let text = format!(
            "### SonarQube, {}\n\nQuality gate: {verdict}\n\n{measures}\n{reasons}",
            self.service
        );
        add_to_summary(file, &text)
    }
}

/// Clippy's messages with the paths that the scanner knows, which begin below the project's folder. What clippy says of a library
/// and says again of its tests is there once.
fn lints_of(said: &str, folder: &str) -> Result<String> {
    let mut seen = BTreeSet::new();
    let mut lints = String::new();
    for line in said.lines() {
        let mut message: Value = serde_json::from_str(line).context("what clippy says")?;
        if message["reason"] != "compiler-message" {
            continue;
        }
        shorten(&mut message["message"], folder);
        if seen.insert(message["message"].to_string()) {
            lints += &message.to_string();
            lints.push('\n');
        }
    }
    Ok(lints)
}

/// Takes the folder away from each file name in it.
fn shorten(message: &mut Value, folder: &str) {
    match message {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(path) if name == "file_name" => {
                        *path = path.strip_prefix(folder).unwrap_or(path).to_owned();
                    }
                    value => shorten(value, folder),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| shorten(item, folder)),
        _ => {}
    }
}

/// The lines of a coverage report.
#[derive(Debug, Default, Eq, PartialEq)]
struct Lines {
    found: u64,
    hit: u64,
}

impl Lines {
    /// Adds up the records of all files (geninfo(1): `LF:` found, `LH:` hit).
    fn of(lcov: &str) -> Self {
        let sum = |name: &str| {
            let values = lcov.lines().filter_map(|line| line.strip_prefix(name));
            values
                .filter_map(|value| value.trim().parse::<u64>().ok())
                .sum()
        };
        Self {
            found: sum("LF:"),
            hit: sum("LH:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lints_are_told_once_with_paths_below_the_project() {
        let lint = r#"{"reason":"compiler-message","target":{"kind":["KIND"]},"message":{"message":"no effect","spans":[{"file_name":"services/trade/src/lib.rs","line_start":7}],"children":[{"spans":[{"file_name":"services/trade/src/lib.rs"}]}]}}"#;
        let said = [
            r#"{"reason":"compiler-artifact","filenames":[]}"#,
            &lint.replace("KIND", "lib"),
            &lint.replace("KIND", "test"),
            r#"{"reason":"build-finished","success":true}"#,
        ];
        let lints = lints_of(&said.join("\n"), "services/trade/").unwrap();
        assert_eq!(lints.lines().count(), 1, "{lints}");
        let lint: Value = serde_json::from_str(&lints).unwrap();
        assert_eq!(lint["message"]["spans"][0]["file_name"], "src/lib.rs");
        assert!(!lints.contains("services/trade/src"), "{lints}");
        assert!(lints_of("not JSON", "services/trade/").is_err());
    }

    #[test]
    fn lines_are_added_up_over_files() {
        let lcov =
            "SF:a.rs\nDA:1,1\nLF:10\nLH:7\nend_of_record\nSF:b.rs\nLF:5\nLH:0\nend_of_record\n";
        assert_eq!(Lines::of(lcov), Lines { found: 15, hit: 7 });
        assert_eq!(Lines::of(""), Lines::default());
    }
}
