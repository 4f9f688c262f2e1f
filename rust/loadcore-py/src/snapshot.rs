//! What objects of Python had in them when they were last looked at.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// Keys and values of a dictionary.
type Items = Vec<(Py<PyAny>, Py<PyAny>)>;

/// Some attributes of an object, and all of some dictionaries and lists. Objects are compared, not their values: that takes
/// one call and a walk, where Python asks for each by itself.
#[pyclass(module = "loadcore._core", frozen)]
pub(crate) struct Snapshot {
    /// All keys in their order, so that none is looked up; values of those that matter.
    attributes: Vec<(Py<PyAny>, Option<Py<PyAny>>)>,
    dicts: Vec<(Py<PyDict>, Items)>,
    lists: Vec<(Py<PyList>, Vec<Py<PyAny>>)>,
}

#[pymethods]
impl Snapshot {
    /// Looks at the attributes of these names, if they are there, and at all of these dictionaries and lists.
    #[new]
    fn new(attributes: &Bound<'_, PyDict>, names: &Bound<'_, PyAny>, whole: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        let mut seen = Vec::with_capacity(attributes.len());
        for (key, value) in attributes {
            let matters = names.contains(&key)?;
            seen.push((key.unbind(), matters.then(|| value.unbind())));
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
        Ok(Self { attributes: seen, dicts, lists })
    }

    /// Whether all of it is still the same, and the object has no attribute more or less.
    fn holds(&self, attributes: &Bound<'_, PyDict>) -> bool {
        let py = attributes.py();
        attributes.len() == self.attributes.len()
            && attributes
                .iter()
                .zip(&self.attributes)
                .all(|((key, now), (name, before))| key.is(name) && before.as_ref().is_none_or(|before| now.is(before)))
            && self.dicts.iter().all(|(dict, before)| is_still_dict(dict.bind(py), before))
            && self.lists.iter().all(|(list, before)| is_still_list(list.bind(py), before))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for (_, value) in &self.attributes {
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
