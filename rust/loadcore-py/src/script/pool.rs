//! Calls that no user holds any more, to be used again: to make one and to take it apart costs as much as all else that is
//! native about a request.

use std::collections::VecDeque;

use pyo3::prelude::*;

use super::call::Call;

/// As many are kept.
const MOST_CALLS: usize = 1_024;

/// What users do not let go of is kept as well, and so is what they have made of a body: larger ones are not.
pub(super) const MOST_BYTES: usize = 4_096;

/// Ended calls, from the one that ended first.
#[derive(Default)]
pub(super) struct Pool {
    calls: VecDeque<Py<Call>>,
}

impl Pool {
    /// The call that ended first, if it is held nowhere else. Otherwise it is the last to be looked at again.
    pub(super) fn take<'py>(&mut self, py: Python<'py>) -> Option<Bound<'py, Call>> {
        let call = self.calls.pop_front()?.into_bound(py);
        if is_only_here(&call) {
            return Some(call);
        }
        self.calls.push_back(call.unbind());
        None
    }

    /// Keeps a call that has ended.
    pub(super) fn put(&mut self, call: Bound<'_, Call>) {
        if self.calls.len() < MOST_CALLS {
            self.calls.push_back(call.unbind());
        }
    }

    /// Keeps none of them. The caller drops them while nothing is borrowed.
    pub(super) fn clear(&mut self) -> Self {
        std::mem::take(self)
    }
}

/// Whether there is one reference to it. Without the interpreter's lock this cannot be known.
fn is_only_here(call: &Bound<'_, Call>) -> bool {
    #[expect(deprecated, reason = "what takes its place is unsafe, and says the same")]
    let references = call.get_refcnt();
    cfg!(feature = "abi3") && references == 1
}
