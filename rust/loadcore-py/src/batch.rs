//! A table on its way to Python.

use arrow_array::{Array, StructArray};
use arrow_data::ffi::FFI_ArrowArray;
use arrow_schema::ffi::FFI_ArrowSchema;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule};

use crate::border::border;
use crate::errors::BorderError;
use crate::files::stream;

/// Rows of a table, for any library that knows the Arrow C data interface: `pyarrow.record_batch(batch)` imports it.
/// Nothing is copied.
#[pyclass(frozen, module = "loadcore._core")]
pub(crate) struct Batch {
    rows: StructArray,
}

impl Batch {
    pub(crate) fn new(rows: StructArray) -> Self {
        Self { rows }
    }

    pub(crate) fn rows(&self) -> &StructArray {
        &self.rows
    }

    fn schema_capsule<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(self.rows.data_type()).map_err(BorderError::from);
        let schema = schema.map_err(|error| error.into_exception(py))?;
        PyCapsule::new_with_value(py, schema, c"arrow_schema")
    }
}

#[pymethods]
impl Batch {
    /// The number of rows.
    fn __len__(&self) -> usize {
        self.rows.len()
    }

    /// The batch as an Arrow IPC stream of its own.
    fn to_stream<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &border(py, || Ok(stream(&self.rows)?))?))
    }

    /// The columns' names and types.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        self.schema_capsule(py)
    }

    /// The columns. They are given in their own types, whatever schema is asked for, as the protocol allows.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        let _ = requested_schema;
        let array = FFI_ArrowArray::new(&self.rows.to_data());
        Ok((self.schema_capsule(py)?, PyCapsule::new_with_value(py, array, c"arrow_array")?))
    }
}
