//! What some requests of a script have in common, made ready once.

use std::rc::Rc;

use super::{Download, Scripted};
use crate::driver::script::{Form, Holds, RequestKey};
use crate::exchange::Stack;
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
        let form = FormProgram { envelope, host: worker.origin(program.origin).host_header(), holds: form.holds };
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
