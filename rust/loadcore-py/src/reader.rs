//! Takes what the engine thread hands over and makes tables of it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arrow_array::StructArray;
use loadcore_core::engine::{self, Control, Event, RunEnd};
use loadcore_core::health::Probe;
use loadcore_core::record::Tables;
use loadcore_core::recorder::{EndReason, Recycler};
use loadcore_core::sample::Sample;

use crate::border::panic_message;
use crate::errors::BorderError;
use crate::names::Names;
use crate::rows::rows;
use crate::windows::WindowTables;

/// What comes out of an engine.
pub(crate) enum Item {
    /// Rows of requests.
    Rows(StructArray),
    /// Rows of windows.
    Windows(StructArray),
    /// A failure that stands for its kind.
    Sample(Box<Sample>),
    /// How it ended.
    End(RunEnd),
}

/// The writer's end of a running engine. Dropped early, it interrupts the engine: it makes no load that is not
/// recorded.
pub(crate) struct Reader {
    events: Receiver<Event>,
    recycler: Recycler,
    control: Control,
    engine_thread: Option<JoinHandle<()>>,
    /// What the names are of. Grows when a step is met at run time.
    tables: Tables,
    names: Arc<Names>,
    wall_start_us: i64,
    windows: WindowTables,
    probe: Probe,
}

impl Reader {
    pub(crate) fn new(engine: engine::Engine, start_at_ns: u64, wall_start_us: i64, names: Arc<Names>) -> Self {
        let probe = Probe::new(Instant::now());
        let tables = engine.describe().tables.clone();
        let engine::Running { events, recycler, control, engine_thread } = engine.start(start_at_ns);
        Self {
            events,
            recycler,
            control,
            engine_thread: Some(engine_thread),
            tables,
            names,
            wall_start_us,
            windows: WindowTables::new(),
            probe,
        }
    }

    pub(crate) fn control(&self) -> Control {
        self.control.clone()
    }

    /// The next item, if one comes in time.
    pub(crate) fn next(&mut self, timeout: Duration) -> Result<Option<Item>, BorderError> {
        let event = match self.events.recv_timeout(timeout) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => return Ok(None),
            Err(RecvTimeoutError::Disconnected) => return Ok(Some(Item::End(self.broken_off()))),
        };
        Ok(Some(match event {
            Event::Names(names) => {
                for name in names {
                    self.tables.add(name);
                }
                self.names = Arc::new(self.names.extended(&self.tables)?);
                return Ok(None);
            }
            Event::Rows(chunk) => Item::Rows(rows(*chunk, &self.names, self.wall_start_us, self.recycler.clone())?),
            Event::Window(window) => {
                let health = self.probe.sample(Instant::now(), window.engine_thread, window.engine_cpu_ns);
                let table = self.windows.table(&window, health, &self.names);
                self.recycler.window(window);
                Item::Windows(table?)
            }
            Event::Sample(sample) => Item::Sample(sample),
            Event::End(end) => Item::End(end),
        }))
    }

    /// The end of an engine thread that did not say how it ended.
    fn broken_off(&mut self) -> RunEnd {
        let panic = self.engine_thread.take().and_then(|thread| thread.join().err());
        let cause = panic.map_or_else(|| "it ended without a word".to_owned(), |panic| panic_message(&*panic));
        RunEnd {
            reason: EndReason::Aborted,
            error: Some(format!("the engine thread broke off: {cause}")),
            rows_dropped: 0,
            started_late_ns: 0,
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.control.interrupt();
    }
}
