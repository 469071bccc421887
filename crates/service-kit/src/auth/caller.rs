//! What handlers take to know that their caller may call.

use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use market::UserId;
use serde::Serialize;
use utoipa::ToSchema;

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

/// Who somebody is, for logs and records: `key:<id>` or `sub:<subject of a token>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, examples("key:1f0c9a37"))]
pub struct Identity(Arc<str>);

/// Characters of a subject that are kept.
const MAX_SUBJECT_CHARS: usize = 128;

impl Identity {
    /// Whoever shows the key of this id.
    pub(super) fn key(id: &str) -> Self {
        Self(format!("key:{id}").into())
    }

    /// Who was recorded once.
    pub fn recorded(text: &str) -> Self {
        Self(text.into())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whom a token speaks of; what does not belong into a log is escaped.
    pub(super) fn subject(subject: &str) -> Self {
        let plain = subject.chars().flat_map(char::escape_default);
        let plain: String = plain.take(MAX_SUBJECT_CHARS).collect();
        Self(format!("sub:{plain}").into())
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Somebody that is known.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) identity: Identity,
    pub(super) rights: Rights,
}

/// Who calls: nobody in particular, who may do everything, where everybody may call.
#[derive(Clone, Debug)]
pub(super) struct Caller(Option<Arc<Known>>);

impl Caller {
    /// Where everybody may do everything.
    pub(super) fn anybody() -> Self {
        Self(None)
    }

    /// Somebody who has shown who they are.
    pub(super) fn known(known: Arc<Known>) -> Self {
        Self(Some(known))
    }

    /// Who they are, where it matters.
    pub(super) fn identity(&self) -> Option<&Identity> {
        self.0.as_ref().map(|known| &known.identity)
    }

    fn may(&self, deed: Deed<'_>) -> bool {
        self.0.as_ref().is_none_or(|it| it.rights.allow(deed))
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

/// May look at how a service does.
#[derive(Clone, Debug)]
pub struct OperationsAccess(());

/// May act for somebody; [`OrderAccess::acts_for`] says for whom.
#[derive(Clone, Debug)]
pub struct OrderAccess(Caller);

impl OrderAccess {
    /// Who they are themselves; nobody knows where everybody may call.
    pub fn identity(&self) -> Option<&Identity> {
        self.0.identity()
    }

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
            let caller = access.caller(parts).await?;
            caller.must(Deed::Read, "this key may not read the catalogue")?;
        }
        Ok(Self(()))
    }
}

impl<S: Guarded + Sync> FromRequestParts<S> for WriteAccess {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = state.access().caller(parts).await?;
        caller.must(Deed::Write, "this key may not change the catalogue")?;
        Ok(Self(()))
    }
}

impl<S: Guarded + Sync> FromRequestParts<S> for OperationsAccess {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = state.access().caller(parts).await?;
        caller.must(Deed::Operate, "this key is not for operations")?;
        Ok(Self(()))
    }
}

impl<S: Guarded + Sync> FromRequestParts<S> for OrderAccess {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = state.access().caller(parts).await?;
        caller.must(Deed::ActForAny, "this key is for nobody's orders")?;
        Ok(Self(caller))
    }
}
