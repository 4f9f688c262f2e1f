//! Changes of a load while it runs.

use serde::{Deserialize, Serialize};

use crate::plan::Rate;

/// A change of a load from a moment on. What is due before that moment stays as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Since the scenario's start. Orders of a scenario have ascending times.
    pub at_ns: u64,
    /// What changes.
    pub change: Change,
}

/// What an order changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// No iteration is due from now on. Users stay.
    Pause {},
    /// Iterations are due as if there had been no pause.
    Resume {},
    /// Closed models: this number of users from now on, in place of what was planned.
    Users {
        /// How many; may be 0.
        users: u32,
    },
    /// Open models: this rate from now on, in place of what was planned. A pause lasts until it is ended.
    Rate {
        /// How many; may be 0.
        rate: Rate,
    },
}

/// The stretches that orders make of the time up to `end_ns`: what holds in each, given what does before all orders and
/// how an order changes that. None is empty.
pub(super) fn stretches<S: Copy>(
    orders: &[Order],
    end_ns: u64,
    first: S,
    apply: impl Fn(S, Change) -> S,
) -> Vec<(u64, u64, S)> {
    let mut made = Vec::with_capacity(orders.len() + 1);
    let (mut start_ns, mut state) = (0, first);
    for order in orders {
        // One that comes out of order holds from the one before it.
        let at_ns = order.at_ns.clamp(start_ns, end_ns);
        if at_ns > start_ns {
            made.push((start_ns, at_ns, state));
        }
        (start_ns, state) = (at_ns, apply(state, order.change));
    }
    if end_ns > start_ns {
        made.push((start_ns, end_ns, state));
    }
    made
}
