//! The cookies of a user, if the plan says that users keep them.

use super::User;
use super::send::Answer;
use super::worker::OriginId;
use crate::cookies::Place;
use crate::program::RequestProgram;
use crate::transport::Transport;

impl<T: Transport> User<T> {
    /// Appends the header line of the cookies that belong to a request, if there are any.
    pub(super) fn append_cookies(&mut self, request: &RequestProgram, lines: &mut Vec<u8>) {
        if self.cookies.as_ref().is_some_and(|jar| !jar.is_empty()) {
            let target = self.target(request);
            self.append_cookies_to(OriginId(request.origin), &target, lines);
        }
    }

    /// Appends the header line of the cookies that belong to a place, if there are any.
    pub(super) fn append_cookies_to(&self, origin: OriginId, target: &str, lines: &mut Vec<u8>) {
        if let Some(jar) = &self.cookies {
            let origin = self.worker.origin(origin);
            let place = Place { host: &origin.host, target, is_secure: origin.tls };
            jar.append_line(place, self.worker.unix_ns(), lines);
        }
    }

    /// Keeps the cookies that a response sets. Its `target` is the request's own where there was no redirect.
    #[inline]
    pub(super) fn store_cookies(
        &mut self,
        origin: OriginId,
        target: Option<&str>,
        request: &RequestProgram,
        answer: &Answer,
    ) {
        if self.cookies.is_some() {
            self.put_in_jar(origin, target, request, answer);
        }
    }

    fn put_in_jar(&mut self, origin: OriginId, target: Option<&str>, request: &RequestProgram, answer: &Answer) {
        let is_cookie = |name: &[u8]| name.eq_ignore_ascii_case(b"set-cookie");
        let Some(capture) = answer.capture.as_ref().filter(|kept| kept.headers().any(|(name, _)| is_cookie(name)))
        else {
            return;
        };
        let target = target.map_or_else(|| self.target(request), Into::into);
        let (origin, unix_ns) = (self.worker.origin(origin), self.worker.unix_ns());
        let place = Place { host: &origin.host, target: &target, is_secure: origin.tls };
        if let Some(jar) = &mut self.cookies {
            for (_, value) in capture.headers().filter(|(name, _)| is_cookie(name)) {
                jar.store(value, place, unix_ns);
            }
        }
    }
}
