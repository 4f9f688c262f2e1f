//! Plain TCP, at one `recv` and one `send` per exchange.

use std::io;
use std::task::{Context, Poll, ready};

use rustix::io::{Errno, ioctl_fionread};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::{Connection, IdleState};

/// A TCP connection.
#[derive(Debug)]
pub(crate) struct Tcp {
    stream: TcpStream,
}

impl Tcp {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream })
    }

    /// One `recv`. If it did not fill the buffer it has emptied the socket, so readiness is cleared by reporting
    /// `WouldBlock` to tokio: asking the kernel once more only to hear `EAGAIN` would cost a system call per response.
    ///
    /// Who calls has mostly been woken because something came, so it is tried before asking to be woken.
    #[inline]
    fn poll_recv(&self, cx: &mut Context<'_>, buffer: &mut [u8], flags: RecvFlags) -> Poll<io::Result<usize>> {
        loop {
            let mut short = None;
            let result = self.stream.try_io(Interest::READABLE, || {
                let (_, count) = recv(&self.stream, &mut *buffer, flags)?;
                if count > 0 && count < buffer.len() {
                    short = Some(count);
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Ok(count)
            });
            match (short, result) {
                (Some(count), _) => return Poll::Ready(Ok(count)),
                (None, Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.stream.poll_read_ready(cx))?;
                }
                (None, Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                (None, result) => return Poll::Ready(result),
            }
        }
    }
}

impl Connection for Tcp {
    /// The kernel is asked at once; tokio only once the socket is full, and then remembers that it is.
    #[inline]
    fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        match send(&self.stream, bytes, SendFlags::NOSIGNAL) {
            Err(Errno::AGAIN) => self.stream.try_write(bytes),
            result => Ok(result?),
        }
    }

    fn poll_send_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_write_ready(cx)
    }

    fn poll_receive_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_read_ready(cx)
    }

    fn poll_receive(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_recv(cx, buffer, RecvFlags::empty())
    }

    /// The kernel drops the bytes instead of copying them: `MSG_TRUNC` on a stream socket.
    #[cfg(target_os = "linux")]
    fn poll_discard(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Option<Poll<io::Result<usize>>> {
        Some(self.poll_recv(cx, room, RecvFlags::TRUNC))
    }

    fn idle_state(&self) -> IdleState {
        // Nothing has come since the socket was last emptied: `peek` is not even tried. Readiness may be left over from a
        // response that ended just where the buffer did; then it is.
        let peeked = self.stream.try_io(Interest::READABLE, || {
            let mut byte = [0];
            Ok(recv(&self.stream, &mut byte, RecvFlags::PEEK)?.1)
        });
        match peeked {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => IdleState::Usable,
            Ok(0) | Err(_) => IdleState::Closed,
            Ok(_) => IdleState::Surplus(ioctl_fionread(&self.stream).unwrap_or(1)),
        }
    }
}
