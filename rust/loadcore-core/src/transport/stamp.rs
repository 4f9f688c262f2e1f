//! The kernel's stamps of what arrives.

use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketType, socket};

/// Keeps the kernel stamping. It does so only while a socket wants it, and takes a moment to begin: connections that come
/// and go would turn it on and off.
#[derive(Debug)]
pub(super) struct Stamping {
    _wanted_by: Option<OwnedFd>,
}

impl Stamping {
    pub(super) fn start() -> Self {
        let wanted_by = socket(AddressFamily::INET, SocketType::DGRAM, None).ok();
        wanted_by.iter().for_each(loadcore_stamp::want);
        Self { _wanted_by: wanted_by }
    }
}
