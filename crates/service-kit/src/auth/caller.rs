//! What handlers take to know that their caller may call.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use market::UserId;

use super::Access;
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

/// Somebody, by what they may do: everything, where everybody may call.
#[derive(Clone, Debug)]
pub(super) struct Caller(Option<Arc<Rights>>);

impl Caller {
    /// Where everybody may do everything.
    pub(super) fn anybody() -> Self {
        Self(None)
    }

    /// Somebody with these rights.
    pub(super) fn with(rights: &Arc<Rights>) -> Self {
        Self(Some(Arc::clone(rights)))
    }

    fn may(&self, deed: Deed<'_>) -> bool {
        self.0.as_ref().is_none_or(|rights| rights.allow(deed))
    }

    /// 403: they are known, and may not.
    fn must(&self, deed: Deed<'_>, refusal: &'static str) -> Result<(), Problem> {
        if self.may(deed) {
            Ok(())
        } else {
            Err(Problem::forbidden(refusal))
        }
    }
}

/// May read the catalogue.
#[derive(Clone, Debug)]
pub struct ReadAccess(());

/// May change the catalogue.
#[derive(Clone, Debug)]
pub struct WriteAccess(());

/// May act for somebody; [`OrderAccess::acts_for`] says for whom.
#[derive(Clone, Debug)]
pub struct OrderAccess(Caller);

impl OrderAccess {
    /// Whether they may act for this user, and see what is the user's own.
    pub fn acts_for(&self, user: &UserId) -> bool {
        self.0.may(Deed::ActFor(user))
    }

    /// The same, as an answer: 403 where they may not.
    pub fn must_act_for(&self, user: &UserId) -> Result<(), Problem> {
        let refusal = "this key is for other users";
        self.0.must(Deed::ActFor(user), refusal)
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
        caller.must(Deed::Write, "this key may not change the catalogue")?;
        Ok(Self(()))
    }
}

impl<S: Guarded + Sync> FromRequestParts<S> for OrderAccess {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = state.access().caller(&parts.headers)?;
        caller.must(Deed::ActForAny, "this key is for nobody's orders")?;
        Ok(Self(caller))
    }
}
