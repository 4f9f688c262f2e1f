//! Histograms as Python merges and asks them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use loadcore_core::aggregate::{self, Merger};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::border::border;
use crate::errors::BorderError;

/// Durations from 1 µs to one hour, each to 0.1 %. Merging loses nothing.
#[pyclass(frozen, module = "loadcore._core")]
pub(crate) struct Histogram {
    histogram: Mutex<aggregate::Histogram>,
}

impl Histogram {
    fn lock(&self) -> MutexGuard<'_, aggregate::Histogram> {
        self.histogram.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Histogram {
    /// An empty histogram.
    #[new]
    fn new() -> Self {
        Self { histogram: Mutex::default() }
    }

    /// Reads what `encode` wrote. Raises `ValueError` if the bytes are not such a histogram.
    #[staticmethod]
    fn decode(py: Python<'_>, encoded: &[u8]) -> PyResult<Self> {
        let histogram = border(py, || Ok(aggregate::Histogram::decode(encoded)?))?;
        Ok(Self { histogram: Mutex::new(histogram) })
    }

    /// Adds another histogram.
    fn add(&self, py: Python<'_>, other: &Self) -> PyResult<()> {
        border(py, || {
            // Copied first: the other may be this one, or just now be adding this one to itself.
            let other = other.lock().clone();
            self.lock().add(&other);
            Ok(())
        })
    }

    /// Adds an encoded histogram. Raises `ValueError` if the bytes are none.
    fn add_encoded(&self, py: Python<'_>, encoded: &[u8]) -> PyResult<()> {
        border(py, || {
            self.lock().add_encoded(encoded)?;
            Ok(())
        })
    }

    /// Adds an encoded histogram less the content of `less` (encoded, too), plus the content of `more`. Raises
    /// `ValueError` if one of them is none.
    #[pyo3(signature = (encoded, less, more))]
    fn add_differing(&self, py: Python<'_>, encoded: &[u8], less: Option<&[u8]>, more: Option<&[u8]>) -> PyResult<()> {
        border(py, || {
            self.lock().add_differing(encoded, less, more)?;
            Ok(())
        })
    }

    /// How many durations an encoded histogram holds, and how many of them exceed each limit. Raises `ValueError` if
    /// the bytes are none.
    #[staticmethod]
    #[expect(clippy::needless_pass_by_value, reason = "how a list comes from Python")]
    fn count_above(py: Python<'_>, encoded: &[u8], limits_ns: Vec<u64>) -> PyResult<(u64, Vec<u64>)> {
        border(py, || Ok(aggregate::Histogram::count_above(encoded, &limits_ns)?))
    }

    /// Merges encoded histograms by their place, which is below `places`: one encoding for each place, `None` where there
    /// was none. Raises `ValueError` if some of the bytes are none.
    #[staticmethod]
    #[expect(clippy::needless_pass_by_value, reason = "how lists come from Python")]
    fn merge_encoded<'py>(
        py: Python<'py>,
        encoded: Vec<Option<Bound<'py, PyBytes>>>,
        place_of: Vec<usize>,
        places: usize,
    ) -> PyResult<Vec<Option<Bound<'py, PyBytes>>>> {
        let mut sets: Vec<Vec<&[u8]>> = vec![Vec::new(); places];
        for (bytes, place) in encoded.iter().zip(&place_of) {
            if let (Some(bytes), Some(set)) = (bytes, sets.get_mut(*place)) {
                set.push(bytes.as_bytes());
            }
        }
        let merged = border(py, || {
            let mut merger = Merger::new();
            let merge = |set: &Vec<&[u8]>| (!set.is_empty()).then(|| merger.merge(set)).transpose();
            Ok(sets.iter().map(merge).collect::<Result<Vec<_>, _>>()?)
        })?;
        Ok(merged.into_iter().map(|bytes| bytes.map(|bytes| PyBytes::new(py, &bytes))).collect())
    }

    /// The duration, in nanoseconds, that the share `q` of all durations does not exceed; 0 if there are none.
    fn quantile(&self, py: Python<'_>, q: f64) -> PyResult<u64> {
        border(
            py,
            || if (0.0..=1.0).contains(&q) { Ok(self.lock().quantile(q)) } else { Err(BorderError::Quantile(q)) },
        )
    }

    /// How many durations.
    #[getter]
    fn count(&self) -> u64 {
        self.lock().count()
    }

    /// The shortest duration, to 0.1 %; 0 if there are none.
    #[getter]
    fn min_ns(&self) -> u64 {
        self.lock().min_ns()
    }

    /// The longest duration, to 0.1 %; 0 if there are none.
    #[getter]
    fn max_ns(&self) -> u64 {
        self.lock().max_ns()
    }

    /// The mean, to 0.1 %; 0 if there are none.
    #[getter]
    fn mean_ns(&self) -> u64 {
        self.lock().mean_ns()
    }

    /// The durations that occurred, ascending: the upper end of each counter in nanoseconds, and its count.
    fn buckets(&self) -> Vec<(u64, u64)> {
        self.lock().buckets().collect()
    }

    /// The HDR V2 compressed encoding, values in microseconds.
    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = border(py, || Ok(self.lock().encode()?))?;
        Ok(PyBytes::new(py, &bytes))
    }
}
