//! What some requests of a script have in common, made ready once.

use std::cell::OnceCell;
use std::rc::Rc;

use super::{Download, Scripted};
use crate::driver::script::{BodyFraming, Call, Form, Holds, RequestKey};
use crate::exchange::{Request, Stack};
use crate::plan::Reuse;
use crate::program::{Envelope, ScenarioProgram, Want, is_method};
use crate::record::Section;
use crate::user::Worker;

/// The maximum number of redirects to follow.
const MOST_REDIRECTS: u8 = crate::plan::MAX_REDIRECTS;

/// A form that is ready.
pub(super) struct FormProgram {
    /// That of a request to the scenario's own origin, with none but its own headers.
    pub(super) envelope: Envelope,
    /// What the `Host` header says of that origin.
    pub(super) host: String,
    pub(super) holds: Holds,
    /// Whether calls that bring nothing but a URL are all the same.
    is_static: bool,
    first: OnceCell<Written>,
}

/// The first of such calls, as it was written.
struct Written {
    url: Box<str>,
    request: Box<[u8]>,
}

impl Scripted {
    /// Makes a form ready, in its place.
    pub(super) fn add_form<T: Stack>(&self, worker: &Worker<T>, scenario: &ScenarioProgram, form: Form) {
        let Some(program) = &scenario.script else { return };
        let section = if form.is_once { Section::Start } else { Section::Main };
        let step = worker.recorder.borrow_mut().step(&scenario.name, &form.name, &form.method, section);
        let http = &worker.program.http;
        let auth = program.auth.filter(|_| !form.is_anonymous);
        let mut timeouts = http.timeouts;
        timeouts.connect_ns = form.timeouts.connect_ns.unwrap_or(timeouts.connect_ns);
        timeouts.first_byte_ns = form.timeouts.first_byte_ns.or(timeouts.first_byte_ns);
        timeouts.total_ns = form.timeouts.total_ns.unwrap_or(timeouts.total_ns);
        let max_redirects = form.max_redirects.unwrap_or(http.max_redirects).min(MOST_REDIRECTS);
        let envelope = Envelope {
            step,
            origin: program.origin,
            has_own_host: false,
            timeouts,
            expect: form.expect.into(),
            max_redirects,
            auth,
            auth_header: auth.and_then(|auth| scenario.auths[usize::from(auth.0)].compiled.header()).map(Into::into),
            want: Want::HEADERS
                .and(if form.is_streamed { Want::STREAMED } else { Want::BODY })
                .and_if(max_redirects > 0, Want::REDIRECTS)
                .and_if(worker.samples_everything(), Want::SHOWN)
                .and_if(worker.tracing.is_some(), Want::TRACED)
                .and_if(program.closes || http.reuse == Reuse::Request, Want::CLOSES),
            method: form.method.into(),
        };
        let number = form.number as usize;
        let form = FormProgram {
            is_static: auth.is_none() && program.is_static(),
            envelope,
            host: worker.origin(program.origin).host_header(),
            holds: form.holds,
            first: OnceCell::new(),
        };
        let mut forms = self.forms.borrow_mut();
        if number >= forms.len() {
            forms.resize(number + 1, None);
        }
        forms[number] = Some(Rc::new(form));
    }

    /// The form of this number.
    pub(super) fn form(&self, number: u32) -> Option<Rc<FormProgram>> {
        self.forms.borrow().get(number as usize).cloned().flatten()
    }
}

impl FormProgram {
    /// Whether a call brings nothing but a URL to what is always the same.
    pub(super) fn is_all_but_url(&self, call: &Call) -> bool {
        self.is_static && call.headers.is_empty() && call.framing == BodyFraming::None
    }

    /// Such a call as it was written, if it is the same as the first one.
    pub(super) fn written(&self, url: &str) -> Option<Request<'_>> {
        let first = self.first.get().filter(|first| *first.url == *url)?;
        Some(Request::written(&first.request))
    }

    /// Such a call has been written for the form's own origin.
    pub(super) fn wrote(&self, url: &str, request: Request<'_>) {
        self.first.get_or_init(|| Written { url: url.into(), request: request.as_written().into() });
    }

    /// Where the body of a request's answer goes, if that is handed over in pieces.
    pub(super) fn download(&self, request: RequestKey) -> Option<Rc<Download>> {
        self.envelope.want.has(Want::STREAMED).then(|| Rc::new(Download::new(request)))
    }

    /// What is wrong with it.
    pub(super) fn check(&self) -> Result<(), String> {
        let method = &*self.envelope.method;
        if is_method(method) {
            return Ok(());
        }
        Err(format!("`{method}` is not a method that can be sent: write it in capitals, such as `GET`"))
    }
}
