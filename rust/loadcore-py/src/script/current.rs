//! Which task asyncio takes for the current one while a drain steps the code of users.
//!
//! asyncio enters a task before each of its steps and leaves it afterwards. Here one step follows another, so that a task
//! takes the place of the one before, and the last is left when something else is to run.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The place of the current task of a loop.
pub(super) struct Current {
    event_loop: Py<PyAny>,
    place: Place,
    inside: Option<Inside>,
}

/// Where asyncio keeps it.
enum Place {
    /// Python 3.11: in a dictionary, by loop.
    Tasks(Py<PyDict>),
    /// Later ones: behind a function, which gives back what was there.
    Swap(Py<PyAny>),
}

struct Inside {
    task: Py<PyAny>,
    /// What was there before the first that entered.
    before: Py<PyAny>,
}

impl Current {
    pub(super) fn of(event_loop: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = event_loop.py();
        let tasks = py.import("asyncio.tasks")?;
        let place = match tasks.getattr_opt("_swap_current_task")? {
            Some(swap) => Place::Swap(swap.unbind()),
            None => Place::Tasks(tasks.getattr("_current_tasks")?.cast_into::<PyDict>()?.unbind()),
        };
        Ok(Self { event_loop: event_loop.clone().unbind(), place, inside: None })
    }

    /// This task is the current one from now on.
    pub(super) fn enter(&mut self, task: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = task.py();
        if let Some(inside) = &mut self.inside {
            if !inside.task.is(task) {
                self.place.put(self.event_loop.bind(py), task)?;
                inside.task = task.clone().unbind();
            }
            return Ok(());
        }
        let before = self.place.current(self.event_loop.bind(py))?;
        self.place.put(self.event_loop.bind(py), task)?;
        self.inside = Some(Inside { task: task.clone().unbind(), before: before.unbind() });
        Ok(())
    }

    /// What was the current task before is it again.
    pub(super) fn leave(&mut self, py: Python<'_>) -> PyResult<()> {
        let Some(Inside { before, .. }) = self.inside.take() else { return Ok(()) };
        self.place.put(self.event_loop.bind(py), before.bind(py))
    }
}

impl Place {
    fn current<'py>(&self, event_loop: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = event_loop.py();
        match self {
            Self::Tasks(tasks) => Ok(tasks.bind(py).get_item(event_loop)?.unwrap_or_else(|| py.None().into_bound(py))),
            Self::Swap(_) => {
                py.import(intern!(py, "asyncio"))?.call_method1(intern!(py, "current_task"), (event_loop,))
            }
        }
    }

    fn put(&self, event_loop: &Bound<'_, PyAny>, task: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = event_loop.py();
        match self {
            Self::Tasks(tasks) if task.is_none() => tasks.bind(py).del_item(event_loop),
            Self::Tasks(tasks) => tasks.bind(py).set_item(event_loop, task),
            Self::Swap(swap) => swap.bind(py).call1((event_loop, task)).map(|_| ()),
        }
    }
}
