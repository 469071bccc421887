//! What handlers take to know that their caller may call.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use market::UserId;

use super::Access;
use super::keys::Key;
use super::rights::{Deed, Rights};
use crate::problem::Problem;

/// What the handlers of a service share, and with it who decides who may call them.
pub trait Guarded {
    /// Who decides.
    fn access(&self) -> &Access;
}

impl<T: Guarded + ?Sized> Guarded for Arc<T> {
    fn access(&self) -> &Access {
        (**self).access()
    }
}

/// Somebody who has shown who they are.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The id of a key; nobody's where everybody may call.
    id: Option<Arc<str>>,
    rights: Option<Arc<Rights>>,
}

impl Caller {
    /// Where everybody may do everything.
    pub(super) fn anybody() -> Self {
        Self {
            id: None,
            rights: None,
        }
    }

    pub(super) fn of_key(key: &Key) -> Self {
        Self {
            id: Some(Arc::clone(key.id())),
            rights: Some(Arc::clone(key.rights())),
        }
    }

    /// The id of their key.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    fn may(&self, deed: Deed<'_>) -> bool {
        self.rights.as_ref().is_none_or(|rights| rights.allow(deed))
    }

    /// 403: they are known, and may not.
    fn must(self, deed: Deed<'_>, wanted: &'static str) -> Result<Self, Problem> {
        if self.may(deed) {
            Ok(self)
        } else {
            Err(Problem::forbidden(wanted))
        }
    }
}

/// May read the catalogue.
#[derive(Clone, Debug)]
pub struct ReadAccess(());

/// May change the catalogue.
#[derive(Clone, Debug)]
pub struct WriteAccess(Caller);

/// May act for somebody; [`OrderAccess::acts_for`] says for whom.
#[derive(Clone, Debug)]
pub struct OrderAccess(Caller);

impl WriteAccess {
    /// Who it is.
    pub fn caller(&self) -> &Caller {
        &self.0
    }
}

impl OrderAccess {
    /// Who it is.
    pub fn caller(&self) -> &Caller {
        &self.0
    }

    /// Whether they may act for this user, and see what is the user's own.
    pub fn acts_for(&self, user: &UserId) -> bool {
        self.0.may(Deed::ActFor(user))
    }

    /// The same, as an answer: 403 where they may not.
    pub fn must_act_for(&self, user: &UserId) -> Result<(), Problem> {
        if self.acts_for(user) {
            Ok(())
        } else {
            Err(Problem::forbidden("this key is for other users"))
        }
    }
}

impl<S: Guarded + Sync> FromRequestParts<S> for ReadAccess {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let access = state.access();
        if access.protects_reads() {
            let caller = access.caller(&parts.headers)?;
            caller.must(Deed::Read, "this key may not read the catalogue")?;
        }
        Ok(Self(()))
    }
}

impl<S: Guarded + Sync> FromRequestParts<S> for WriteAccess {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = state.access().caller(&parts.headers)?;
        let wanted = "this key may not change the catalogue";
        Ok(Self(caller.must(Deed::Write, wanted)?))
    }
}

impl<S: Guarded + Sync> FromRequestParts<S> for OrderAccess {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = state.access().caller(&parts.headers)?;
        let may_any = caller
            .rights
            .as_ref()
            .is_none_or(|rights| rights.allow_orders());
        if may_any {
            Ok(Self(caller))
        } else {
            Err(Problem::forbidden("this key is for nobody's orders"))
        }
    }
}
