//! Harbor's own API (2.15, `api/v2.0`): what the distribution protocol does not know.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Client, Method, Request, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const TIMEOUT: Duration = Duration::from_secs(30);
const PAGE: usize = 100;
/// More pages than any repository has that is kept by retention.
const MAX_PAGES: usize = 1_000;
/// Attempts of a request that is safe to repeat.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// No longer pause is kept, whatever Harbor asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// A Harbor, with an account.
#[derive(Clone, Debug)]
pub(crate) struct Harbor {
    client: Client,
    /// `https://harbor.example`.
    address: String,
    user: String,
    password: String,
}

/// Why Harbor did not do it.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Refusal {
    /// 401.
    #[error("Harbor does not know this user or password")]
    Unknown,
    /// 403.
    #[error("Harbor denies {0}")]
    Forbidden(String),
    /// 404.
    #[error("Harbor has no such thing: {0}")]
    Missing(String),
    /// 409.
    #[error("Harbor has it already: {0}")]
    Exists(String),
    /// 412: a rule stands against it, of immutable tags for one.
    #[error("a rule of Harbor stands against it: {0}")]
    Precondition(String),
    /// Any other status.
    #[error("Harbor answers {0}: {1}")]
    Other(u16, String),
}

#[derive(Debug, Deserialize)]
struct Project {
    #[serde(rename = "project_id")]
    id: u64,
    name: String,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    retention_id: Option<String>,
}

/// An image in a repository.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub(crate) struct Artifact {
    pub(crate) digest: String,
    pub(crate) push_time: Option<chrono::DateTime<chrono::Utc>>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) tags: Vec<ArtifactTag>,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub(crate) struct ArtifactTag {
    pub(crate) name: String,
    /// The time at which it was given to the image; an image that is built again keeps its own.
    #[serde(default)]
    pub(crate) push_time: Option<chrono::DateTime<chrono::Utc>>,
}

impl Artifact {
    /// The time at which it, or one of its tags, was pushed last.
    pub(crate) fn last_pushed(&self) -> Option<chrono::DateTime<chrono::Utc>> {
        let tags = self.tags.iter().map(|tag| tag.push_time);
        tags.chain([self.push_time]).flatten().max()
    }
}

/// An account for a machine.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Robot {
    pub(crate) id: u64,
    /// `robot$stocks+ci`.
    pub(crate) name: String,
    /// Given once.
    #[serde(default)]
    pub(crate) secret: String,
}

#[derive(Debug, Default, Deserialize)]
struct ImmutableRule {
    id: u64,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    tag_selectors: Vec<Selector>,
}

#[derive(Debug, Deserialize)]
struct Selector {
    pattern: String,
}

