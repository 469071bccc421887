//! What a caller may do. Pure.

use std::collections::BTreeSet;
use std::str::FromStr;

use market::UserId;

/// What somebody may do: all that the scopes of a key or a token say together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rights {
    reads: bool,
    writes: bool,
    operates: bool,
    orders: Orders,
}

/// Whose orders, trades and portfolios.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Orders {
    Of(BTreeSet<UserId>),
    All,
}

impl Default for Orders {
    fn default() -> Self {
        Self::Of(BTreeSet::new())
    }
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed<'a> {
    /// Reads the catalogue.
    Read,
    /// Changes the catalogue.
    Write,
    /// Looks at how a service does.
    Operate,
    /// Orders for a user, or reads their trades or portfolio.
    ActFor(&'a UserId),
    /// The same for any user that there is.
    ActForAny,
}

/// A word that is no scope.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no scope: read, catalogue:write, operations, orders:* or orders:<user_id>")]
pub(super) struct RightsError(String);

impl Rights {
    /// Whether somebody with these rights may do it.
    pub(super) fn allow(&self, deed: Deed<'_>) -> bool {
        match deed {
            // Who changes it sees it.
            Deed::Read => self.reads || self.writes,
            Deed::Write => self.writes,
            Deed::Operate => self.operates,
            Deed::ActFor(user) => match &self.orders {
                Orders::All => true,
                Orders::Of(users) => users.contains(user),
            },
            Deed::ActForAny => match &self.orders {
                Orders::All => true,
                Orders::Of(users) => !users.is_empty(),
            },
        }
    }
}

impl Rights {
    /// What a token grants to its subject: `orders` is for the subject's own. Words that are no scopes of ours are somebody else's.
    pub(super) fn of_token(scopes: &str, subject: &str) -> Self {
        let mut rights = Self::default();
        for scope in scopes.split_ascii_whitespace() {
            match (scope, UserId::parse(subject)) {
                ("orders", Ok(user)) => rights.orders.add(user),
                _ => drop(rights.grant(scope)),
            }
        }
        rights
    }

    fn grant(&mut self, scope: &str) -> Result<(), RightsError> {
        match scope {
            "read" => self.reads = true,
            "catalogue:write" => self.writes = true,
            "operations" => self.operates = true,
            "orders:*" => self.orders = Orders::All,
            _ => {
                let user = scope.strip_prefix("orders:").map(UserId::parse);
                match user {
                    Some(Ok(user)) => self.orders.add(user),
                    _ => return Err(RightsError(scope.to_owned())),
                }
            }
        }
        Ok(())
    }
}

impl Orders {
    fn add(&mut self, user: UserId) {
        if let Self::Of(users) = self {
            users.insert(user);
        }
    }
}

/// The scopes of a key, with spaces between them (RFC 6749 section 3.3).
impl FromStr for Rights {
    type Err = RightsError;

    fn from_str(text: &str) -> Result<Self, RightsError> {
        let mut rights = Self::default();
        for scope in text.split_ascii_whitespace() {
            rights.grant(scope)?;
        }
        Ok(rights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_do_what() {
        let [ann, bob] = ["ann", "bob"].map(|user| UserId::parse(user).unwrap());
        let deeds = [
            Deed::Read,
            Deed::Write,
            Deed::Operate,
            Deed::ActFor(&ann),
            Deed::ActFor(&bob),
            Deed::ActForAny,
        ];
        for (scopes, may) in [
            ("", [false, false, false, false, false, false]),
            ("read", [true, false, false, false, false, false]),
            ("catalogue:write", [true, true, false, false, false, false]),
            ("operations", [false, false, true, false, false, false]),
            ("orders:ann", [false, false, false, true, false, true]),
            (
                "orders:ann orders:bob",
                [false, false, false, true, true, true],
            ),
            ("read  orders:bob", [true, false, false, false, true, true]),
            ("orders:*", [false, false, false, true, true, true]),
            (
                "orders:ann orders:*",
                [false, false, false, true, true, true],
            ),
            (
                "orders:* orders:ann",
                [false, false, false, true, true, true],
            ),
            (
                "read catalogue:write operations orders:*",
                [true, true, true, true, true, true],
            ),
        ] {
            let rights: Rights = scopes.parse().unwrap();
            assert_eq!(deeds.map(|deed| rights.allow(deed)), may, "{scopes}");
        }
    }

    #[test]
    fn what_is_no_scope_gives_no_rights_at_all() {
        for wrong in [
            "write",
            "read,orders:*",
            "orders:",
            "orders",
            "orders:a b!",
            "Orders:*",
            "orders:**",
            "catalogue:*",
        ] {
            assert!(wrong.parse::<Rights>().is_err(), "{wrong}");
        }
        // Users' ids have colons and at signs.
        let rights: Rights = "orders:a@b:c".parse().unwrap();
        assert!(rights.allow(Deed::ActFor(&UserId::parse("a@b:c").unwrap())));
    }
}
