//! What may run: an image that is signed, whose bill of materials names what is in it, and whose scan found nothing that matters.
//! What cannot be found out is refused.

use anyhow::{Context as _, Result, ensure};
use chrono::NaiveDate;
use serde_json::Value;

use crate::adapters::cosign::Cosign;
use crate::exceptions::{Exceptions, Said};
use crate::origin;
use crate::release::{Image, Release};
use crate::tag;

/// Severities with which nothing is deployed.
const BLOCKING: [&str; 2] = ["HIGH", "CRITICAL"];

/// What an image must show.
pub(crate) struct Admission {
    /// Whose signatures count.
    pub(crate) cosign: Cosign,
    /// Findings that may pass.
    pub(crate) exceptions: Exceptions,
    /// The day that exceptions are looked up for.
    pub(crate) today: NaiveDate,
}

impl Admission {
    /// Fails unless the image may run.
    pub(crate) async fn admit(&self, image: &Image) -> Result<()> {
        let (signed, bills, scans) = tokio::join!(
            self.cosign.verify(image),
            self.cosign.attested(image, "cyclonedx"),
            self.cosign.attested(image, "vuln"),
        );
        signed?;
        judge(&bills?, check_bill).with_context(|| format!("the bill of materials of {image}"))?;
        let check = |scan: &Value| check_scan(scan, &self.exceptions, self.today);
        judge(&scans?, check).with_context(|| format!("the scan of {image}"))
    }

    /// Fails unless each image of the release was built from the commit that its tag names: a registry moves such a tag for
    /// anyone who may push. A tag that names no commit asks for nothing.
    pub(crate) async fn check_commit(&self, release: &Release) -> Result<()> {
        let Some(commit) = tag::commit(&release.tag) else {
            return Ok(());
        };
        for (service, image) in &release.images {
            let origins = self.cosign.attested(image, origin::PREDICATE).await?;
            ensure!(
                origin::is_of_commit(*service, commit, &origins),
                "{} names {image}, which was not built as {service} from the commit {commit}: the tag was moved, or an older tool \
                 built the image (`stocksctl build` of that commit attests it)",
                release.tag
            );
        }
        Ok(())
    }
}

/// Checks every predicate, since a signer who adds one must not hide another.
fn judge(predicates: &[Value], check: impl Fn(&Value) -> Result<()>) -> Result<()> {
    ensure!(!predicates.is_empty(), "there is none");
    predicates.iter().try_for_each(check)
}

/// A bill of materials in `CycloneDX`.
pub(crate) fn check_bill(bill: &Value) -> Result<()> {
    let components = bill["components"]
        .as_array()
        .context("it has no list of components")?;
    ensure!(
        !components.is_empty(),
        "it names no component: a scan of it would find nothing, whatever is in the image"
    );
    Ok(())
}

/// A scan by Trivy, in cosign's predicate for vulnerabilities.
fn check_scan(scan: &Value, exceptions: &Exceptions, today: NaiveDate) -> Result<()> {
    check_report(&scan["scanner"]["result"], exceptions, today)
}