/// What Harbor says of its parts (`GET /health`).
#[derive(Debug, Deserialize)]
struct Health {
    status: String,
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Debug, Deserialize)]
struct Component {
    name: String,
    status: String,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

/// The part of a token's payload that is read (distribution specification, "Token Authentication").
#[derive(Deserialize)]
struct Claims {
    #[serde(default, deserialize_with = "or_default")]
    access: Vec<Access>,
}

#[derive(Deserialize)]
struct Access {
    #[serde(default, deserialize_with = "or_default")]
    actions: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Errors {
    errors: Vec<OneError>,
}

#[derive(Debug, Deserialize)]
struct OneError {
    #[serde(default)]
    message: String,
}

impl Harbor {
    pub(crate) fn new(address: &str, user: &str, password: &str) -> Result<Self> {
        Ok(Self {
            client: Client::builder().timeout(TIMEOUT).build()?,
            address: address.trim_end_matches('/').to_owned(),
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    /// Whether all parts of it are well.
    pub(crate) async fn check(&self) -> Result<()> {
        let request = self.request(Method::GET, "/health");
        let health: Health = self.patiently(request).await?.json().await?;
        if health.status == "healthy" {
            return Ok(());
        }
        let ill = health.components.iter().filter(|it| it.status != "healthy");
        let ill = ill.map(|it| format!("{} is {} {}", it.name, it.status, it.error));
        let ill = ill.collect::<Vec<_>>().join("; ");
        bail!("Harbor is {}: {}", health.status, ill.trim_end())
    }

    /// Returns true if it knows this user and password. No scope: with one, Harbor answers 200 to a wrong password as well, and
    /// gives a token without rights.
    pub(crate) async fn is_known(&self) -> Result<bool> {
        match self.token(None).await {
            Ok(_) => Ok(true),
            Err(error) if is(&error, |it| *it == Refusal::Unknown) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The rights that this user lacks on the repositories of a project, of `pull`, `push` and `delete`.
    pub(crate) async fn missing_rights<'a>(
        &self,
        project: &str,
        rights: &[&'a str],
    ) -> Result<Vec<&'a str>> {
        let scope = format!("repository:{project}/any:{}", rights.join(","));
        let granted = rights_of(&self.token(Some(&scope)).await?)?;
        let mut missing = rights.to_vec();
        missing.retain(|right| !granted.iter().any(|granted| granted == right));
        Ok(missing)
    }

    /// A token of the registry, as a docker client asks for one.
    async fn token(&self, scope: Option<&str>) -> Result<String> {
        let url = format!("{}/service/token", self.address);
        let request = self
            .client
            .get(url)
            .query(&[("service", "harbor-registry")]);
        let request = match scope {
            Some(scope) => request.query(&[("scope", scope)]),
            None => request,
        };
        let request = request.basic_auth(&self.user, Some(&self.password));
        let answer: Token = self.patiently(request).await?.json().await?;
        Ok(answer.token)
    }

    /// Makes a private project whose images are scanned when they are pushed, unless it is there.
    pub(crate) async fn ensure_project(&self, name: &str) -> Result<()> {
        let metadata = json!({"public": "false", "auto_scan": "true", "prevent_vul": "false"});
        let project = json!({"project_name": name, "metadata": metadata});
        match self.change(Method::POST, "/projects", &project).await {
            Err(error) if is(&error, |it| matches!(it, Refusal::Exists(_))) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Fixes the tags of one pattern in all repositories of the project, and no longer those of another.
    pub(crate) async fn ensure_immutable(
        &self,
        project: &str,
        pattern: &str,
        retired: &str,
    ) -> Result<()> {
        let path = format!(
            "/projects/{}/immutabletagrules",
            self.project(project).await?.id
        );
        let rules: Vec<ImmutableRule> = self.pages(&path, "").await?;
        let is_of = |rule: &ImmutableRule, pattern: &str| {
            rule.tag_selectors.iter().any(|it| it.pattern == pattern)
        };
        if !rules.iter().any(|it| !it.disabled && is_of(it, pattern)) {
            let rule = json!({
                "disabled": false,
                "action": "immutable",
                "template": "immutable_template",
                "tag_selectors": [selector("matches", pattern)],
                "scope_selectors": {"repository": [selector("repoMatches", "**")]},
            });
            self.change(Method::POST, &path, &rule).await?;
        }
        for rule in rules.iter().filter(|rule| is_of(rule, retired)) {
            self.delete(&format!("{path}/{}", rule.id)).await?;
        }
        Ok(())
    }

    /// Removes the project's retention policy, which knows tags and no ledger. Returns true if there was one.
    pub(crate) async fn remove_retention(&self, project: &str) -> Result<bool> {
        match self.project(project).await?.metadata.retention_id {
            None => Ok(false),
            Some(id) => {
                let id: u64 = id.parse().context("the id of the retention")?;
                self.delete(&format!("/retentions/{id}")).await?;
                Ok(true)
            }
        }
    }

    /// Removes what no tag names, every night.
    pub(crate) async fn ensure_garbage_collection(&self) -> Result<()> {
        let schedule = json!({
            "parameters": {"delete_untagged": true, "workers": 1},
            "schedule": {"type": "Custom", "cron": "0 0 3 * * *"},
        });
        let path = "/system/gc/schedule";
        let scheduled = match self.change(Method::POST, path, &schedule).await {
            Err(error) if is(&error, |it| matches!(it, Refusal::Exists(_))) => {
                self.change(Method::PUT, path, &schedule).await
            }
            other => other,
        };
        match scheduled {
            // Harbor's core answers 500 while it cannot reach the part that keeps schedules.
            Err(error) if is(&error, |it| matches!(it, Refusal::Other(500.., _))) => Err(error)
                .context(
                    "Harbor's jobservice does not take the schedule: docker logs harbor-jobservice",
                ),
            other => other.map(drop),
        }
    }

    /// An account that may do this and no more: `("repository", "push")`… It gets a new secret each time.
    pub(crate) async fn ensure_robot(
        &self,
        project: &str,
        name: &str,
        rights: &[(&str, &str)],
    ) -> Result<Robot> {
        let access = rights
            .iter()
            .map(|(resource, action)| json!({"resource": resource, "action": action}));
        let access: Vec<_> = access.collect();
        let mut robot = json!({
            "name": name,
            "level": "project",
            "duration": -1,
            "disable": false,
            "permissions": [{"kind": "project", "namespace": project, "access": access}],
        });
        match self.change(Method::POST, "/robots", &robot).await {
            Ok(answer) => return answer.json().await.context("the robot account"),
            Err(error) if is(&error, |it| matches!(it, Refusal::Exists(_))) => {}
            Err(error) => return Err(error),
        }
        let id = self.project(project).await?.id;
        let query = format!("q=Level%3Dproject%2CProjectID%3D{id}");
        let robots: Vec<Robot> = self.pages("/robots", &query).await?;
        let full = format!("{project}+{name}");
        let found = robots.into_iter().find(|robot| robot.name.ends_with(&full));
        let mut found =
            found.with_context(|| format!("Harbor has a robot {full} and lists none"))?;
        let path = format!("/robots/{}", found.id);
        // Its rights may be those of an earlier version of us.
        robot["id"] = json!(found.id);
        robot["name"] = json!(found.name);
        self.change(Method::PUT, &path, &robot).await?;
        // An empty one asks for one of chance.
        let answer = self
            .change(Method::PATCH, &path, &json!({"secret": ""}))
            .await?;
        let renewed: Value = answer.json().await?;
        let secret = renewed["secret"].as_str().context("a secret")?;
        secret.clone_into(&mut found.secret);
        Ok(found)
    }

    /// The images of a repository, the newest first, with their tags and what is attached to them.
    pub(crate) async fn artifacts(&self, project: &str, repository: &str) -> Result<Vec<Artifact>> {
        // A repository with slashes in its name is encoded twice.
        let repository = repository.replace('/', "%252F");
        let path = format!("/projects/{project}/repositories/{repository}/artifacts");
        self.pages(&path, "with_tag=true&sort=-push_time").await
    }

    /// Deletes an image with its tags, signature and attestations. An image that is gone is no failure.
    pub(crate) async fn delete_artifact(
        &self,
        project: &str,
        repository: &str,
        digest: &str,
    ) -> Result<()> {
        let repository = repository.replace('/', "%252F");
        self.delete(&format!(
            "/projects/{project}/repositories/{repository}/artifacts/{digest}"
        ))
        .await
    }

    async fn delete(&self, path: &str) -> Result<()> {
        match self.send(Method::DELETE, path, None).await {
            Err(error) if is(&error, |it| matches!(it, Refusal::Missing(_))) => Ok(()),
            other => other.map(drop),
        }
    }

    async fn project(&self, name: &str) -> Result<Project> {
        let request = self
            .request(Method::GET, &format!("/projects/{name}"))
            .header("x-is-resource-name", "true");
        let project: Project = self.patiently(request).await?.json().await?;
        anyhow::ensure!(project.name == name, "asked for {name}: {}", project.name);
        Ok(project)
    }

    /// All items of a list.
    async fn pages<T: DeserializeOwned>(&self, path: &str, query: &str) -> Result<Vec<T>> {
        let mut items = Vec::new();
        for page in 1..=MAX_PAGES {
            let url = format!("{path}?page={page}&page_size={PAGE}&{query}");
            let request = self.request(Method::GET, url.trim_end_matches('&'));
            let answer = self.patiently(request).await?;
            let total = answer.headers().get("x-total-count");
            let total = total.and_then(|total| total.to_str().ok()?.parse::<usize>().ok());
            let new: Option<Vec<T>> = answer.json().await.context("a list of Harbor")?;
            let new = new.unwrap_or_default();
            let is_last = new.len() < PAGE;
            items.extend(new);
            if total.map_or(is_last, |total| items.len() >= total) || is_last {
                return Ok(items);
            }
        }
        bail!("{path} has more than {MAX_PAGES} pages")
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/api/v2.0{path}", self.address);
        self.client
            .request(method, url)
            .basic_auth(&self.user, Some(&self.password))
    }

    /// A request that changes something is sent once: a caller may call again, and finds what is there.
    async fn change(&self, method: Method, path: &str, body: &Value) -> Result<Response> {
        self.send(method, path, Some(body)).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Response> {
        let request = self.request(method, path);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let request = request.build()?;
        let what = self.describe(&request);
        let answer = self.client.execute(request).await;
        judge(answer.context("Harbor does not answer")?, &what).await
    }

    /// `robot$ci: GET /api/v2.0/projects/stocks`.
    fn describe(&self, request: &Request) -> String {
        format!(
            "{}: {} {}",
            self.user,
            request.method(),
            request.url().path()
        )
    }

    /// A request that reads is sent again when Harbor is busy or not well.
    async fn patiently(&self, request: RequestBuilder) -> Result<Response> {
        let request = request.build()?;
        let what = self.describe(&request);
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let again = request.try_clone().context("it has no body")?;
            let answer = self.client.execute(again).await;
            let is_last = attempt == ATTEMPTS;
            match answer {
                Ok(answer) if !is_last && is_passing(answer.status()) => {
                    let asked = answer.headers().get("retry-after");
                    let asked = asked.and_then(|asked| asked.to_str().ok()?.parse().ok());
                    let asked = asked.map_or(pause, Duration::from_secs);
                    tokio::time::sleep(asked.min(LONGEST_PAUSE)).await;
                }
                Ok(answer) => return judge(answer, &what).await,
                Err(_) if !is_last => tokio::time::sleep(pause).await,
                Err(error) => return Err(error).context("Harbor does not answer"),
            }
            pause *= 2;
        }
        bail!("Harbor does not answer")
    }
}

/// The actions that a token of the registry grants. Its signature is the registry's to verify.
fn rights_of(token: &str) -> Result<Vec<String>> {
    let payload = token
        .split('.')
        .nth(1)
        .context("Harbor's token has no payload")?;
    let payload = URL_SAFE_NO_PAD.decode(payload).context("Harbor's token")?;
    let claims: Claims = serde_json::from_slice(&payload).context("Harbor's token")?;
    let actions = claims.access.into_iter().flat_map(|access| access.actions);
    Ok(actions.collect())
}

fn selector(decoration: &str, pattern: &str) -> Value {
    json!({"kind": "doublestar", "decoration": decoration, "pattern": pattern})
}

fn is_passing(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

async fn judge(answer: Response, what: &str) -> Result<Response> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let text = answer.text().await.unwrap_or_default();
    let errors = serde_json::from_str::<Errors>(&text);
    let said = errors.map_or(text, |errors| {
        let messages = errors.errors.into_iter().map(|error| error.message);
        messages.collect::<Vec<_>>().join("; ")
    });
    Err(match status.as_u16() {
        401 => Refusal::Unknown,
        403 => Refusal::Forbidden(format!("{what}: {said}")),
        404 => Refusal::Missing(said),
        409 => Refusal::Exists(said),
        412 => Refusal::Precondition(said),
        status => Refusal::Other(status, said),
    }
    .into())
}

fn is(error: &anyhow::Error, refusal: impl Fn(&Refusal) -> bool) -> bool {
    error.downcast_ref().is_some_and(refusal)
}

/// Harbor writes `null` for an empty list.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
#[path = "harbor_tests.rs"]
mod tests;
