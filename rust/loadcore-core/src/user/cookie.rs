//! The cookies of a user, if the plan says that users keep them.

use super::User;
use super::capture::Capture;
use super::rendered::place;
use crate::exchange::Stack;
use crate::program::{OriginId, Outgoing};

impl<T: Stack> User<T> {
    /// Whether the user has cookies, for whatever place.
    #[inline]
    pub(super) fn has_cookies(&self) -> bool {
        self.cookies.as_ref().is_some_and(|jar| !jar.is_empty())
    }

    /// Keeps the cookies that the response to the current request sets.
    #[inline]
    pub(super) fn store_cookies(&mut self, origin: OriginId, request: Outgoing<'_>, kept: Option<&Capture>) {
        if let Some(capture) = kept
            && self.cookies.is_some()
        {
            self.put_in_jar(origin, request, capture);
        }
    }

    fn put_in_jar(&mut self, origin: OriginId, request: Outgoing<'_>, capture: &Capture) {
        let Some(mut jar) = self.cookies.take() else { return };
        let is_secure = self.worker.origin(origin).tls;
        for (name, value) in capture.headers() {
            if name.eq_ignore_ascii_case(b"set-cookie") {
                jar.store(value, place(self.rendered.request(request), is_secure), self.worker.unix_ns());
            }
        }
        self.cookies = Some(jar);
    }
}
