//! Sums: what a second held, in numbers that add up exactly.
//!
//! The engine thread counts into a [`Window`]; once a second the window changes hands and another thread reads it. Parts
//! merge: the sum over windows, workers and phases is what one counter would have counted.

mod cells;
mod counts;
mod encoding;
mod histogram;
mod window;

pub use cells::{CheckCell, GroupCell, ScenarioCell, ScenarioEvent, StepCell, Users};
pub use counts::Counts;
pub use histogram::{Encoder, Histogram, HistogramError};
pub use window::Window;
