//! The record of an environment, kept where the environment is: small files in a volume, replaced as a whole.

use anyhow::{Context as _, Result, bail, ensure};

use super::docker::Docker;
use super::helper::Helper;
use crate::environment::Environment;

/// Replaces the file $1 by the text $5, if the file has the checksum $2 and $3 bytes, and if the lock has the token $4.
const REPLACE: &str = r#"
    exec 9>>/release/.guard
    flock -x 9
    if [ "$4" != - ] && ! grep -q "\"token\":$4," /release/lock.json; then exit 4; fi
    touch "/release/$1"
    [ "$(cksum <"/release/$1")" = "$2 $3" ] || exit 3
    printf %s "$5" >/release/.new || exit 5
    chmod 0644 /release/.new
    sync
    mv /release/.new "/release/$1"
"#;

/// Appends the line $4 to the ledger if that holds $1 bytes with the checksum $2, and replaces the head by $5, if the lock has
/// the token $3.
const APPEND: &str = r#"
    exec 9>>/release/.guard
    flock -x 9
    grep -q "\"token\":$3," /release/lock.json || exit 4
    touch /release/ledger.jsonl
    [ "$(cksum </release/ledger.jsonl)" = "$2 $1" ] || exit 3
    printf '%s\n' "$4" >>/release/ledger.jsonl || exit 5
    printf %s "$5" >/release/.head || exit 5
    sync
    mv /release/.head /release/head.json
    sync
"#;

/// Renames the one file of /release/live from $1 to $2, if the lock has the token $3. An empty name is no file.
const SWITCH: &str = r#"
    exec 9>>/release/.guard
    flock -x 9
    grep -q "\"token\":$3," /release/lock.json || exit 4
    mkdir -p /release/live
    [ "$(ls /release/live)" = "$1" ] || exit 3
    if [ -n "$1" ]; then mv "/release/live/$1" "/release/live/$2"; else : >"/release/live/$2"; fi
    sync
"#;

/// Free space where the engine keeps its volumes, in KiB.
const FREE: &str = "df -Pk /release | awk 'NR == 2 { print $4 }'";

/// A file of the record.
#[derive(Clone, Copy, Debug)]
pub(crate) enum File {
    /// Who works on it.
    Lock,
    /// What was done.
    Ledger,
    /// How the ledger ends.
    Head,
    /// The settings of the installation.
    Installation,
}

impl File {
    fn name(self) -> &'static str {
        match self {
            Self::Lock => "lock.json",
            Self::Ledger => "ledger.jsonl",
            Self::Head => "head.json",
            Self::Installation => "installation.json",
        }
    }
}

/// The record is not what it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Conflict {
    /// Somebody has written in between.
    #[error("somebody else has changed it in between")]
    Changed,
    /// The lease has ended, and somebody else has one.
    #[error("the lock was lost to somebody else")]
    LockLost,
}

/// The record of one environment.
#[derive(Clone, Debug)]
pub(crate) struct State {
    helper: Helper,
    environment: Environment,
}

impl State {
    pub(crate) fn new(docker: Docker, environment: Environment) -> Self {
        Self {
            helper: Helper::new(docker, environment),
            environment,
        }
    }

    /// All files at once, as they are at one moment; what is not there is empty.
    pub(crate) async fn read<const N: usize>(&self, files: [File; N]) -> Result<[String; N]> {
        // A character that no text has parts them.
        const PART: &str = "\u{1e}";
        let mut contents = [const { String::new() }; N];
        if !self.helper.has_record().await? {
            return Ok(contents);
        }
        let read =
            |file: File| format!("cat /release/{} 2>/dev/null; printf '{PART}'", file.name());
        let script = format!(
            "exec 9>>/release/.guard; flock -s 9; {}",
            files.map(read).join("; ")
        );
        let text = self.print(&script).await?;
        let mut parts = text.split(PART).map(str::to_owned);
        for content in &mut contents {
            *content = parts.next().context("the record was cut off")?;
        }
        Ok(contents)
    }

    /// Replaces a file that holds `old`, while the lock has this token; without a token, whatever it has.
    pub(crate) async fn replace(
        &self,
        file: File,
        old: &str,
        new: &str,
        token: Option<u64>,
    ) -> Result<()> {
        let token = token.map_or_else(|| "-".to_owned(), |token| token.to_string());
        let (sum, length) = sum_and_length(old);
        self.change(REPLACE, &[file.name(), &sum, &length, &token, new])
            .await
    }

    /// Adds a line to the ledger, which holds `old`, and says in the head that it is the last.
    pub(crate) async fn append(&self, old: &str, line: &str, head: &str, token: u64) -> Result<()> {
        let (sum, length) = sum_and_length(old);
        self.change(APPEND, &[&length, &sum, &token.to_string(), line, head])
            .await
    }

    /// The name of the file that tells the proxy what serves; empty when there is none.
    pub(crate) async fn live(&self) -> Result<String> {
        if !self.helper.has_record().await? {
            return Ok(String::new());
        }
        let listed = self.print("ls /release/live 2>/dev/null || true").await?;
        Ok(listed.trim().to_owned())
    }

    /// Gives that file another name, in one step.
    pub(crate) async fn switch(&self, from: &str, to: &str, token: u64) -> Result<()> {
        self.change(SWITCH, &[from, to, &token.to_string()]).await
    }

    /// How many bytes are left on the engine's disk.
    pub(crate) async fn free_bytes(&self) -> Result<u64> {
        let kibibytes: u64 = self.print(FREE).await?.trim().parse()?;
        Ok(kibibytes * 1024)
    }

    async fn change(&self, script: &str, args: &[&str]) -> Result<()> {
        let (code, said) = self.helper.run(script, args).await?;
        match code {
            0 => Ok(()),
            3 => Err(Conflict::Changed.into()),
            4 => Err(Conflict::LockLost.into()),
            code => bail!(
                "the record of {} cannot be written ({code}): {}",
                self.environment,
                said.trim()
            ),
        }
    }

    async fn print(&self, script: &str) -> Result<String> {
        let (code, text) = self.helper.run(script, &[]).await?;
        ensure!(
            code == 0,
            "the record of {} cannot be read: {}",
            self.environment,
            text.trim()
        );
        Ok(text)
    }
}

/// What `cksum` prints of a text.
fn sum_and_length(text: &str) -> (String, String) {
    (cksum(text.as_bytes()).to_string(), text.len().to_string())
}

/// The checksum of POSIX cksum, which every shell has at hand: CRC-32 of the bytes and of their number.
fn cksum(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: u8| {
        (0..8).fold(crc ^ (u32::from(byte) << 24), |crc, _| {
            let carry = crc & 0x8000_0000 != 0;
            (crc << 1) ^ if carry { 0x04c1_1db7 } else { 0 }
        })
    };
    let mut crc = bytes.iter().fold(0, |crc, byte| step(crc, *byte));
    let mut length = bytes.len();
    while length > 0 {
        crc = step(crc, length.to_le_bytes()[0]);
        length >>= 8;
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `printf … | cksum` prints them.
    #[test]
    fn the_checksum_is_the_one_of_posix() {
        assert_eq!(cksum(b""), 4_294_967_295);
        assert_eq!(cksum(b"123456789"), 930_766_865);
    }
}
