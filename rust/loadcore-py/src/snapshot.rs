//! What objects of Python had in them when they were last looked at.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

/// Keys and values of a dictionary.
type Items = Vec<(Py<PyAny>, Py<PyAny>)>;

/// Some attributes of an object, and all of some dictionaries and lists. Objects are compared, not their values: that takes
/// one call and a few look-ups, where Python asks for each by itself.
#[pyclass(module = "loadcore._core", frozen)]
pub(crate) struct Snapshot {
    attributes: usize,
    some: Vec<(Py<PyString>, Option<Py<PyAny>>)>,
    dicts: Vec<(Py<PyDict>, Items)>,
    lists: Vec<(Py<PyList>, Vec<Py<PyAny>>)>,
}

#[pymethods]
impl Snapshot {
    /// Looks at the attributes of these names, if they are there, and at all of these dictionaries and lists.
    #[new]
    fn new(
        attributes: &Bound<'_, PyDict>,
        names: Vec<Bound<'_, PyString>>,
        whole: Vec<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let mut some = Vec::with_capacity(names.len());
        for name in names {
            let value = attributes.get_item(&name)?.map(Bound::unbind);
            some.push((name.unbind(), value));
        }
        let (mut dicts, mut lists) = (Vec::new(), Vec::new());
        for container in whole {
            if let Ok(list) = container.cast::<PyList>() {
                lists.push((list.clone().unbind(), list.iter().map(Bound::unbind).collect()));
            } else {
                let dict = container.cast::<PyDict>()?;
                let items = dict.iter().map(|(key, value)| (key.unbind(), value.unbind())).collect();
                dicts.push((dict.clone().unbind(), items));
            }
        }
        Ok(Self { attributes: attributes.len(), some, dicts, lists })
    }

    /// Whether all of it is still the same, and the object has as many attributes.
    fn holds(&self, attributes: &Bound<'_, PyDict>) -> PyResult<bool> {
        let py = attributes.py();
        if attributes.len() != self.attributes {
            return Ok(false);
        }
        for (name, before) in &self.some {
            let now = attributes.get_item(name)?;
            let is_same = match (&now, before) {
                (Some(now), Some(before)) => now.is(before),
                (None, None) => true,
                _ => false,
            };
            if !is_same {
                return Ok(false);
            }
        }
        let are_same = self.dicts.iter().all(|(dict, before)| is_still_dict(dict.bind(py), before))
            && self.lists.iter().all(|(list, before)| is_still_list(list.bind(py), before));
        Ok(are_same)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for (_, value) in &self.some {
            visit.call(value)?;
        }
        for (dict, items) in &self.dicts {
            visit.call(dict)?;
            items.iter().try_for_each(|(key, value)| visit.call(key).and_then(|()| visit.call(value)))?;
        }
        for (list, items) in &self.lists {
            visit.call(list)?;
            items.iter().try_for_each(|item| visit.call(item))?;
        }
        Ok(())
    }
}

fn is_still_dict(dict: &Bound<'_, PyDict>, before: &[(Py<PyAny>, Py<PyAny>)]) -> bool {
    dict.len() == before.len()
        && dict.iter().zip(before).all(|(now, before)| now.0.is(&before.0) && now.1.is(&before.1))
}

fn is_still_list(list: &Bound<'_, PyList>, before: &[Py<PyAny>]) -> bool {
    list.len() == before.len() && list.iter().zip(before).all(|(now, before)| now.is(before))
}
