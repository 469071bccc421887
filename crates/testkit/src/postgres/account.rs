//! Whom the server runs as: PostgreSQL refuses to run as root, so root hands it to another user.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt},
    path::Path,
    process::Command,
};

/// In the order of preference; the second exists on every system.
const NAMES: [&str; 2] = ["postgres", "nobody"];

/// A user that is not root.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Account {
    user: u32,
    group: u32,
}

impl Account {
    /// The account to change to; none when we are not root, for then we run the server ourselves.
    pub(super) fn to_run_as() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let accounts = fs::read_to_string("/etc/passwd").expect("root needs /etc/passwd");
        let account = NAMES.iter().find_map(|name| Self::named(name, &accounts));
        Some(account.expect(
            "PostgreSQL refuses to run as root, and /etc/passwd has neither `postgres` nor `nobody`: \
             add one of them (useradd --system postgres), or run the tests as another user",
        ))
    }

    /// Reads a line of passwd(5): name:password:UID:GID:comment:home:shell.
    fn named(name: &str, accounts: &str) -> Option<Self> {
        accounts.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next() != Some(name) {
                return None;
            }
            let user = fields.nth(1)?.parse().ok()?;
            let group = fields.next()?.parse().ok()?;
            Some(Self { user, group })
        })
    }

    /// Lets a program run as this user.
    pub(super) fn run(self, command: &mut Command) {
        command.uid(self.user).gid(self.group);
    }

    /// Gives a folder to this user.
    pub(super) fn own(self, folder: &Path) {
        chown(folder, Some(self.user), Some(self.group))
            .expect("root may give away a folder that it made");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_from_its_line_alone() {
        let accounts =
            "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533:nobody:/:/sbin/nologin\n";

        let nobody = Account {
            user: 65534,
            group: 65533,
        };
        assert_eq!(Account::named("nobody", accounts), Some(nobody));
        assert_eq!(Account::named("postgres", accounts), None);
    }
}
