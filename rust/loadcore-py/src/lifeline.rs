//! Ends a process whose supervisor is gone, without the interpreter.

use std::fs::File;
use std::time::Duration;
use std::{io, thread};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, getpid, kill_process};

/// How long a worker may take to seal its files.
const GRACE: Duration = Duration::from_millis(2_500);
/// Where a closed pipe wakes no thread, it is looked at this often.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Waits on a thread until the other end of this pipe is closed; then ends the process, a moment later.
pub(crate) fn watch(lifeline: i32) -> io::Result<()> {
    // Opened once more: a number proves nothing of who owns it.
    let lifeline = File::open(format!("/dev/fd/{lifeline}"))?;
    thread::Builder::new().name("lifeline".to_owned()).spawn(move || {
        loop {
            let mut waited = [PollFd::new(&lifeline, PollFlags::empty())];
            let _ = poll(&mut waited, Some(&LOOK_EVERY));
            if waited[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) {
                break;
            }
        }
        thread::sleep(GRACE);
        let _ = kill_process(getpid(), Signal::KILL);
    })?;
    Ok(())
}
