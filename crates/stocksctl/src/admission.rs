//! What may run: an image that is signed, whose bill of materials names what is in it, and whose scan found nothing that matters.
//! What cannot be found out is refused.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::adapters::cosign::Cosign;
use crate::release::Image;

/// Severities with which nothing is deployed.
const BLOCKING: [&str; 2] = ["HIGH", "CRITICAL"];

/// Fails unless the image may run.
pub(crate) async fn admit(cosign: &Cosign, image: &Image) -> Result<()> {
    cosign.verify(image).await?;
    let bills = cosign.attested(image, "cyclonedx").await?;
    judge(&bills, check_bill).with_context(|| format!("the bill of materials of {image}"))?;
    let scans = cosign.attested(image, "vuln").await?;
    judge(&scans, check_scan).with_context(|| format!("the scan of {image}"))
}

/// Every one that is attested must pass: somebody who could add one must not hide another.
fn judge(predicates: &[Value], check: fn(&Value) -> Result<()>) -> Result<()> {
    ensure!(!predicates.is_empty(), "there is none");
    predicates.iter().try_for_each(check)
}

/// A bill of materials in `CycloneDX`.
fn check_bill(bill: &Value) -> Result<()> {
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
fn check_scan(scan: &Value) -> Result<()> {
    let results = scan["scanner"]["result"]["Results"]
        .as_array()
        .context("it has no results")?;
    let mut found = Vec::new();
    for result in results {
        // A target without findings has no list.
        for vulnerability in result["Vulnerabilities"].as_array().into_iter().flatten() {
            let severity = vulnerability["Severity"]
                .as_str()
                .context("a finding without severity")?;
            if BLOCKING.contains(&severity) {
                let id = vulnerability["VulnerabilityID"]
                    .as_str()
                    .unwrap_or("without name");
                found.push(format!("{id} ({severity})"));
            }
        }
    }
    ensure!(found.is_empty(), "it found {}", found.join(", "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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

    #[test]
    fn a_scan_blocks_on_what_matters_and_on_what_cannot_be_read() {
        let scan =
            |results: Value| json!({"scanner": {"uri": "trivy", "result": {"Results": results}}});
        let with = |severity: &str| {
            let found = json!([{"VulnerabilityID": "CVE-2026-1", "Severity": severity}]);
            scan(json!([{"Target": "a"}, {"Target": "b", "Vulnerabilities": found}]))
        };
        for passing in [
            scan(json!([])),
            with("LOW"),
            with("MEDIUM"),
            with("UNKNOWN"),
        ] {
            assert!(check_scan(&passing).is_ok(), "{passing}");
        }
        for blocking in [
            with("HIGH"),
            with("CRITICAL"),
            scan(json!([{"Vulnerabilities": [{}]}])),
            json!({}),
        ] {
            assert!(check_scan(&blocking).is_err(), "{blocking}");
        }
    }

    #[test]
    fn each_of_several_attestations_must_pass() {
        let [good, bad] = [json!({"components": [1]}), json!({"components": []})];
        assert!(judge(std::slice::from_ref(&good), check_bill).is_ok());
        assert!(judge(&[good, bad], check_bill).is_err());
        assert!(judge(&[], check_bill).is_err());
    }
}
