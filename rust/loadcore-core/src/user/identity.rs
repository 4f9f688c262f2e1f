//! stub
use super::User;
use super::send::Answer;
use super::worker::OriginId;
use crate::transport::Transport;
impl<T: Transport> User<T> {
    pub(super) fn append_cookies(&self, _: OriginId, _: &str, _: &mut Vec<u8>) {}
    pub(super) fn store_cookies(&mut self, _: OriginId, _: &str, _: &Answer) {}
}
