//! When the kernel received what a socket holds.
//!
//! Linux stamps each packet with the wall clock if a socket wants it, and hands the stamp over beside the bytes. No safe
//! crate that loadcore uses reads these stamps, so this one does, and is the only one with unsafe code.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::{receive, want};

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::io;
    use std::os::fd::AsFd;

    /// Does nothing: this system has no stamps.
    pub fn want(_socket: &impl AsFd) {}

    /// This system has no stamps.
    ///
    /// # Errors
    /// Always.
    pub fn receive(_socket: &impl AsFd, _buffer: &mut [u8], _flags: u32) -> io::Result<(usize, Option<u64>)> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
#[cfg(not(target_os = "linux"))]
pub use elsewhere::{receive, want};