/// A report of Trivy, in its own format.
pub(crate) fn check_report(
    report: &Value,
    exceptions: &Exceptions,
    today: NaiveDate,
) -> Result<()> {
    let results = report["Results"].as_array();
    let results = results.context("it has no results: nothing was recognised in the image")?;
    let packages = results
        .iter()
        .filter_map(|result| result["Packages"].as_array());
    ensure!(
        packages.map(Vec::len).sum::<usize>() > 0,
        "it lists no package: nothing was looked at"
    );
    let mut found = Vec::new();
    for result in results {
        // A target without findings has no list.
        for vulnerability in result["Vulnerabilities"].as_array().into_iter().flatten() {
            let severity = vulnerability["Severity"]
                .as_str()
                .context("a finding without severity")?;
            if !BLOCKING.contains(&severity) {
                continue;
            }
            let id = vulnerability["VulnerabilityID"].as_str();
            let id = id.context("a finding without a name")?;
            match exceptions.of(id, today) {
                Said::Passes => {}
                Said::Nothing => found.push(format!("{id} ({severity})")),
                Said::Expired(until) => found.push(format!(
                    "{id} ({severity}), whose exception expired on {until}"
                )),
            }
        }
    }
    found.sort();
    found.dedup();
    ensure!(found.is_empty(), "it found {}", found.join(", "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::adapters::cosign::tests::{StandIn, image};
    use crate::origin::Origin;
    use crate::release::Service;
    use crate::release::tests::release;

    fn today() -> NaiveDate {
        "2026-06-01".parse().unwrap()
    }

    #[test]
    fn a_bill_of_materials_must_name_something() {
        assert!(check_bill(&json!({"components": [{"name": "axum"}]})).is_ok());
        for empty in [
            json!({}),
            json!({"components": []}),
            json!({"components": null}),
            json!(null),
        ] {
            assert!(check_bill(&empty).is_err(), "{empty}");
        }
    }

    fn scan(results: &Value) -> Value {
        json!({"scanner": {"uri": "trivy", "result": {"Results": results}}})
    }

    fn with(severity: &str) -> Value {
        let found = json!([{"VulnerabilityID": "CVE-2026-1", "Severity": severity}]);
        scan(&json!([
            {"Target": "a", "Packages": [{"Name": "axum"}]},
            {"Target": "b", "Vulnerabilities": found},
        ]))
    }

    #[test]
    fn a_scan_blocks_on_what_matters_and_on_what_cannot_be_read() {
        let check = |scan: &Value| check_scan(scan, &Exceptions::default(), today());
        let clean = scan(&json!([{"Target": "a", "Packages": [{"Name": "axum"}]}]));
        for passing in [clean, with("LOW"), with("MEDIUM"), with("UNKNOWN")] {
            assert!(check(&passing).is_ok(), "{passing}");
        }
        let nameless = json!([{"Packages": [1], "Vulnerabilities": [{"Severity": "HIGH"}]}]);
        for blocking in [
            with("HIGH"),
            with("CRITICAL"),
            scan(&json!([{"Packages": [1], "Vulnerabilities": [{}]}])),
            scan(&nameless),
            scan(&json!([])),
            scan(&json!([{"Target": "a"}])),
            scan(&json!([{"Target": "a", "Packages": []}])),
            json!({}),
        ] {
            assert!(check(&blocking).is_err(), "{blocking}");
        }
    }

    #[test]
    fn a_finding_passes_while_its_exception_lasts() {
        let exceptions = |until: &str| {
            let text = format!("# Not reachable.\nCVE-2026-1 exp:{until}\n");
            Exceptions::parse(&text).unwrap()
        };
        let check = |exceptions: &Exceptions| check_scan(&with("HIGH"), exceptions, today());
        assert!(check(&exceptions("2026-06-01")).is_ok());
        let refused = check(&exceptions("2026-05-31")).unwrap_err().to_string();
        assert!(refused.contains("expired on 2026-05-31"), "{refused}");
    }

    /// Each case leaves one thing out, or adds one to an image that is in order.
    #[tokio::test]
    async fn an_image_runs_when_nothing_is_missing_and_nothing_attested_is_refused() {
        let bill = json!({"components": [{"name": "axum"}]});
        let image = image('a');
        let cases = [
            ("", true, vec![&bill], vec![with("LOW")]),
            ("is not signed", false, vec![&bill], vec![with("LOW")]),
            (
                "no attestation of cyclonedx",
                true,
                vec![],
                vec![with("LOW")],
            ),
            ("no attestation of vuln", true, vec![&bill], vec![]),
            (
                "the bill of materials of",
                true,
                vec![&bill, &Value::Null],
                vec![with("LOW")],
            ),
            (
                "it found CVE-2026-1 (HIGH)",
                true,
                vec![&bill],
                vec![with("LOW"), with("HIGH")],
            ),
            (
                "it found CVE-2026-1 (HIGH)",
                true,
                vec![&bill],
                vec![with("HIGH"), with("LOW")],
            ),
        ];
        for (reason, is_signed, bills, scans) in cases {
            let stand_in = StandIn::new();
            if is_signed {
                stand_in.sign("key", &image);
            }
            for bill in bills {
                stand_in.attest("key", &image, "cyclonedx", bill);
            }
            for scan in scans {
                stand_in.attest("key", &image, "vuln", &scan);
            }
            let admit = async |keys: &[&str]| {
                let admission = Admission {
                    cosign: stand_in.cosign(keys),
                    exceptions: Exceptions::default(),
                    today: today(),
                };
                admission.admit(&image).await
            };
            match admit(&["key"]).await {
                Ok(()) => assert_eq!(reason, ""),
                Err(error) => {
                    let told = format!("{error:#}");
                    assert!(!reason.is_empty() && told.contains(reason), "{told}");
                }
            }
            assert!(
                admit(&["other"]).await.is_err(),
                "a key that has signed nothing"
            );
            stand_in.break_key("key");
            let told = format!("{:#}", admit(&["key"]).await.unwrap_err());
            assert!(told.contains("connection refused"), "{told}");
        }
    }

    #[test]
    fn each_of_several_attestations_must_pass() {
        let [good, bad] = [json!({"components": [1]}), json!({"components": []})];
        assert!(judge(std::slice::from_ref(&good), check_bill).is_ok());
        assert!(judge(&[good, bad], check_bill).is_err());
        assert!(judge(&[], check_bill).is_err());
    }

    #[tokio::test]
    async fn a_tag_of_a_commit_names_what_was_built_from_it() {
        let origin = |service: Service, digit: &str| {
            let origin = Origin::new("owner/app", &digit.repeat(40)).unwrap();
            origin.predicate(service)
        };
        let stand_in = StandIn::new();
        let released = |tag: &str| release(tag, 'a', 'b');
        for (service, image) in &released("git-aaaaaaa").images {
            stand_in.attest("key", image, origin::PREDICATE, &origin(*service, "a"));
        }
        let admission = Admission {
            cosign: stand_in.cosign(&["key"]),
            exceptions: Exceptions::default(),
            today: today(),
        };
        for named in ["git-aaaaaaa", "dev-aaaaaaa", "stage-aaaaaaaa", "v1.2.3"] {
            admission.check_commit(&released(named)).await.unwrap();
        }
        for moved in ["git-bbbbbbb", "dev-aaaaaab"] {
            let refused = admission.check_commit(&released(moved)).await.unwrap_err();
            assert!(refused.to_string().contains("the tag was moved"), "{moved}");
        }
        // Each image by its own service.
        let crossed = release("git-aaaaaaa", 'b', 'a');
        assert!(admission.check_commit(&crossed).await.is_err());
    }
}
