//! Plain TCP, at one `recv` and one `send` per exchange.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::io::{Errno, ioctl_fionread};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::{Connection, IdleState};
use crate::timer::Turns;

/// A TCP connection.
#[derive(Debug)]
pub(crate) struct Tcp {
    stream: TcpStream,
    /// Of the loop that reads from it.
    turns: Arc<Turns>,
}

impl Tcp {
    pub(super) fn new(stream: TcpStream, turns: &Arc<Turns>) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        loadcore_stamp::want(&stream);
        Ok(Self { stream, turns: Arc::clone(turns) })
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
                let count = if self.turns.is_in_doubt() {
                    self.recv_stamped(buffer, flags)?
                } else {
                    recv(&self.stream, &mut *buffer, flags)?.1
                };
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

    /// The same, in a turn that cannot tell for how long what it reads was there.
    #[cold]
    fn recv_stamped(&self, buffer: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
        let (count, stamp_ns) = loadcore_stamp::receive(&self.stream, buffer, flags.bits())?;
        self.turns.arrived(stamp_ns);
        Ok(count)
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

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::future::poll_fn;
    use std::io::Write;
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;
    use crate::clock::{Clock, monotonic_ns, wall_ns};

    const MS: u64 = 1_000_000;
    const S: u64 = 1_000 * MS;

    /// How a test reads.
    type Read = fn(&Tcp, &mut Context<'_>) -> Poll<io::Result<usize>>;

    /// What the wall clock shows more than this one, read at the same moment.
    fn wall_ahead(clock: Clock) -> u64 {
        loop {
            let (before, wall, after) = (clock.now(), wall_ns(), clock.now());
            if after - before < MS / 50 {
                return wall - before;
            }
        }
    }

    /// Sends something that is read some milliseconds later. Says when it arrived: at the earliest, by the stamp, and at
    /// the latest.
    async fn arrival(clock: Clock, read: Read) -> (u64, u64, u64) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        let mut turns = Arc::default();
        let mut tcp = Tcp::new(stream, &turns).unwrap();

        let sent_ns = clock.now();
        peer.write_all(b"answer").unwrap();
        poll_fn(|cx| tcp.poll_receive_ready(cx)).await.unwrap();
        let there_ns = clock.now();
        tokio::time::sleep(Duration::from_millis(3)).await;

        turns = Arc::new(Turns::in_doubt(clock.now(), 5 * S, wall_ahead(clock)));
        tcp.turns = Arc::clone(&turns);
        assert_eq!(poll_fn(|cx| read(&tcp, cx)).await.unwrap(), 6);
        let now = clock.now();
        (sent_ns, now - turns.unread(now), there_ns)
    }

    /// A turn in doubt learns from the kernel when what it reads arrived, and not when it reads it.
    #[tokio::test]
    async fn a_turn_in_doubt_reads_stamps() {
        let reads: [Read; 2] = [
            |tcp, cx| tcp.poll_receive(cx, &mut [0; 100]),
            |tcp, cx| tcp.poll_discard(cx, &mut [0; 100]).unwrap_or(Poll::Pending),
        ];
        for read in reads {
            let clock = Clock::starting_at(monotonic_ns() - 10 * S);
            let deadline_ns = clock.now() + 60 * S;
            loop {
                let (sent_ns, stamped_ns, there_ns) = arrival(clock, read).await;
                if (sent_ns - MS / 50..=there_ns + MS / 50).contains(&stamped_ns) {
                    break;
                }
                // The kernel begins to stamp a moment after it is asked to, and the wall clock may be set.
                assert!(clock.now() < deadline_ns, "sent {sent_ns}, there {there_ns}, stamped {stamped_ns}");
            }
        }
    }
}
