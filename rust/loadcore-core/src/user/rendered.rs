//! A request as it was rendered. It is rendered once: what is sent again is made of the bytes that were sent.

use super::User;
use super::again::Goal;
use crate::cookies::Place;
use crate::program::{Envelope, OriginId, Outgoing, RequestProgram, append_body};
use crate::step::{Builtins, RenderError, Variables};
use crate::transport::{Transport, host_name};

/// The bytes of a user's current request, until its answer is final. Empty for a request that never varies: its bytes are
/// the program's.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    pub(super) bytes: Vec<u8>,
    /// How much of its `Cookie` header's value is the request's own, and not from the jar.
    pub(super) own_cookie: usize,
}

impl<T: Transport> User<T> {
    /// The bytes of the current request.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "happens for every request")]
    pub(super) fn bytes<'a>(&'a self, request: Outgoing<'a>) -> &'a [u8] {
        match request.whole {
            Some(whole) if self.rendered.bytes.is_empty() => whole,
            _ => &self.rendered.bytes,
        }
    }

    /// Renders a request that goes to this origin, with the lines that authenticate it.
    pub(super) fn render(&mut self, request: &RequestProgram, origin: OriginId) -> Result<(), RenderError> {
        let content_type = request.encoded.body.as_ref().map(|program| &*program.content_type);
        self.render_with(request, content_type, |variables, builtins, out| match &request.encoded.body {
            Some(program) => program.template.render(variables, builtins, out),
            None => Ok(()),
        })?;
        if request.encoded.link.is_some() {
            self.lead_away(&request.envelope, origin);
        }
        Ok(())
    }

    /// Renders a request for its own origin, with a body of this type, which `append` appends.
    pub(super) fn render_with(
        &mut self,
        request: &RequestProgram,
        content_type: Option<&[u8]>,
        append: impl FnOnce(&Variables, &mut Builtins<'_>, &mut Vec<u8>) -> Result<(), RenderError>,
    ) -> Result<(), RenderError> {
        let RequestProgram { envelope, encoded, .. } = request;
        let Self { worker, variables, random, cookies, rendered, lines, .. } = self;
        let unix_ns = worker.unix_ns();
        let counter = &mut *worker.counter.borrow_mut();
        let mut builtins = Builtins { user: self.number, iteration: self.iteration, unix_ns, random, counter };
        let Rendered { bytes, own_cookie } = rendered;
        if bytes.capacity() == 0 {
            *bytes = worker.take_buffer();
        }
        bytes.clear();
        *own_cookie = 0;
        encoded.head.render(variables, &mut builtins, bytes)?;
        if !lines.is_empty() {
            bytes.extend_from_slice(lines);
        }
        if let Some(jar) = cookies
            && (encoded.cookie.is_some() || !jar.is_empty())
        {
            let mut own = worker.body.borrow_mut();
            own.clear();
            if let Some(cookie) = &encoded.cookie {
                cookie.render(variables, &mut builtins, &mut own)?;
            }
            *own_cookie = own.len();
            lines.clear();
            jar.append_line(place(bytes, worker.origin(envelope.origin).tls), unix_ns, &own, lines);
            bytes.extend_from_slice(lines);
        }
        let Some(content_type) = content_type else {
            // Nearly always an empty line, which is shorter to write than to look up.
            match encoded.end {
                b"\r\n" => bytes.extend_from_slice(b"\r\n"),
                end => bytes.extend_from_slice(end),
            }
            return Ok(());
        };
        let mut body = worker.body.borrow_mut();
        body.clear();
        append(variables, &mut builtins, &mut body)?;
        append_body(bytes, content_type, &body);
        Ok(())
    }

    /// Makes the current request one to where its link leads.
    #[cold]
    fn lead_away(&mut self, envelope: &Envelope, origin: OriginId) {
        let Some(links) = self.links.take() else { return };
        let at_home = std::mem::take(&mut self.rendered.bytes);
        let own_cookie = self.rendered.own_cookie;
        let goal = Goal { origin, method: &envelope.method, target: &links.target, keeps_body: true, own_cookie };
        self.change(envelope, &at_home, &goal);
        if origin != envelope.origin {
            self.rendered.own_cookie = 0;
        }
        self.worker.give_back_buffer(at_home);
        self.links = Some(links);
    }

    /// Forgets the current request, whose answer is final. Its buffer stays for the next one.
    #[inline]
    pub(super) fn forget_request(&mut self) {
        self.rendered.bytes.clear();
    }

    /// Gives the buffer of its requests to others, before it pauses or is done: users who wait own none.
    pub(super) fn give_back_request(&mut self) {
        if self.rendered.bytes.capacity() > 0 {
            self.worker.give_back_buffer(std::mem::take(&mut self.rendered).bytes);
        }
    }
}

/// Where the bytes of a request say that it goes, which decides over its cookies.
pub(super) fn place(bytes: &[u8], is_secure: bool) -> Place<'_> {
    let (line, rest) = split_at(bytes, b"\r\n");
    let (host, _) = split_at(rest.strip_prefix(b"Host: ").unwrap_or(rest), b"\r\n");
    let (_, after_method) = split_at(line, b" ");
    let (target, _) = split_at(after_method, b" ");
    Place { host: host_name(text(host)), target: text(target), is_secure }
}

/// The value of the request's `Host` header.
pub(super) fn host_of(bytes: &[u8]) -> &str {
    let (_, rest) = split_at(bytes, b"\r\n");
    text(split_at(rest.strip_prefix(b"Host: ").unwrap_or(rest), b"\r\n").0)
}

/// What is before a separator, and what is after it.
pub(super) fn split_at<'a>(bytes: &'a [u8], separator: &[u8]) -> (&'a [u8], &'a [u8]) {
    match memchr::memmem::find(bytes, separator) {
        Some(at) => (&bytes[..at], &bytes[at + separator.len()..]),
        None => (bytes, &[]),
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("")
}
