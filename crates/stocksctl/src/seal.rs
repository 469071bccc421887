//! Vault as an environment meets it: open, sealed or out of reach, and the command that opens it.

use anyhow::Result;

use crate::adapters::docker::{Docker, Seen};
use crate::adapters::process::Ended;
use crate::environment::Environment;
use crate::plan::Part;

/// The container of Vault, where it runs on the same engine.
const CONTAINER: &str = "vault";
/// The unseal keys of a laptop, below the project's folder (see `vault/dev.sh`).
const KEPT_KEYS: &str = "vault/vault-init.json";
/// Vault's own client would try for minutes.
const BRIEFLY: [&str; 4] = [
    "--env",
    "VAULT_CLIENT_TIMEOUT=5s",
    "--env",
    "VAULT_MAX_RETRIES=0",
];

/// The answer of `vault status`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Seal {
    /// It gives secrets.
    Open,
    /// It wants its unseal keys, as after each restart.
    Sealed,
    /// It has no keys yet.
    Uninitialized,
    /// It does not answer, for this reason.
    Away(String),
}

/// Vault, and what is known of the place where it runs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Vault {
    pub(crate) seal: Seal,
    /// The state of Vault's container; none where this engine has none.
    pub(crate) container: Option<String>,
    /// The folder has the unseal keys.
    pub(crate) has_keys: bool,
    /// The docker command that reaches the engine.
    pub(crate) docker: String,
}

impl Vault {
    /// Asks through the environment's agent, and where that cannot say, through Vault's own container. None where this engine
    /// has neither.
    pub(crate) async fn look(docker: &Docker, seen: &[Seen]) -> Result<Option<Self>> {
        let container = state_of_container(docker).await?;
        let agent = seen.iter().find(|seen| seen.is(Part::VaultAgent));
        let agent = agent.filter(|agent| agent.condition.is_running());
        let told = match agent {
            Some(agent) => Some(ask(docker, &agent.id).await?),
            None => None,
        };
        let seal = match (told, container.as_deref()) {
            (Some(seal @ (Seal::Open | Seal::Sealed | Seal::Uninitialized)), _) => seal,
            (told, Some("running")) => match (ask(docker, CONTAINER).await?, told) {
                // It is open, and the agent is cut off from it.
                (Seal::Open, Some(away)) => away,
                (seal, _) => seal,
            },
            (Some(away), _) => away,
            (None, Some(state)) => Seal::Away(format!("its container is {state}")),
            (None, None) => return Ok(None),
        };
        Ok(Some(Self::new(docker, container, seal)))
    }

    /// Asks as an agent would that is not there yet.
    pub(crate) async fn look_as_new_agent(
        docker: &Docker,
        environment: Environment,
    ) -> Result<Self> {
        let file = environment.compose_file();
        let run = [
            &["compose", "--file", &file, "run", "--rm", "--no-deps"][..],
            &["--no-TTY", "--entrypoint", "vault"],
            &BRIEFLY,
            &["vault-agent", "status"],
        ];
        let seal = read(&docker.attempt(&run.concat()).await?);
        Ok(Self::new(docker, state_of_container(docker).await?, seal))
    }

    fn new(docker: &Docker, container: Option<String>, seal: Seal) -> Self {
        Self {
            seal,
            container,
            has_keys: docker.context.is_none() && docker.folder.join(KEPT_KEYS).exists(),
            docker: docker.typed(),
        }
    }

    /// The fault, and the command that puts it right; none when it is open.
    pub(crate) fn fault(&self) -> Option<String> {
        let state = match &self.seal {
            Seal::Open => return None,
            Seal::Sealed => "Vault is sealed".to_owned(),
            Seal::Uninitialized => "Vault is not initialized".to_owned(),
            Seal::Away(reason) => format!("Vault does not answer ({reason})"),
        };
        Some(format!("{state}: {}", self.remedy()))
    }

    fn remedy(&self) -> String {
        let docker = &self.docker;
        let start = match (self.container.as_deref(), &self.seal) {
            (Some("paused"), Seal::Away(_)) => {
                return format!("type `{docker} unpause {CONTAINER}`");
            }
            (Some("running"), Seal::Away(_)) => {
                return format!(
                    "see `{docker} logs {CONTAINER}`, and whether the agent is on Vault's network"
                );
            }
            _ if self.has_keys => return "type `vault/dev.sh up`".to_owned(),
            (Some(_), Seal::Away(_)) => format!("`{docker} start {CONTAINER}`"),
            (None, Seal::Away(_)) => {
                format!("`{docker} compose --file docker-compose.vault.yml up --detach vault`")
            }
            (_, Seal::Uninitialized) => {
                return format!(
                    "type `{docker} exec -it {CONTAINER} sh /vault/scripts/init.sh`, or `vault/dev.sh up` on a laptop"
                );
            }
            (Some(_), _) => return format!("type {}", self.unseal()),
            (None, _) => {
                return "type `vault operator unseal` where it runs, three times, each time with another unseal key"
                    .to_owned();
            }
        };
        format!("type {start}, then {}", self.unseal())
    }

