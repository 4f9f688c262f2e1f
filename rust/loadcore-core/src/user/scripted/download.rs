//! A body that is handed to the script in pieces while it comes.
//!
//! No more is received than the script takes: a server whose pieces are not read has to wait, as it would with any client
//! that reads slowly.

use std::cell::{Cell, RefCell};
use std::task::{Context, Poll};

use crate::driver::script::{Head, Headers, Notice, Piece, RequestKey};
use crate::exchange::{Exchange, Stack};
use crate::program::{Envelope, ScenarioProgram, Want};
use crate::record::Outcome;
use crate::user::User;
use crate::user::flight::Ended;
use crate::user::message::{Answer, Message};
use crate::user::send::{Landed, Sent};

/// With this number of bytes that have not been taken no more are received. One `recv` may exceed it.
const WINDOW: usize = 256 * 1024;

/// As much is kept of an answer that demands another request, and may turn out to be the last.
const BEGINNING: usize = 64 * 1024;

/// After this number of pieces in a row others have their turn.
const PIECES_IN_A_ROW: u32 = 16;

/// Where the body of an answer goes.
#[derive(Debug)]
pub(in crate::user) struct Download {
    request: RequestKey,
    /// Whether the script has its head.
    is_open: Cell<bool>,
    /// Whether its status is an error.
    is_error: Cell<bool>,
    /// Whether enough has come.
    is_closed: Cell<bool>,
    /// How many bytes the script has yet to take.
    untaken: Cell<usize>,
    /// Whether nothing is received until it has.
    is_full: Cell<bool>,
    /// Since when the next piece is waited for.
    waits_since_ns: Cell<u64>,
    /// The beginning of an answer that demands another request.
    beginning: RefCell<Vec<u8>>,
}

impl Download {
    pub(super) fn new(request: RequestKey) -> Self {
        Self {
            request,
            is_open: Cell::new(false),
            is_error: Cell::new(false),
            is_closed: Cell::new(false),
            untaken: Cell::new(0),
            is_full: Cell::new(false),
            waits_since_ns: Cell::new(0),
            beginning: RefCell::default(),
        }
    }

    /// The script has taken some. Says whether more may be received that could not be.
    pub(super) fn taken(&self, bytes: usize) -> bool {
        self.untaken.set(self.untaken.get().saturating_sub(bytes));
        self.is_full.get() && self.has_room()
    }

    /// The script wants no more.
    pub(super) fn close(&self) {
        self.is_closed.set(true);
    }

    /// Whether the answer's status is an error, as far as there was one.
    pub(super) fn is_error(&self) -> bool {
        self.is_error.get()
    }

    /// Whether more may be received. What is left of a stream that is closed goes nowhere.
    fn has_room(&self) -> bool {
        self.is_closed.get() || self.untaken.get() < WINDOW
    }
}

