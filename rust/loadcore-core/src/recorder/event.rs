//! What the engine thread hands over.

use serde::Serialize;

use crate::aggregate::Window;
use crate::record::{Chunk, Name};
use crate::sample::Sample;

/// What the engine thread hands to the thread that writes.
#[derive(Debug)]
pub enum Event {
    /// Names that appeared at run time: the next entries of their kinds in the [`Tables`]. They come before all that has
    /// them, and together: however many there are, they take one place in the queue.
    ///
    /// [`Tables`]: crate::record::Tables
    Names(Vec<Name>),
    /// Rows: a full chunk, or those of the last second.
    Rows(Box<Chunk>),
    /// The counts of one second.
    Window(Box<Window>),
    /// What a failure looked like, once for each kind. Comes before the window of its second.
    Sample(Box<Sample>),
    /// Nothing comes after this.
    End(RunEnd),
}

/// How this worker's part of the run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunEnd {
    /// Why.
    pub reason: EndReason,
    /// What went wrong, if something did.
    pub error: Option<String>,
    /// Rows that found no room in the row log, in the whole run. They are counted in the windows all the same.
    pub rows_dropped: u64,
    /// How long after the moment of the start this worker began.
    pub started_late_ns: u64,
}

/// Why a worker's part of the run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The plan was carried out.
    Finished,
    /// It was asked to start no more iterations, and the running ones are done.
    Stopped,
    /// It was asked to stop at once.
    Interrupted,
    /// The engine could not continue.
    Aborted,
    /// A feeder that may not run out ran out.
    FeederExhausted,
}
