//! A request that users make again and again: all of it but its body and its cookies is written once.

use loadcore_core::driver::script::{BodyFraming, FormTimeouts, Headers};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::call::Call;
use super::forms::Unusual;
use super::user::{ScriptUser, Timeouts, add_headers, holds};

/// A request without its body, for any number of users of one crossing.
#[pyclass(module = "loadcore._core")]
pub(crate) struct Prepared {
    name: Py<PyString>,
    method: Py<PyString>,
    url: Py<PyString>,
    target: String,
    headers: Headers,
    unusual: Unusual,
    form: Option<Numbered>,
}

/// The number of its form, for as long as it holds.
#[derive(Debug, Clone, Copy)]
struct Numbered {
    scenario: usize,
    epoch: u32,
    number: u32,
}

#[pymethods]
impl Prepared {
    #[new]
    #[pyo3(signature = (name, method, url, headers, *, timeouts = None, max_redirects = None, held = false,
        held_redirects = false))]
    #[expect(clippy::too_many_arguments, reason = "as many as a request has")]
    fn new(
        name: Bound<'_, PyString>,
        method: Bound<'_, PyString>,
        url: Bound<'_, PyString>,
        headers: &Bound<'_, PyAny>,
        timeouts: Option<Timeouts>,
        max_redirects: Option<u8>,
        held: bool,
        held_redirects: bool,
    ) -> PyResult<Self> {
        let (connect_ns, first_byte_ns, total_ns) = timeouts.unwrap_or_default();
        let mut written = Headers::default();
        add_headers(&mut written, headers)?;
        Ok(Self {
            target: url.to_str()?.to_owned(),
            name: name.unbind(),
            method: method.unbind(),
            url: url.unbind(),
            headers: written,
            unusual: Unusual {
                timeouts: FormTimeouts { connect_ns, first_byte_ns, total_ns },
                max_redirects,
                holds: holds(held, held_redirects),
                ..Unusual::default()
            },
            form: None,
        })
    }

    /// Sends it for a user, with a body and a `Cookie` header if it has them.
    #[pyo3(signature = (user, body = None, cookie = None))]
    fn send<'py>(
        &mut self,
        user: &Bound<'py, ScriptUser>,
        body: Option<&Bound<'py, PyBytes>>,
        cookie: Option<&Bound<'py, PyString>>,
    ) -> PyResult<Bound<'py, Call>> {
        let py = user.py();
        let is_once = user.borrow().is_once;
        let (name, method, url) = (self.name.bind(py), self.method.bind(py), self.url.bind(py));
        let (unusual, form) = (&self.unusual, &mut self.form);
        let mut open = ScriptUser::open(user, name, method, url, false, |crossing, scenario| {
            let epoch = crossing.forms_epoch(scenario);
            if let Some(known) = form
                && (known.scenario, known.epoch, is_once) == (scenario, epoch, false)
            {
                return Ok(known.number);
            }
            let number = crossing.form(scenario, name, method, Unusual { is_once, ..unusual.clone() })?;
            if !is_once {
                *form = Some(Numbered { scenario, epoch: crossing.forms_epoch(scenario), number });
            }
            Ok(number)
        })?;
        let content = &mut open.content;
        content.url.push_str(&self.target);
        content.headers.clone_from(&self.headers);
        if let Some(cookie) = cookie {
            content.headers.push(b"Cookie", cookie.to_str()?.as_bytes());
        }
        if let Some(body) = body {
            content.framing = BodyFraming::Whole;
            content.body.extend_from_slice(body.as_bytes());
        }
        ScriptUser::submit(user, open)
    }
}