impl<T: Stack> User<T> {
    /// Goes on with sending a message whose answer is handed over in pieces, as `poll_send` does with others.
    pub(in crate::user) fn poll_streamed(
        &mut self,
        cx: &mut Context<'_>,
        scenario: &ScenarioProgram,
        message: &Message<'_>,
        due_ns: u64,
    ) -> Poll<Sent> {
        let Some(download) = self.lane.download.clone() else { return self.poll_send(cx, scenario, message, due_ns) };
        let mut pieces = 0;
        while self.is_under_way() {
            if !download.has_room() && !self.lane.task.is_interrupted() {
                // That nothing comes is not the server's doing.
                self.lane.task.clear_deadline();
                download.is_full.set(true);
                return Poll::Pending;
            }
            if download.is_full.take() {
                download.waits_since_ns.set(self.worker.now());
                self.put_off_deadline(message);
            }
            let polled = self.poll_flight_aside(cx);
            let has_come = self.hand_over(scenario, message, &download, due_ns, &polled);
            let ended = match polled {
                Poll::Ready(ended) => ended,
                Poll::Pending if download.is_closed.get() => {
                    self.lane.task.clear_deadline();
                    let outcome = if download.is_open.get() { Outcome::Cut } else { Outcome::Interrupted };
                    Ended { result: Err(outcome), end_ns: self.worker.now() }
                }
                Poll::Pending if !has_come => return Poll::Pending,
                Poll::Pending => {
                    pieces += 1;
                    if pieces == PIECES_IN_A_ROW {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    continue;
                }
            };
            match self.land_aside(scenario, message, due_ns, ended) {
                Landed::Answer(answer) => return Poll::Ready(Sent::Ended(Ok(answer))),
                Landed::NoAnswer(failed) => return Poll::Ready(Sent::Ended(Err(failed))),
                Landed::SendAgain => {}
            }
        }
        download.beginning.borrow_mut().clear();
        self.poll_send(cx, scenario, message, due_ns)
    }

    /// The time that is allowed for an answer begins again: each piece of it has that much.
    fn put_off_deadline(&mut self, message: &Message<'_>) {
        let deadline_ns = self.worker.timer.recent().saturating_add(message.request.envelope.timeouts.total_ns);
        self.lane.flight.arrival.put_off(deadline_ns);
        self.lane.task.set_deadline(deadline_ns);
    }

    /// Hands over what has come of the answer: its head, if that was not told yet, and a piece of its body. Says whether
    /// more may be there.
    fn hand_over(
        &mut self,
        scenario: &ScenarioProgram,
        message: &Message<'_>,
        download: &Download,
        due_ns: u64,
        polled: &Poll<Ended>,
    ) -> bool {
        if !download.is_open.get() {
            let status = match polled {
                Poll::Ready(Ended { result: Ok(complete), .. }) => Some(complete.status),
                _ => self.lane.exchange.status_of_body(),
            };
            let Some(status) = status else { return false };
            if !message.is_answered_by(status) {
                let piece = self.lane.flight.arrival.kept.take_piece();
                let mut beginning = download.beginning.borrow_mut();
                let room = BEGINNING.saturating_sub(beginning.len());
                beginning.extend_from_slice(&piece[..piece.len().min(room)]);
                return !piece.is_empty();
            }
            self.open_download(scenario, message, download, due_ns, status);
        }
        let bytes = self.lane.flight.arrival.kept.take_piece();
        let has_come = !bytes.is_empty();
        if has_come || matches!(polled, Poll::Ready(Ended { result: Ok(_), .. })) {
            let now = self.worker.timer.recent();
            self.worker.recorder.borrow_mut().went_on(now, now, 0);
        }
        if has_come && !download.is_closed.get() {
            self.tell_piece(scenario, download, bytes);
        }
        if has_come && polled.is_pending() {
            self.put_off_deadline(message);
        }
        has_come
    }

    /// Tells the script the head of the answer.
    fn open_download(
        &mut self,
        scenario: &ScenarioProgram,
        message: &Message<'_>,
        download: &Download,
        due_ns: u64,
        status: u16,
    ) {
        let capture = self.lane.flight.arrival.kept.capture.take();
        self.store_cookies(message.origin, message.request, capture.as_deref());
        let mut headers = Headers::default();
        for (name, value) in capture.iter().flat_map(|capture| capture.headers()) {
            headers.push(name, value);
        }
        self.lane.flight.arrival.kept.capture = capture;
        let flight = &self.lane.flight;
        let sent_ns = flight.wire.as_ref().map_or(u64::MAX, |wire| wire.started_ns.get());
        let (started_ns, first_byte_ns) = (flight.started_ns.min(sent_ns), flight.arrival.first_byte_ns);
        let moved_to = message.want.has(Want::AGAIN).then(|| {
            let target = self.lane.rendered.request(message.request).target();
            format!("{}{target}", self.worker.origin(message.origin)).into()
        });
        let is_error = message.is_error(status);
        let request = download.request;
        let head = Head { request, status, is_error, headers, due_ns, started_ns, first_byte_ns, moved_to };
        self.tell_head(scenario, download, head);
        let unread_ns = self.worker.timer.unread(first_byte_ns);
        self.worker.recorder.borrow_mut().went_on(started_ns, first_byte_ns, unread_ns);
    }

    fn tell_head(&self, scenario: &ScenarioProgram, download: &Download, head: Head) {
        download.is_open.set(true);
        download.is_error.set(head.is_error);
        download.waits_since_ns.set(head.first_byte_ns);
        if let Some(scripted) = self.worker.scripted(usize::from(scenario.id.0)) {
            scripted.script.notice(Notice::Opened(Box::new(head)));
            scripted.wake(&self.worker);
        }
    }

    fn tell_piece(&self, scenario: &ScenarioProgram, download: &Download, bytes: Vec<u8>) {
        let at_ns = self.worker.timer.recent();
        let waited_ns = at_ns.saturating_sub(download.waits_since_ns.replace(at_ns));
        download.untaken.set(download.untaken.get() + bytes.len());
        if let Some(scripted) = self.worker.scripted(usize::from(scenario.id.0)) {
            scripted.script.notice(Notice::Piece(Piece { request: download.request, bytes, at_ns, waited_ns }));
            scripted.wake(&self.worker);
        }
    }

    /// Hands over an answer that demanded another request, which was not made.
    pub(super) fn hand_over_late(
        &self,
        scenario: &ScenarioProgram,
        envelope: &Envelope,
        download: &Download,
        due_ns: u64,
        answer: &Answer,
    ) {
        if download.is_open.get() {
            return;
        }
        let mut headers = Headers::default();
        for (name, value) in answer.capture().headers() {
            headers.push(name, value);
        }
        let status = answer.complete.status;
        let head = Head {
            request: download.request,
            status,
            is_error: !envelope.expects(status),
            headers,
            due_ns,
            started_ns: answer.ended_ns.saturating_sub(answer.service_ns),
            first_byte_ns: self.lane.flight.arrival.first_byte_ns.min(answer.ended_ns),
            moved_to: None,
        };
        self.tell_head(scenario, download, head);
        let beginning = download.beginning.take();
        if !beginning.is_empty() {
            self.tell_piece(scenario, download, beginning);
        }
    }
}