    fn unseal(&self) -> String {
        format!(
            "`{} exec -it {CONTAINER} vault operator unseal` three times, each time with another unseal key",
            self.docker
        )
    }
}

async fn state_of_container(docker: &Docker) -> Result<Option<String>> {
    let state = ["container", "inspect", "--format", "{{.State.Status}}"];
    let ended = docker.attempt(&[&state[..], &[CONTAINER]].concat()).await?;
    Ok(ended.is_success().then(|| ended.stdout.trim().to_owned()))
}

async fn ask(docker: &Docker, container: &str) -> Result<Seal> {
    let status = [&["exec"][..], &BRIEFLY, &[container, "vault", "status"]].concat();
    Ok(read(&docker.attempt(&status).await?))
}

/// `vault status` ends with 2 when Vault is sealed, and with 1 when it does not answer.
fn read(ended: &Ended) -> Seal {
    let is_new = || {
        let mut lines = ended.stdout.lines().map(str::split_whitespace);
        lines.any(|words| words.eq(["Initialized", "false"]))
    };
    match ended.code {
        Some(0) => Seal::Open,
        Some(2) if is_new() => Seal::Uninitialized,
        Some(2) => Seal::Sealed,
        _ => Seal::Away(ended.reason().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNSEAL: &str = "`docker exec -it vault vault operator unseal` three times, each time with another unseal key";

    #[test]
    fn each_state_of_vault_is_told_with_the_command_that_opens_it() {
        let away = || Seal::Away("connection refused".to_owned());
        for (seal, container, has_keys, expected) in [
            (Seal::Sealed, Some("running"), true, "Vault is sealed: type `vault/dev.sh up`".to_owned()),
            (Seal::Sealed, Some("running"), false, format!("Vault is sealed: type {UNSEAL}")),
            (
                Seal::Sealed,
                None,
                false,
                "Vault is sealed: type `vault operator unseal` where it runs, three times, each time with another unseal key".to_owned(),
            ),
            (
                Seal::Uninitialized,
                Some("running"),
                false,
                "Vault is not initialized: type `docker exec -it vault sh /vault/scripts/init.sh`, or `vault/dev.sh up` on a laptop".to_owned(),
            ),
            (away(), Some("exited"), true, "Vault does not answer (connection refused): type `vault/dev.sh up`".to_owned()),
            (
                away(),
                Some("exited"),
                false,
                format!("Vault does not answer (connection refused): type `docker start vault`, then {UNSEAL}"),
            ),
            (
                away(),
                None,
                false,
                format!("Vault does not answer (connection refused): type `docker compose --file docker-compose.vault.yml up --detach vault`, then {UNSEAL}"),
            ),
            (away(), Some("paused"), true, "Vault does not answer (connection refused): type `docker unpause vault`".to_owned()),
            (
                away(),
                Some("running"),
                true,
                "Vault does not answer (connection refused): see `docker logs vault`, and whether the agent is on Vault's network".to_owned(),
            ),
        ] {
            let vault = Vault {
                seal,
                container: container.map(str::to_owned),
                has_keys,
                docker: "docker".to_owned(),
            };
            assert_eq!(vault.fault().as_ref(), Some(&expected), "{vault:?}");
        }
        let open = Vault {
            seal: Seal::Open,
            container: None,
            has_keys: false,
            docker: "docker".to_owned(),
        };
        assert_eq!(open.fault(), None);
    }

    #[test]
    fn the_answer_of_vault_is_read_from_its_exit_code() {
        let ended = |code, stdout: &str| Ended {
            code: Some(code),
            stdout: stdout.to_owned(),
            stderr: "Error checking seal status\n  connection refused\n".to_owned(),
        };
        let away = Seal::Away("connection refused".to_owned());
        for (code, stdout, expected) in [
            (
                0,
                "Initialized     true\nSealed          false\n",
                Seal::Open,
            ),
            (
                2,
                "Initialized     true\nSealed          true\n",
                Seal::Sealed,
            ),
            (
                2,
                "Initialized     false\nSealed          true\n",
                Seal::Uninitialized,
            ),
            (1, "", away.clone()),
            (126, "", away),
        ] {
            assert_eq!(read(&ended(code, stdout)), expected, "{code} {stdout}");
        }
    }
}
