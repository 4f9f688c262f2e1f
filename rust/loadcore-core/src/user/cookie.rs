//! The cookies of a user, if the plan says that users keep them.

use super::User;
use super::send::Answer;
use super::worker::OriginId;
use crate::cookies::Place;
use crate::transport::Transport;

impl<T: Transport> User<T> {
    /// Appends the header line of the cookies that belong to this place, if there are any.
    pub(super) fn append_cookies(&self, origin: OriginId, target: &str, lines: &mut Vec<u8>) {
        if let Some(jar) = self.cookies.as_ref().filter(|jar| !jar.is_empty()) {
            let origin = self.worker.origin(origin);
            let place = Place { host: &origin.host, target, is_secure: origin.tls };
            jar.append_line(place, self.worker.unix_ns(), lines);
        }
    }

    /// Keeps the cookies that a response sets.
    pub(super) fn store_cookies(&mut self, origin: OriginId, target: &str, answer: &Answer) {
        let Some(jar) = &mut self.cookies else { return };
        let (origin, unix_ns) = (self.worker.origin(origin), self.worker.unix_ns());
        let place = Place { host: &origin.host, target, is_secure: origin.tls };
        for (name, value) in answer.capture.headers() {
            if name.eq_ignore_ascii_case(b"set-cookie") {
                jar.store(value, place, unix_ns);
            }
        }
    }
}
