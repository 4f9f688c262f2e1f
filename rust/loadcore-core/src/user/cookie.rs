//! The cookies of a user, if the plan says that users keep them.

use super::User;
use super::capture::Capture;
use super::rendered::place;
use crate::exchange::Stack;
use crate::program::{OriginId, Outgoing};

impl<T: Stack> User<T> {
    /// Keeps the cookies that the response to the current request sets.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "happens for every request, in one place")]
    pub(super) fn store_cookies(&self, origin: OriginId, request: Outgoing<'_>, kept: Option<&Capture>) {
        if let Some(capture) = kept
            && capture.sets_cookies()
            && self.state.cookies.is_some()
        {
            self.put_in_jar(origin, request, capture);
        }
    }

    #[inline(never)]
    fn put_in_jar(&self, origin: OriginId, request: Outgoing<'_>, capture: &Capture) {
        let Some(jar) = &self.state.cookies else { return };
        let mut jar = jar.borrow_mut();
        let is_secure = self.worker.origin(origin).tls;
        for cookie in capture.cookies() {
            jar.store(cookie, place(self.lane.rendered.request(request), is_secure), self.worker.unix_ns());
        }
    }
}
