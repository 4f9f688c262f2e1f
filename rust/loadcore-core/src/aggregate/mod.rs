//! Sums: what a second held, in numbers that add up exactly.
//!
//! The engine thread counts into a [`Window`]; once a second the window changes hands and another thread reads it. Parts
//! merge: the sum over windows, workers and phases is what one counter would have counted.

#![expect(
    clippy::inline_always,
    reason = "on the path of every request: docs/decisions/013-one-walk-for-all-requests.md"
)]

mod cells;
mod counts;
mod encoding;
mod exemplars;
mod flights;
mod flows;
mod gaps;
mod hints;
mod histogram;
mod merger;
mod window;

pub use cells::{CheckCell, ErrorStatus, GroupCell, ScenarioCell, ScenarioEvent, StepCell, Users};
pub use counts::Counts;
pub use encoding::HistogramError;
pub use exemplars::Exemplar;
pub(crate) use flights::{Flights, Sends};
pub use flows::{Elsewhere, Flow};
pub use gaps::Gap;
pub(crate) use gaps::Gaps;
pub use hints::Hint;
pub use histogram::{Encoder, Histogram};
pub use merger::Merger;
pub use window::Window;
