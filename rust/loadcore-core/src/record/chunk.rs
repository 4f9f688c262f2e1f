//! Rows in columns, as they are handed to Python.

use super::{ConnectTimings, Durations, Record, Trace};

/// Rows in a chunk.
pub const CHUNK_ROWS: usize = 65_536;

/// Declares the columns of a [`Chunk`] once: in the fixed form that is filled, and in the form that is handed on.
macro_rules! columns {
    ($($(#[doc = $text:literal])+ $name:ident: $type:ty,)+) => {
        /// Up to [`CHUNK_ROWS`] rows, one column per field. All columns are as long as they can get; the first
        /// [`Chunk::len`] rows are filled.
        #[derive(Debug)]
        pub struct Chunk {
            rows: usize,
            $($name: Box<[$type; CHUNK_ROWS]>,)+
            connections: Vec<(u32, ConnectTimings)>,
            script_lags: Vec<(u32, u64)>,
            traces: Vec<(u32, Trace)>,
        }

        /// The columns of a [`Chunk`] as vectors: the same memory, to be lent to others and made a chunk again.
        #[derive(Debug, Default)]
        pub struct Columns {
            /// How many rows are filled.
            pub rows: usize,
            $($(#[doc = $text])+ pub $name: Vec<$type>,)+
            /// What connections took, of the rows (by number, ascending) for which one was opened.
            pub connections: Vec<(u32, ConnectTimings)>,
            /// For how long scripts were kept from making their requests, of the rows that are theirs.
            pub script_lags: Vec<(u32, u64)>,
            /// Traces, of the rows that have one.
            pub traces: Vec<(u32, Trace)>,
        }

        impl Chunk {
            /// An empty chunk. Its memory is not touched, so not really taken, before rows fill it.
            #[must_use]
            pub fn new() -> Self {
                Self {
                    rows: 0,
                    $($name: column(vec![0; CHUNK_ROWS]),)+
                    connections: Vec::new(),
                    script_lags: Vec::new(),
                    traces: Vec::new(),
                }
            }

            /// The columns, without copying.
            #[must_use]
            pub fn into_columns(self) -> Columns {
                Columns {
                    rows: self.rows,
                    $($name: (self.$name as Box<[$type]>).into_vec(),)+
                    connections: self.connections,
                    script_lags: self.script_lags,
                    traces: self.traces,
                }
            }
        }

        impl From<Columns> for Chunk {
            /// An empty chunk in the memory of these columns.
            fn from(columns: Columns) -> Self {
                let mut chunk = Self {
                    rows: 0,
                    $($name: column(columns.$name),)+
                    connections: columns.connections,
                    script_lags: columns.script_lags,
                    traces: columns.traces,
                };
                chunk.clear();
                chunk
            }
        }
    };
}

columns! {
    /// When each request should have been sent.
    due_ns: i64,
    /// Due to send.
    lag_ns: i64,
    /// Send to first byte; -1: none came.
    ttfb_ns: i64,
    /// Send to last byte; -1: never sent.
    service_ns: i64,
    /// Due to last byte.
    response_ns: i64,
    /// Bytes of request sent.
    bytes_sent: i64,
    /// Bytes of response received.
    bytes_received: i64,
    /// The user.
    user: i32,
    /// The user's iteration.
    iteration: i32,
    /// Index of the step.
    step: i16,
    /// The status code; 0: none came.
    status: u16,
    /// Code of the outcome.
    outcome: i8,
    /// Code of the phase.
    phase: i8,
    /// How often the request was sent.
    attempts: u8,
    /// 1: over a connection that had served before.
    reused: u8,
    /// [`ERROR`], [`SUPERSEDED`], or neither.
    standing: u8,
}

/// A row's standing: it counts as an error.
pub const ERROR: u8 = 1;
/// A row's standing: another request took its place.
pub const SUPERSEDED: u8 = 2;

impl Chunk {
    /// How many rows are filled.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether no row is filled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Adds a row and says whether the chunk is full now. A chunk that is full already takes no row.
    #[inline]
    pub fn push(&mut self, record: &Record, durations: &Durations) -> bool {
        let row = self.rows;
        // Also what lets the compiler leave out the bounds checks below.
        if row >= CHUNK_ROWS {
            return true;
        }
        self.due_ns[row] = record.due_ns.cast_signed();
        self.lag_ns[row] = durations.lag_ns.cast_signed();
        self.ttfb_ns[row] = durations.ttfb_ns.map_or(-1, u64::cast_signed);
        self.service_ns[row] = if record.attempts > 0 { durations.service_ns.cast_signed() } else { -1 };
        self.response_ns[row] = durations.response_ns.cast_signed();
        self.bytes_sent[row] = record.bytes_sent.cast_signed();
        self.bytes_received[row] = record.bytes_received.cast_signed();
        self.user[row] = record.user.cast_signed();
        self.iteration[row] = record.iteration.cast_signed();
        self.step[row] = record.step.0.cast_signed();
        self.status[row] = record.status;
        self.outcome[row] = (record.outcome as u8).cast_signed();
        self.phase[row] = (record.phase as u8).cast_signed();
        self.attempts[row] = record.attempts;
        self.reused[row] = u8::from(record.reused);
        self.standing[row] = u8::from(record.error) * ERROR + u8::from(record.superseded) * SUPERSEDED;
        if let Some(timings) = record.connection {
            self.connected(row, timings);
        }
        self.rows = row + 1;
        self.rows == CHUNK_ROWS
    }

    /// Forgets the rows and keeps the memory.
    pub fn clear(&mut self) {
        self.rows = 0;
        self.connections.clear();
        self.script_lags.clear();
        self.traces.clear();
    }

    /// Notes for how long the script of the row that was added last was kept from making its request.
    pub fn script_lag(&mut self, script_lag_ns: u64) {
        if let Some(row) = self.rows.checked_sub(1).and_then(|row| u32::try_from(row).ok()) {
            self.script_lags.push((row, script_lag_ns));
        }
    }

    /// Notes the trace of the row that is added next. A chunk that is full already takes none.
    #[expect(clippy::cast_possible_truncation, reason = "a row number is below 65,536")]
    pub fn trace(&mut self, trace: Trace) {
        if self.rows < CHUNK_ROWS {
            self.traces.push((self.rows as u32, trace));
        }
    }

    /// Out of line: rare where connections are kept.
    #[cold]
    #[expect(clippy::cast_possible_truncation, reason = "a row number is below 65,536")]
    fn connected(&mut self, row: usize, timings: ConnectTimings) {
        self.connections.push((row as u32, timings));
    }
}

impl Default for Chunk {
    fn default() -> Self {
        Self::new()
    }
}

/// Gives a vector the length that columns have (it has it already, unless a caller broke it) and fixes it in the type.
#[expect(clippy::expect_used, reason = "the vector has just been given the length")]
#[expect(clippy::unnecessary_box_returns, reason = "half a megabyte does not belong on a stack")]
fn column<T: Copy + Default + std::fmt::Debug>(mut values: Vec<T>) -> Box<[T; CHUNK_ROWS]> {
    values.resize(CHUNK_ROWS, T::default());
    values.into_boxed_slice().try_into().expect("a slice of the array's length")
}
