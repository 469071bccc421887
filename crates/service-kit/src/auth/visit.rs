//! What is learnt of a request on its way to the handler, for its line in the log and the headers of its answer.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::extract::Request;
use http::Extensions;

use super::Identity;
use crate::rates::Left;

/// A request that notes are taken of.
#[derive(Clone)]
pub(crate) struct Visit(Arc<Notes>);

#[derive(Default)]
struct Notes {
    /// Where a write goes to.
    path: Option<Box<str>>,
    caller: OnceLock<Identity>,
    left: Mutex<Vec<Left>>,
}

impl Visit {
    /// Begins to take notes of a request.
    pub(crate) fn begin(request: &mut Request) -> Self {
        let is_write = !request.method().is_safe();
        let path = is_write.then(|| request.uri().path().into());
        let visit = Self(Arc::new(Notes {
            path,
            ..Notes::default()
        }));
        request.extensions_mut().insert(visit.clone());
        visit
    }

    /// Takes notes of a request, if any are taken of it.
    pub(super) fn note(request: &Extensions, note: impl FnOnce(&Self)) {
        if let Some(visit) = request.get() {
            note(visit);
        }
    }

    /// Notes who asks.
    pub(super) fn is_of(&self, caller: &Identity) {
        // Nobody is found out twice.
        let _ = self.0.caller.set(caller.clone());
    }

    /// Notes what they may still ask.
    pub(super) fn has_left(&self, left: Option<Left>) {
        let mut all = self.0.left.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(left);
    }

    /// What they may still ask.
    pub(crate) fn left(&self) -> Vec<Left> {
        let left = self.0.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.clone()
    }

    /// Who asked for a change, and of what; nothing of somebody unknown, and nothing where nothing was to change.
    pub(crate) fn write(&self) -> Option<(&Identity, &str)> {
        self.0.caller.get().zip(self.0.path.as_deref())
    }
}
