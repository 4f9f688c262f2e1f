//! A chunk of rows as Arrow columns, without copying what can be lent.

use std::sync::Arc;

use arrow_array::types::{ArrowPrimitiveType, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type};
use arrow_array::{
    ArrayRef, BooleanArray, Int8Array, Int16Array, Int64Array, PrimitiveArray, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, ScalarBuffer, ToByteSlice};
use arrow_schema::{ArrowError, Field, Fields};
use bytes::Bytes;
use loadcore_core::record::{Chunk, Columns, ConnectTimings, ERROR, SUPERSEDED, Tables, Trace};
use loadcore_core::recorder::{Recorder, Recycler};

use crate::names::{Names, StepKeys};

/// The columns of a chunk while Python has them. When the last has been released, their memory goes back to the engine.
struct Lent {
    columns: Columns,
    recycler: Recycler,
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.recycler.chunk(Box::new(Chunk::from(std::mem::take(&mut self.columns))));
    }
}

/// One of the columns that are lent.
struct Column<T> {
    lent: Arc<Lent>,
    of: fn(&Columns) -> &Vec<T>,
}

impl<T: ArrowNativeType> AsRef<[u8]> for Column<T> {
    fn as_ref(&self) -> &[u8] {
        (self.of)(&self.lent.columns).as_slice().to_byte_slice()
    }
}

/// No rows, for their types.
pub(crate) fn no_rows(names: &Names) -> Result<StructArray, ArrowError> {
    let (_, _, recycler) = Recorder::channel(Tables::default(), false);
    rows(Chunk::new(), names, 0, recycler)
}

/// The rows of a chunk, in the columns that the results have. `wall_start_us`: the run's start on the wall clock.
pub(crate) fn rows(
    chunk: Chunk,
    names: &Names,
    wall_start_us: i64,
    recycler: Recycler,
) -> Result<StructArray, ArrowError> {
    let lent = Arc::new(Lent { columns: chunk.into_columns(), recycler });
    let columns = &lent.columns;
    let count = columns.rows;
    let step_keys = |of: fn(&StepKeys) -> i16| by_step(columns, names, of);
    let mut arrays: Vec<(&str, ArrayRef, bool)> = vec![
        ("scheduled_at", scheduled_at(columns, wall_start_us), false),
        ("offset_ns", lend::<Int64Type>(&lent, |columns| &columns.due_ns, None), false),
        ("lag_ns", lend::<Int64Type>(&lent, |columns| &columns.lag_ns, None), false),
        ("script_lag_ns", script_lags(columns), true),
        ("dns_ns", connection_times(columns, |timings| timings.dns_ns), true),
        ("connect_ns", connection_times(columns, |timings| timings.connect_ns), true),
        ("tls_ns", connection_times(columns, |timings| timings.tls_ns), true),
        (
            "ttfb_ns",
            lend::<Int64Type>(&lent, |columns| &columns.ttfb_ns, valid(count, |row| columns.ttfb_ns[row] >= 0)),
            true,
        ),
        (
            "service_ns",
            lend::<Int64Type>(&lent, |columns| &columns.service_ns, valid(count, |row| columns.service_ns[row] >= 0)),
            true,
        ),
        ("response_ns", lend::<Int64Type>(&lent, |columns| &columns.response_ns, None), false),
        ("scenario", names.scenario.large(step_keys(|keys| keys.names.scenario))?, false),
        ("step", names.step.large(step_keys(|keys| keys.step))?, false),
        ("method", names.method.large(step_keys(|keys| keys.method))?, false),
        ("outcome", names.outcome.small(keys(columns, &columns.outcome))?, false),
        ("phase", names.phase.small(keys(columns, &columns.phase))?, false),
        ("error", flags(count, |row| columns.standing[row] == ERROR), false),
        ("superseded", flags(count, |row| columns.standing[row] == SUPERSEDED), false),
        (
            "status",
            lend::<UInt16Type>(&lent, |columns| &columns.status, valid(count, |row| columns.status[row] > 0)),
            true,
        ),
        ("attempts", lend::<UInt8Type>(&lent, |columns| &columns.attempts, None), false),
        ("reused", flags(count, |row| columns.reused[row] != 0), false),
        ("user", lend::<Int32Type>(&lent, |columns| &columns.user, None), false),
        ("iteration", lend::<Int32Type>(&lent, |columns| &columns.iteration, None), false),
        ("worker", Arc::new(Int16Array::from_value(names.worker, count)), false),
        ("bytes_sent", lend::<Int64Type>(&lent, |columns| &columns.bytes_sent, None), false),
        ("bytes_received", lend::<Int64Type>(&lent, |columns| &columns.bytes_received, None), false),
    ];
    if let Some(prefix) = names.trace_prefix {
        arrays.push(("trace_id", trace_ids(columns, prefix), true));
    }
    table(arrays)
}

