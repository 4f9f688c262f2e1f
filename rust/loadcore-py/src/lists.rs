//! Columns of windows whose cells are lists of a few things with several fields.

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, Int64Array, ListArray, StringArray, StructArray, UInt16Array};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, DataType, Field};
use loadcore_core::aggregate::{Exemplar, Gap, Hint};

use crate::rows::table;

/// The service times of answers whose status was an error, as a histogram for each status.
pub(crate) type ErrorTimes = Vec<(u16, Vec<u8>)>;

pub(crate) fn error_times(rows: &[Option<&ErrorTimes>]) -> Result<ArrayRef, ArrowError> {
    let all = || rows.iter().copied().flatten().flatten();
    let statuses = UInt16Array::from_iter_values(all().map(|(status, _)| *status));
    let times = BinaryArray::from_iter_values(all().map(|(_, service)| service));
    lists(rows, table(vec![("status", Arc::new(statuses), false), ("service", Arc::new(times), false)])?)
}

/// What responses said about where their time went.
pub(crate) fn hints(rows: &[Option<&Vec<Hint>>]) -> Result<ArrayRef, ArrowError> {
    let all = || rows.iter().copied().flatten().flatten();
    let names: ArrayRef = Arc::new(StringArray::from_iter_values(all().map(|hint| &hint.name)));
    let number = |of: fn(&Hint) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(all().map(|hint| of(hint).cast_signed())))
    };
    let columns = vec![
        ("name", names, false),
        ("count", number(|hint| u64::from(hint.count)), false),
        ("sum_ns", number(|hint| hint.sum_ns), false),
        ("ttfb_sum_ns", number(|hint| hint.ttfb_sum_ns), false),
    ];
    lists(rows, table(columns)?)
}

/// The slowest requests that have a trace, each with its id.
pub(crate) fn exemplars(rows: &[Option<&Vec<(String, Exemplar)>>]) -> Result<ArrayRef, ArrowError> {
    let all = || rows.iter().copied().flatten().flatten();
    let number = |of: fn(&Exemplar) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(all().map(|(_, exemplar)| of(exemplar).cast_signed())))
    };
    let outcomes: ArrayRef = Arc::new(StringArray::from_iter_values(all().map(|(_, each)| each.outcome.name())));
    let spans = all().map(|(_, each)| format!("{:016x}", each.trace.span));
    let span_ids: ArrayRef = Arc::new(StringArray::from_iter_values(spans));
    let columns = vec![
        ("trace_id", Arc::new(StringArray::from_iter_values(all().map(|(trace_id, _)| trace_id))) as ArrayRef, false),
        ("span_id", span_ids, false),
        ("end_ns", number(|exemplar| exemplar.end_ns), false),
        ("service_ns", number(|exemplar| exemplar.service_ns), false),
        ("response_ns", number(|exemplar| exemplar.response_ns), false),
        ("status", Arc::new(UInt16Array::from_iter_values(all().map(|(_, each)| each.status))), false),
        ("outcome", outcomes, false),
    ];
    lists(rows, table(columns)?)
}

/// Times without an answer.
pub(crate) fn gaps(rows: &[Option<&Vec<Gap>>]) -> Result<ArrayRef, ArrowError> {
    let number = |of: fn(&Gap) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(
            rows.iter().copied().flatten().flatten().map(|gap| of(gap).cast_signed()),
        ))
    };
    lists(rows, table(vec![("from_ns", number(|gap| gap.from_ns), false), ("to_ns", number(|gap| gap.to_ns), false)])?)
}

/// A list for each row, of the items of all of them; null where there is none.
fn lists<T>(rows: &[Option<&Vec<T>>], items: StructArray) -> Result<ArrayRef, ArrowError> {
    let offsets = OffsetBuffer::from_lengths(rows.iter().map(|list| list.map_or(0, Vec::len)));
    let valid: BooleanBuffer = rows.iter().map(Option::is_some).collect();
    let item = Field::new("item", DataType::Struct(items.fields().clone()), false);
    Ok(Arc::new(ListArray::try_new(Arc::new(item), offsets, Arc::new(items), Some(NullBuffer::new(valid)))?))
}
