//! The record of an environment, kept where the environment is: small files in a volume, replaced as a whole.

use anyhow::{Context as _, Result, bail};

use super::docker::{Docker, HELPER_IMAGE};
use crate::environment::Environment;

/// Replaces $1 by the standard input, if that has the checksum $5 and $6 bytes, if the file has $2 and $3, and if the lock has
/// the token $4. Who calls may be killed while it sends.
const REPLACE: &str = r#"
    exec 9>>/release/.guard
    flock -x 9
    cat >/release/.new
    [ "$(cksum </release/.new)" = "$5 $6" ] || exit 5
    if [ "$4" != - ] && ! grep -q "\"token\":$4," /release/lock.json; then exit 4; fi
    touch "/release/$1"
    [ "$(cksum <"/release/$1")" = "$2 $3" ] || exit 3
    chmod 0644 /release/.new
    sync /release/.new 2>/dev/null || sync
    mv /release/.new "/release/$1"
"#;

/// Appends the first line of the standard input to the ledger if that holds $1 bytes with the checksum $2, replaces the head by
/// the second line, if the lock has the token $3.
const APPEND: &str = r#"
    exec 9>>/release/.guard
    flock -x 9
    grep -q "\"token\":$3," /release/lock.json || exit 4
    touch /release/ledger.jsonl
    [ "$(cksum </release/ledger.jsonl)" = "$1 $2" ] || exit 3
    # Lines with their ends: who calls may be killed while it sends.
    IFS= read -r line && IFS= read -r head || exit 5
    printf '%s\n' "$line" >>/release/ledger.jsonl
    printf '%s' "$head" >/release/.head
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

/// A file of the record.
#[derive(Clone, Copy, Debug)]
pub(crate) enum File {
    /// Who works on it.
    Lock,
    /// What was done.
    Ledger,
    /// How the ledger ends.
    Head,
}

impl File {
    fn name(self) -> &'static str {
        match self {
            Self::Lock => "lock.json",
            Self::Ledger => "ledger.jsonl",
            Self::Head => "head.json",
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
    pub(crate) docker: Docker,
    pub(crate) environment: Environment,
}

impl State {
    /// All files at once, as they are at one moment; what is not there is empty.
    pub(crate) async fn read<const N: usize>(&self, files: [File; N]) -> Result<[String; N]> {
        // Lines end with \n, so that a line of its own can part them.
        const PART: &str = "\u{1e}";
        let read =
            |file: File| format!("cat /release/{} 2>/dev/null; printf '{PART}'", file.name());
        let script = format!(
            "exec 9>>/release/.guard; flock -s 9; {}",
            files.map(read).join("; ")
        );
        let text = self.run(&["-c", &script], b"").await?;
        let mut parts = text.split(PART).map(str::to_owned);
        let mut read = || parts.next().context("the record was cut off");
        let mut contents = [const { String::new() }; N];
        for content in &mut contents {
            *content = read()?;
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
        let [(old_sum, old_length), (new_sum, new_length)] = [old, new].map(sum_and_length);
        let args = [
            "-c",
            REPLACE,
            "sh",
            file.name(),
            &old_sum,
            &old_length,
            &token,
            &new_sum,
            &new_length,
        ];
        let (code, _, said) = self.attempt(&args, new.as_bytes()).await?;
        self.judge(code, &said)
    }

    /// Adds a line to the ledger, which holds `old`, and says in the head that it is the last.
    pub(crate) async fn append(&self, old: &str, line: &str, head: &str, token: u64) -> Result<()> {
        let (sum, length) = sum_and_length(old);
        let args = ["-c", APPEND, "sh", &sum, &length, &token.to_string()];
        let (code, _, said) = self
            .attempt(&args, format!("{line}\n{head}\n").as_bytes())
            .await?;
        self.judge(code, &said)
    }

    /// The name of the file that tells the proxy what serves; empty when there is none.
    pub(crate) async fn live(&self) -> Result<String> {
        let listed = self
            .run(&["-c", "ls /release/live 2>/dev/null || true"], b"")
            .await?;
        Ok(listed.trim().to_owned())
    }

    /// Gives that file another name, in one step.
    pub(crate) async fn switch(&self, from: &str, to: &str, token: u64) -> Result<()> {
        let token = token.to_string();
        let (code, _, said) = self
            .attempt(&["-c", SWITCH, "sh", from, to, &token], b"")
            .await?;
        self.judge(code, &said)
    }

    fn judge(&self, code: Option<i32>, said: &str) -> Result<()> {
        match code {
            Some(0) => Ok(()),
            Some(3) => Err(Conflict::Changed.into()),
            Some(4) => Err(Conflict::LockLost.into()),
            code => bail!(
                "the record of {} cannot be written ({code:?}): {}",
                self.environment,
                said.trim()
            ),
        }
    }

    async fn run(&self, args: &[&str], stdin: &[u8]) -> Result<String> {
        let (code, stdout, stderr) = self.attempt(args, stdin).await?;
        if code != Some(0) {
            bail!(
                "the record of {} cannot be read: {}",
                self.environment,
                stderr.trim()
            );
        }
        Ok(stdout)
    }

    async fn attempt(&self, args: &[&str], stdin: &[u8]) -> Result<(Option<i32>, String, String)> {
        let volume = format!("--volume={}:/release", self.environment.releases_volume());
        let helper = [
            "run",
            "--rm",
            "--interactive",
            "--network=none",
            "--user=0",
            &volume,
            "--entrypoint=sh",
            HELPER_IMAGE,
        ];
        self.docker
            .attempt(&[&helper, args].concat(), &[], stdin)
            .await
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
