use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr;

use libc::{SCM_TIMESTAMPNS, SO_TIMESTAMPNS, SOL_SOCKET, c_int, c_void, cmsghdr, iovec, msghdr, timespec};

/// Control messages of a receive; a stamp needs half of this.
#[repr(C)]
union Control {
    bytes: [u8; 64],
    _aligned: cmsghdr,
}

/// Wants what this socket receives to be stamped. A kernel that cannot leaves it without.
pub fn want(socket: &impl AsFd) {
    let on: c_int = 1;
    let length = libc::socklen_t::try_from(mem::size_of_val(&on)).unwrap_or(0);
    // SAFETY: the option's value is an int, which `on` is, of this length; the kernel only reads it.
    unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            SOL_SOCKET,
            SO_TIMESTAMPNS,
            ptr::from_ref(&on).cast::<c_void>(),
            length,
        );
    }
}

/// Receives once, with these flags of `recv`. Says how many bytes, and when the last of them arrived: nanoseconds of the
/// wall clock, if the kernel stamped it.
///
/// # Errors
/// Those of the system call.
pub fn receive(socket: &impl AsFd, buffer: &mut [u8], flags: u32) -> io::Result<(usize, Option<u64>)> {
    let mut piece = iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut control = Control { bytes: [0; 64] };
    // SAFETY: a message header of zeros is valid: no name, no pieces, no control messages.
    let mut message: msghdr = unsafe { mem::zeroed() };
    message.msg_iov = &raw mut piece;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut control).cast();
    message.msg_controllen = mem::size_of::<Control>() as _;
    // SAFETY: the header points to the buffer and to `control` with their lengths, both borrowed until the call returns.
    let count = unsafe { libc::recvmsg(socket.as_fd().as_raw_fd(), &raw mut message, flags.cast_signed()) };
    let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
    Ok((count, stamp_of(&message)))
}

/// The stamp among the control messages of a header that the kernel has filled.
fn stamp_of(message: &msghdr) -> Option<u64> {
    // SAFETY: the kernel has written whole control messages, aligned, and their length into the header; the macros stay
    // within that.
    unsafe {
        let mut next = libc::CMSG_FIRSTHDR(message);
        while let Some(head) = next.as_ref() {
            if head.cmsg_level == SOL_SOCKET && head.cmsg_type == SCM_TIMESTAMPNS {
                let stamp = ptr::read_unaligned(libc::CMSG_DATA(next).cast::<timespec>());
                return nanoseconds(stamp);
            }
            next = libc::CMSG_NXTHDR(message, next);
        }
    }
    None
}

fn nanoseconds(stamp: timespec) -> Option<u64> {
    let (seconds, rest) = (u64::try_from(stamp.tv_sec).ok()?, u64::try_from(stamp.tv_nsec).ok()?);
    seconds.checked_mul(1_000_000_000)?.checked_add(rest)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (near, listener.accept().unwrap().0)
    }

    fn wall_ns() -> u64 {
        u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
    }

    /// The stamp is of the arrival: after the send and before the read, though the kernel begins to stamp a moment late.
    #[test]
    fn what_is_received_has_the_time_of_its_arrival() {
        let (near, mut far) = pair();
        want(&near);
        let start = Instant::now();
        loop {
            let sent_ns = wall_ns();
            far.write_all(b"answer").unwrap();
            let mut buffer = [0; 100];
            near.peek(&mut buffer).unwrap();
            let there_ns = wall_ns();
            std::thread::sleep(Duration::from_millis(2));
            let (count, stamp_ns) = receive(&near, &mut buffer, 0).unwrap();
            assert_eq!(&buffer[..count], b"answer");
            if stamp_ns.is_some_and(|stamp_ns| (sent_ns..=there_ns).contains(&stamp_ns)) {
                return;
            }
            assert!(start.elapsed() < Duration::from_mins(1), "sent {sent_ns}, there {there_ns}, stamp {stamp_ns:?}");
        }
    }

    /// A socket that does not want stamps has none, and its bytes all the same.
    #[test]
    fn a_socket_that_wants_no_stamps_has_none() {
        let (near, mut far) = pair();
        far.write_all(b"answer").unwrap();
        let mut buffer = [0; 3];
        assert_eq!(receive(&near, &mut buffer, 0).unwrap(), (3, None));
        assert_eq!(&buffer, b"ans");
    }

    /// An end is 0 bytes, and an error is one.
    #[test]
    fn ends_and_errors_are_those_of_the_system_call() {
        let (near, far) = pair();
        near.set_nonblocking(true).unwrap();
        let error = receive(&near, &mut [0; 3], 0).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop(far);
        near.set_nonblocking(false).unwrap();
        assert_eq!(receive(&near, &mut [0; 3], 0).unwrap(), (0, None));
    }

    /// A stamp before 1970 or without end is none.
    #[test]
    fn a_stamp_that_is_no_time_is_none() {
        let of = |tv_sec, tv_nsec| nanoseconds(timespec { tv_sec, tv_nsec });
        assert_eq!(of(2, 5), Some(2_000_000_005));
        assert_eq!((of(-1, 0), of(i64::MAX, 0)), (None, None));
    }
}
