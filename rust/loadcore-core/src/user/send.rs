//! Sends one message and waits for its response, over a connection that is kept, opened or replaced; records the row.

use std::rc::Rc;

use super::User;
use super::capture::{Capture, Want};
use super::exchange::{Ended, Exchange};
use super::outbox::{Sending, Wire};
use super::worker::OriginId;
use crate::h1::Complete;
use crate::plan::Timeouts;
use crate::program::{RequestProgram, ScenarioProgram, append_body, is_idempotent};
use crate::record::{ConnectTimings, Outcome, Record, StepId};
use crate::step::{Builtins, RenderError, Variables};
use crate::transport::Transport;

/// One message: what is sent where, and what is kept of the response.
pub(super) struct Message<'a> {
    pub(super) step: StepId,
    pub(super) method: &'a str,
    pub(super) origin: OriginId,
    pub(super) timeouts: &'a Timeouts,
    pub(super) want: Want,
    pub(super) expects: Expects<'a>,
    pub(super) content: Content<'a>,
}

/// Which statuses are no errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expects<'a> {
    /// Those of this request; without one, all below 400.
    pub(super) request: Option<&'a RequestProgram>,
    /// Redirects, since they are followed.
    pub(super) redirects: bool,
    /// 401, since a new token is tried.
    pub(super) unauthorized: bool,
}

impl Expects<'_> {
    fn is_error(&self, status: u16) -> bool {
        let expected = self.request.map_or(status < 400, |request| request.expects(status));
        !(expected || (self.redirects && is_redirect(status)) || (self.unauthorized && status == 401))
    }
}

pub(super) const fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// What a message is made of.
pub(super) enum Content<'a> {
    /// A request of the plan, with a line of authentication if it needs one.
    Request(&'a RequestProgram, &'a [u8]),
    /// The same after a redirect.
    Redirected(&'a Redirected<'a>),
    /// Bytes as they are.
    Bytes(&'a [u8]),
}

/// A request that was redirected.
pub(super) struct Redirected<'a> {
    pub(super) request: &'a RequestProgram,
    pub(super) method: &'a str,
    pub(super) host: &'a str,
    pub(super) target: &'a str,
    pub(super) same_origin: bool,
    /// Authentication, cookies: lines that are known only now.
    pub(super) lines: &'a [u8],
}

/// A response that came, complete.
pub(super) struct Answer {
    pub(super) complete: Complete,
    pub(super) capture: Box<Capture>,
    pub(super) service_ns: u64,
    pub(super) ended_ns: u64,
}

/// Why there is no response.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoAnswer {
    pub(super) outcome: Outcome,
    pub(super) ended_ns: u64,
}

/// What is known of a message so far.
#[derive(Debug, Clone, Default)]
struct Progress {
    attempts: u8,
    reused: bool,
    /// Boxed: it is seldom there, and every user has room for one of these.
    opened: Option<Box<ConnectTimings>>,
    started_ns: Option<u64>,
    bytes_sent: u64,
}

impl Progress {
    /// Counts an attempt, if anything of it was sent.
    fn count<C>(&mut self, wire: &Wire<C>, ended: &Ended, length: usize) {
        if let Some(started_ns) = ended.started_ns {
            self.started_ns.get_or_insert(started_ns);
            self.attempts += 1;
            let unsent = if wire.sending.get() == Sending::Sent { 0 } else { wire.unsent.borrow().len() };
            self.bytes_sent += (length - unsent) as u64;
        }
    }
}

impl<T: Transport> User<T> {
    /// Sends a message that was due at `due_ns`. Exactly one row is recorded, whatever happens.
    ///
    /// A request that was written to a used connection just when the server closed it is sent once more, on a new one: if it is
    /// idempotent, and if not a byte of a response has come. Its clock goes on.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` keeps its arguments twice, and every user pays for that")]
    pub(super) fn send(
        &mut self,
        scenario: &ScenarioProgram,
        message: &Message<'_>,
        due_ns: u64,
    ) -> impl Future<Output = Result<Answer, NoAnswer>> {
        async move {
            let mut capture = self.worker.take_capture();
            capture.want(message.want);
            let mut progress = Progress::default();
            let ended = loop {
                let again = progress.attempts > 0;
                let kept =
                    if again { None } else { self.connections.usable(message.origin, self.worker.timer.recent()) };
                progress.reused = kept.is_some();
                let wire = match kept {
                    Some(wire) => wire,
                    None => match self.open(message.origin, message.timeouts.connect_ns).await {
                        Ok((wire, timings)) => {
                            progress.opened = Some(Box::new(timings));
                            wire
                        }
                        Err(failure) => {
                            progress.opened = Some(Box::new(failure.timings));
                            break self.never_sent(failure.outcome);
                        }
                    },
                };
                let Ok(length) = self.post(message, &wire) else {
                    break self.never_sent(Outcome::RequestInvalid);
                };
                let ended =
                    Exchange::new(&self.worker, &self.seat, &wire, &mut self.decoder, &mut *capture, message.timeouts)
                        .await;
                progress.count(&wire, &ended, length);
                match ended.result {
                    Ok(complete) => self.keep(message.origin, &wire, &complete, ended.end_ns),
                    Err(outcome) if progress.reused && ended.bytes_received == 0 && is_stale(outcome) => {
                        if !again && is_idempotent(message.method) {
                            continue;
                        }
                        self.connections.drop_to(message.origin);
                        break Ended { result: Err(Outcome::StaleConnection), ..ended };
                    }
                    Err(_) => self.connections.drop_to(message.origin),
                }
                break ended;
            };
            self.record(scenario, message, due_ns, &ended, &progress);
            match ended.result {
                Ok(complete) => {
                    let service_ns = ended.end_ns.saturating_sub(progress.started_ns.unwrap_or(ended.end_ns));
                    Ok(Answer { complete, capture, service_ns, ended_ns: ended.end_ns })
                }
                Err(outcome) => {
                    self.worker.give_back(capture);
                    Err(NoAnswer { outcome, ended_ns: ended.end_ns })
                }
            }
        }
    }

