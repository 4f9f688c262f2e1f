//! A request as it was rendered. It is rendered once: what is sent again is made of the bytes that were sent.

use super::User;
use super::again::Goal;
use super::lane::Lane;
use super::state::State;
use crate::cookies::Destination;
use crate::exchange::{Request, Stack};
use crate::program::{Envelope, OriginId, Outgoing, RequestProgram};
use crate::step::{Builtins, RenderError, Variables};
use crate::transport::host_name;

/// A user's current request, until its answer is final. Empty for a request that never varies: that is the program's.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    pub(super) bytes: Vec<u8>,
    /// How much of its `Cookie` header's value is the request's own, and not from the jar.
    pub(super) own_cookie: usize,
}

impl Rendered {
    /// The current request.
    #[inline(always)]
    pub(super) fn request<'a>(&'a self, request: Outgoing<'a>) -> Request<'a> {
        match request.whole {
            Some(whole) if self.bytes.is_empty() => whole,
            _ => Request::written(&self.bytes),
        }
    }
}

impl<T: Stack> User<T> {
    /// Renders a request that goes to this origin, with what authenticates it.
    pub(super) fn render(&mut self, request: &RequestProgram, origin: OriginId) -> Result<(), RenderError> {
        let body = request.encoded.body.as_ref();
        self.render_with(request, body.is_some(), |variables, builtins, out| match body {
            Some(body) => body.render(variables, builtins, out),
            None => Ok(()),
        })?;
        if request.encoded.link.is_some() {
            self.lead_away(&request.envelope, origin);
        }
        Ok(())
    }

    /// Renders a request for its own origin; if it has a body, `append` appends that.
    pub(super) fn render_with(
        &mut self,
        request: &RequestProgram,
        has_body: bool,
        append: impl FnOnce(&Variables, &mut Builtins<'_>, &mut Vec<u8>) -> Result<(), RenderError>,
    ) -> Result<(), RenderError> {
        let RequestProgram { envelope, encoded, .. } = request;
        let Self { worker, state, lane: Lane { rendered, credential, .. }, .. } = self;
        let unix_ns = worker.unix_ns();
        let counter = &mut *worker.counter.borrow_mut();
        let State { number, iteration, variables, random, cookies, .. } = state;
        let mut builtins = Builtins { user: *number, iteration: *iteration, unix_ns, random, counter };
        let Rendered { bytes, own_cookie } = rendered;
        if bytes.capacity() == 0 {
            *bytes = worker.take_buffer();
        }
        bytes.clear();
        *own_cookie = 0;
        encoded.http1.render_head(variables, &mut builtins, bytes)?;
        if !credential.is_empty()
            && let Some(name) = &envelope.auth_header
        {
            Request::add_field(bytes, name.as_bytes(), credential);
        }
        if let Some(jar) = cookies.as_ref().map(|jar| jar.borrow())
            && (encoded.cookie.is_some() || !jar.is_empty())
        {
            let mut value = worker.body.borrow_mut();
            value.clear();
            if let Some(cookie) = &encoded.cookie {
                cookie.render(variables, &mut builtins, &mut value)?;
            }
            *own_cookie = value.len();
            jar.add_to(&mut value, place(Request::written(bytes), worker.origin(envelope.origin).tls), unix_ns);
            if !value.is_empty() {
                Request::add_field(bytes, b"Cookie", &value);
            }
        }
        if !has_body {
            encoded.http1.append_end(bytes);
            return Ok(());
        }
        let mut body = worker.body.borrow_mut();
        body.clear();
        append(variables, &mut builtins, &mut body)?;
        encoded.http1.append_body(&body, bytes);
        Ok(())
    }

    /// Makes the current request one to where its link leads.
    #[cold]
    fn lead_away(&mut self, envelope: &Envelope, origin: OriginId) {
        let Some(links) = self.state.links.take() else { return };
        let at_home = std::mem::take(&mut self.lane.rendered.bytes);
        let own_cookie = self.lane.rendered.own_cookie;
        let goal = Goal { origin, method: &envelope.method, target: &links.target, keeps_body: true, own_cookie };
        self.change(envelope, Request::written(&at_home), &goal);
        if origin != envelope.origin {
            self.lane.rendered.own_cookie = 0;
        }
        self.worker.give_back_buffer(at_home);
        self.state.links = Some(links);
    }

    /// Forgets the current request, whose answer is final. Its buffer stays for the next one.
    #[inline]
    pub(super) fn forget_request(&mut self) {
        self.lane.rendered.bytes.clear();
    }

    /// Gives the buffer of its requests to others, before it pauses or is done: users who wait own none.
    pub(super) fn give_back_request(&mut self) {
        if self.lane.rendered.bytes.capacity() > 0 {
            self.worker.give_back_buffer(std::mem::take(&mut self.lane.rendered).bytes);
        }
    }
}

/// Where a request says that it goes, which decides over its cookies.
pub(super) fn place(request: Request<'_>, is_secure: bool) -> Destination<'_> {
    Destination { host: host_name(request.host()), target: request.target(), is_secure }
}
