//! The options that name trusted signers: of images, and of approvals.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;

use super::given;
use crate::signers::{Identity, Signers};

#[derive(Args)]
pub(super) struct TrustArgs {
    /// The public key of the signatures
    #[arg(long, env = "COSIGN_PUBLIC_KEY", default_value = "cosign.pub")]
    key: String,
    /// The repository whose workflow `ci-cd.yml` must have signed, OWNER/NAME, instead of a key
    #[arg(long, env = "COSIGN_CERTIFICATE_REPOSITORY")]
    certificate_repository: Option<String>,
    /// The same as a regular expression for the identity in the certificate; it must begin with ^ and end with $
    #[arg(long, env = "COSIGN_CERTIFICATE_IDENTITY_REGEXP")]
    certificate_identity: Option<String>,
    /// The issuer of the workflow's tokens
    #[arg(
        long,
        env = "COSIGN_CERTIFICATE_OIDC_ISSUER",
        default_value = "https://token.actions.githubusercontent.com"
    )]
    certificate_oidc_issuer: String,
    /// A file with several keys and repositories that count, each with its last day, instead of the options above
    #[arg(long, env = "STOCKS_SIGNERS")]
    signers: Option<String>,
    /// The public key of approvals
    #[arg(
        long,
        env = "COSIGN_APPROVER_PUBLIC_KEY",
        default_value = "approver.pub"
    )]
    approver_public_key: String,
    /// A file with several keys of approvers, each with its last day, instead of that key
    #[arg(long, env = "STOCKS_APPROVERS")]
    approvers: Option<String>,
}

impl TrustArgs {
    /// The signers of images.
    pub(super) fn signers(&self) -> Result<Signers> {
        let issuer = &self.certificate_oidc_issuer;
        if let Some(file) = given(self.signers.as_ref()) {
            return self.read(&file);
        }
        let identity = if let Some(repository) = given(self.certificate_repository.as_ref()) {
            Identity::of_repository(&repository.parse()?, issuer)
        } else if let Some(expression) = given(self.certificate_identity.as_ref()) {
            Identity::of_expression(&expression, issuer)?
        } else {
            Identity::Key(self.key.clone())
        };
        Ok(Signers::one(identity))
    }

    /// The signers of approvals.
    pub(super) fn approvers(&self) -> Result<Signers> {
        match given(self.approvers.as_ref()) {
            Some(file) => self.read(&file),
            None => Ok(Signers::one(Identity::Key(
                self.approver_public_key.clone(),
            ))),
        }
    }

    fn read(&self, file: &str) -> Result<Signers> {
        let file = Path::new(file);
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let folder = file.parent().map(PathBuf::from).unwrap_or_default();
        Signers::parse(&text, &folder, &self.certificate_oidc_issuer)
            .with_context(|| file.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        trust: TrustArgs,
    }

    fn parsed(args: &[&str]) -> TrustArgs {
        Only::try_parse_from([&["test"], args].concat())
            .unwrap()
            .trust
    }

    fn signers(args: &[&str]) -> Result<Signers> {
        parsed(args).signers()
    }

    #[test]
    fn a_variable_that_is_empty_was_not_given() {
        let key = Signers::one(Identity::Key("cosign.pub".to_owned()));
        for option in [
            "--certificate-repository=",
            "--certificate-identity=",
            "--signers=",
        ] {
            assert_eq!(signers(&[option]).unwrap(), key, "{option}");
        }
        assert!(parsed(&["--approvers="]).approvers().is_ok());
    }

    #[test]
    fn a_repository_is_an_exact_identity_and_an_expression_must_be_anchored() {
        let issuer = "https://token.actions.githubusercontent.com";
        let exact = Identity::of_repository(&"owner/stocks-app".parse().unwrap(), issuer);
        let of_repository = signers(&["--certificate-repository=owner/stocks-app"]).unwrap();
        assert_eq!(of_repository, Signers::one(exact));
        assert!(signers(&["--certificate-repository=owner/.*"]).is_err());
        assert!(signers(&["--certificate-identity=^https://github.com/owner/"]).is_err());
        assert!(signers(&["--certificate-identity=^https://github.com/owner/app/x@y$"]).is_ok());
    }

    #[test]
    fn a_file_names_signers_whose_keys_are_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signers");
        std::fs::write(&path, "key old.pub exp:2026-12-31\n").unwrap();
        let file = path.display().to_string();
        let read = signers(&[&format!("--signers={file}")]).unwrap();
        let key = folder.path().join("old.pub").display().to_string();
        let before = "2026-12-31".parse().unwrap();
        assert_eq!(read.live(before).unwrap(), [Identity::Key(key)]);
        let approvers = parsed(&[&format!("--approvers={file}")]).approvers();
        assert_eq!(approvers.unwrap(), read);
        std::fs::write(&path, "key old.pub\n").unwrap();
        let refused = signers(&[&format!("--signers={file}")]).unwrap_err();
        assert!(format!("{refused:#}").contains("line 1"), "{refused:#}");
    }
}