/// A trace's id as `traceparent` has it.
pub(crate) fn trace_id(prefix: u64, trace: Trace) -> String {
    format!("{prefix:016x}{:016x}", trace.id)
}

/// Columns, each with its name and whether it may hold nulls, as one table.
pub(crate) fn table(columns: Vec<(&str, ArrayRef, bool)>) -> Result<StructArray, ArrowError> {
    let field =
        |(name, array, nullable): &(&str, ArrayRef, bool)| Field::new(*name, array.data_type().clone(), *nullable);
    let fields: Fields = columns.iter().map(field).collect();
    StructArray::try_new(fields, columns.into_iter().map(|(_, array, _)| array).collect(), None)
}

fn lend<T: ArrowPrimitiveType>(
    lent: &Arc<Lent>,
    of: fn(&Columns) -> &Vec<T::Native>,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let bytes = Bytes::from_owner(Column { lent: Arc::clone(lent), of });
    Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::new(Buffer::from(bytes), 0, lent.columns.rows), nulls))
}

fn valid(count: usize, is_valid: impl FnMut(usize) -> bool) -> Option<NullBuffer> {
    Some(NullBuffer::new(BooleanBuffer::collect_bool(count, is_valid))).filter(|nulls| nulls.null_count() > 0)
}

fn flags(count: usize, is_set: impl FnMut(usize) -> bool) -> ArrayRef {
    Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(count, is_set), None))
}

/// When each request was due on the wall clock.
fn scheduled_at(columns: &Columns, wall_start_us: i64) -> ArrayRef {
    let due_ns = columns.due_ns.iter().take(columns.rows);
    let at = due_ns.map(|due_ns| wall_start_us + due_ns / 1_000);
    Arc::new(TimestampMicrosecondArray::from_iter_values(at).with_timezone("UTC"))
}

/// A dictionary's keys. Copied, because an encoder keeps the first column of each dictionary, and would keep a chunk by it.
fn keys(columns: &Columns, codes: &[i8]) -> Int8Array {
    Int8Array::from_iter_values(codes.iter().take(columns.rows).copied())
}

/// A dictionary's keys, found by the step of each row.
fn by_step(columns: &Columns, names: &Names, of: fn(&StepKeys) -> i16) -> PrimitiveArray<Int16Type> {
    let by_step: Vec<i16> = names.steps.iter().map(of).collect();
    let steps = columns.step.iter().take(columns.rows);
    Int16Array::from_iter_values(steps.map(|step| by_step[usize::from(step.cast_unsigned())]))
}

/// For how long scripts were kept from making their requests; null in all rows that are not theirs.
fn script_lags(columns: &Columns) -> ArrayRef {
    let mut times = vec![0; columns.rows];
    let mut valid = vec![false; columns.rows];
    for (row, script_lag_ns) in &columns.script_lags {
        times[*row as usize] = script_lag_ns.cast_signed();
        valid[*row as usize] = true;
    }
    Arc::new(Int64Array::new(ScalarBuffer::from(times), Some(NullBuffer::from(valid))))
}

/// The ids of traces; null in all rows that have none.
fn trace_ids(columns: &Columns, prefix: u64) -> ArrayRef {
    let mut traces = columns.traces.iter().peekable();
    let ids = (0_u32..).take(columns.rows).map(|row| {
        let (_, trace) = traces.next_if(|(of, _)| *of == row)?;
        Some(trace_id(prefix, *trace))
    });
    Arc::new(ids.collect::<StringArray>())
}

/// A part of what connections took; null in all rows for which none was opened.
fn connection_times(columns: &Columns, of: fn(&ConnectTimings) -> Option<u64>) -> ArrayRef {
    let mut times = vec![0; columns.rows];
    let mut valid = vec![false; columns.rows];
    for (row, timings) in &columns.connections {
        if let (Some(time), row) = (of(timings), *row as usize) {
            times[row] = time.cast_signed();
            valid[row] = true;
        }
    }
    Arc::new(Int64Array::new(ScalarBuffer::from(times), Some(NullBuffer::from(valid))))
}
