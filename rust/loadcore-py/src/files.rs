//! Batches as the bytes of Arrow files and streams. Where the bytes go is Python's business.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use arrow_array::{RecordBatch, StructArray};
use arrow_ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions, StreamWriter};
use arrow_ipc::{CompressionType, MetadataVersion};
use arrow_schema::{ArrowError, Schema};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::batch::Batch;
use crate::border::border;
use crate::errors::BorderError;

/// What puts the body of a file at byte 8, from where it reads as a stream, whatever its writer's end was.
const ALIGNMENT: usize = 8;
/// The quickest of the levels that compress well: pyarrow's own choice.
const ZSTD_LEVEL: i32 = 1;

/// Encodes batches of rows as one file of the Arrow IPC file format, compressed with zstd, piece by piece: append what
/// each method returns.
#[pyclass(frozen, module = "loadcore._core")]
pub(crate) struct FileEncoder {
    /// None: it takes no more.
    open: Mutex<Option<FileWriter<Vec<u8>>>>,
}

impl FileEncoder {
    /// An encoder for batches with the columns of `like`, and `metadata` in the schema.
    pub(crate) fn new(like: &StructArray, metadata: HashMap<String, String>) -> Result<Self, ArrowError> {
        let schema = Schema::new_with_metadata(like.fields().clone(), metadata);
        let options = IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5)?
            .try_with_compression(Some(CompressionType::ZSTD))?
            .try_with_compression_level(Some(ZSTD_LEVEL))?
            .with_dictionary_handling(DictionaryHandling::Delta);
        Ok(Self { open: Mutex::new(Some(FileWriter::try_new_with_options(Vec::new(), &schema, options)?)) })
    }

    /// What `add` appends. After an error the file takes no more: how far it got is unknown.
    fn piece<'py>(
        &self,
        py: Python<'py>,
        add: impl Send + FnOnce(&mut FileWriter<Vec<u8>>) -> Result<(), ArrowError>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let piece = border(py, || {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let mut writer = open.take().ok_or(BorderError::Finished)?;
            add(&mut writer)?;
            let piece = std::mem::take(writer.get_mut());
            *open = Some(writer);
            Ok(piece)
        })?;
        Ok(PyBytes::new(py, &piece))
    }
}

#[pymethods]
impl FileEncoder {
    /// The beginning of the file, if it was not given yet. It comes before the first batch in any case.
    fn begin<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.piece(py, |_| Ok(()))
    }

    /// A batch, with new words of its dictionaries before it. Encoded without the GIL.
    fn encode<'py>(&self, py: Python<'py>, batch: &Batch) -> PyResult<Bound<'py, PyBytes>> {
        let rows = batch.rows();
        self.piece(py, |writer| {
            let schema = writer.schema().clone();
            writer.write(&RecordBatch::try_new(schema, rows.columns().to_vec())?)
        })
    }

    /// The footer, which is the end of the file.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.piece(py, FileWriter::finish)
    }
}

/// A batch as a stream of its own, not compressed.
pub(crate) fn stream(rows: &StructArray) -> Result<Vec<u8>, ArrowError> {
    let batch = RecordBatch::from(rows.clone());
    let options = IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5)?;
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options)?;
    writer.write(&batch)?;
    writer.into_inner()
}