    /// Posts the message and expects its response. Returns its length.
    fn post(&mut self, message: &Message<'_>, wire: &Rc<Wire<T::Connection>>) -> Result<usize, RenderError> {
        let worker = Rc::clone(&self.worker);
        self.decoder.start(message.method == "HEAD");
        worker.outbox.post(wire, self.seat.index(), |out| self.render(&message.content, out))
    }

    fn render(&mut self, content: &Content<'_>, out: &mut Vec<u8>) -> Result<(), RenderError> {
        match content {
            Content::Bytes(bytes) => {
                out.extend_from_slice(bytes);
                Ok(())
            }
            Content::Request(RequestProgram { whole: Some(whole), .. }, []) => {
                out.extend_from_slice(whole);
                Ok(())
            }
            Content::Request(request, lines) => self.with_builtins(|variables, builtins, body| {
                request.head.render(variables, builtins, out)?;
                out.extend_from_slice(lines);
                render_body(request, &request.method, variables, builtins, body, out)
            }),
            Content::Redirected(redirected) => self.with_builtins(|variables, builtins, body| {
                let Redirected { request, method, host, target, same_origin, lines } = redirected;
                for part in [method, " ", target, " HTTP/1.1\r\nHost: ", host, "\r\n"] {
                    out.extend_from_slice(part.as_bytes());
                }
                request.rest.headers.render(variables, builtins, out)?;
                if *same_origin {
                    request.rest.sensitive.render(variables, builtins, out)?;
                }
                out.extend_from_slice(lines);
                render_body(request, method, variables, builtins, body, out)
            }),
        }
    }

    /// Does `work` with the user's variables, what built-ins draw from, and a buffer for a body.
    pub(super) fn with_builtins<R>(
        &mut self,
        work: impl FnOnce(&Variables, &mut Builtins<'_>, &mut Vec<u8>) -> R,
    ) -> R {
        let mut builtins = Builtins {
            user: self.number,
            iteration: self.iteration,
            unix_ns: self.worker.unix_ns(),
            random: &mut self.random,
            counter: &mut self.worker.counter.borrow_mut(),
        };
        let mut body = self.worker.body.borrow_mut();
        body.clear();
        work(&self.variables, &mut builtins, &mut body)
    }

    /// Records a request that is not sent, for a reason that was known before.
    pub(super) fn refuse(&self, scenario: &ScenarioProgram, step: StepId, due_ns: u64, outcome: Outcome) -> NoAnswer {
        let ended = self.never_sent(outcome);
        self.record_row(scenario, step, due_ns, &ended, &Progress::default(), true);
        NoAnswer { outcome, ended_ns: ended.end_ns }
    }

    fn never_sent(&self, outcome: Outcome) -> Ended {
        let end_ns = self.worker.now();
        Ended { result: Err(outcome), started_ns: None, first_byte_ns: None, end_ns, bytes_received: 0 }
    }

    fn record(
        &self,
        scenario: &ScenarioProgram,
        message: &Message<'_>,
        due_ns: u64,
        ended: &Ended,
        progress: &Progress,
    ) {
        let error = ended.result.is_ok_and(|complete| message.expects.is_error(complete.status));
        self.record_row(scenario, message.step, due_ns, ended, progress, error);
    }

    fn record_row(
        &self,
        scenario: &ScenarioProgram,
        step: StepId,
        due_ns: u64,
        ended: &Ended,
        progress: &Progress,
        error: bool,
    ) {
        let (outcome, status) = match ended.result {
            Ok(complete) => (Outcome::Ok, complete.status),
            Err(outcome) => (outcome, if ended.started_ns.is_some() { self.decoder.status().unwrap_or(0) } else { 0 }),
        };
        let phase = self.worker.phase(scenario, due_ns);
        let mut recorder = self.worker.recorder.borrow_mut();
        recorder.record(&Record {
            step,
            outcome,
            status,
            error: error || outcome != Outcome::Ok,
            phase,
            attempts: progress.attempts,
            reused: progress.reused,
            user: self.number,
            iteration: self.iteration,
            due_ns,
            start_ns: progress.started_ns.unwrap_or(ended.end_ns),
            first_byte_ns: ended.first_byte_ns,
            end_ns: ended.end_ns,
            connection: progress.opened.as_deref().copied(),
            bytes_sent: progress.bytes_sent,
            bytes_received: ended.bytes_received,
        });
        let (surplus, interim) = ended.result.map_or((0, 0), |complete| (complete.surplus as u64, complete.interim));
        let surplus = surplus + self.connections.take_stray_bytes();
        if surplus > 0 || interim > 0 {
            recorder.extra(step, phase, surplus, u64::from(interim));
        }
    }
}

fn render_body(
    request: &RequestProgram,
    method: &str,
    variables: &Variables,
    builtins: &mut Builtins<'_>,
    body: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<(), RenderError> {
    // A redirect that changes the method to GET leaves the body behind.
    let program = request.rest.body.as_ref().filter(|_| method == &*request.method);
    if let Some(program) = program {
        program.template.render(variables, builtins, body)?;
    }
    append_body(out, method, program.map(|program| (&*program.content_type, &**body)));
    Ok(())
}

/// Whether the connection may have been closed before the request reached the server.
fn is_stale(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::ClosedBeforeResponse | Outcome::ResetBeforeResponse | Outcome::SendReset | Outcome::SendBrokenPipe
    )
}
