//! Reads the figures and takes the differences from one second to the next.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::figures::{self, MachineTime};

/// How a worker process did since the last time it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Health {
    /// The time that the other figures are about.
    pub wall_ns: u64,
    /// CPU time of the engine thread.
    pub cpu_ns: Option<u64>,
    /// CPU time of all threads of the process.
    pub process_cpu_ns: Option<u64>,
    /// For how long the engine thread was ready to run and had no core.
    pub core_wait_ns: Option<u64>,
    /// How often the engine thread was taken off its CPU against its will.
    pub involuntary_switches: Option<u64>,
    /// Open file descriptors, now.
    pub open_fds: Option<u32>,
    /// How many file descriptors the process may have.
    pub fd_limit: Option<u32>,
    /// In how much of the last ten seconds something on this machine waited for a CPU, in percent.
    pub psi_some_avg10: Option<f64>,
    /// The part of the machine's CPU time, 0 to 1, that the hypervisor gave to others.
    pub steal_ratio: Option<f64>,
}

/// Reads a process' own figures. For one thread, which is not the engine's.
#[derive(Debug)]
pub struct Probe {
    root: PathBuf,
    read_at: Instant,
    cpu_by_thread: HashMap<u32, u64>,
    /// What the engine thread had used when it was last seen.
    engine_cpu_ns: u64,
    switches: u64,
    core_wait_ns: u64,
    machine: Option<MachineTime>,
    fd_limit: Option<u32>,
}

impl Probe {
    /// A probe whose first answer covers the time from now on; made before the engine thread starts.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self::of(PathBuf::from("/proc"), now)
    }

    fn of(root: PathBuf, now: Instant) -> Self {
        let fd_limit = read(&root.join("self/limits")).as_deref().and_then(figures::descriptor_limit);
        let mut probe = Self {
            root,
            read_at: now,
            cpu_by_thread: HashMap::new(),
            engine_cpu_ns: 0,
            switches: 0,
            core_wait_ns: 0,
            machine: None,
            fd_limit,
        };
        probe.process_cpu();
        probe.steal();
        probe
    }

    /// What has happened since the last time, or since the probe was made. An engine thread that has ended is not found
    /// any more: what it had used by then, as it said itself, is `cpu_at_end_ns`.
    pub fn sample(&mut self, now: Instant, engine_thread: Option<u32>, cpu_at_end_ns: Option<u64>) -> Health {
        let process_cpu_ns = self.process_cpu();
        let seen = engine_thread.and_then(|thread| self.cpu_by_thread.get(&thread)).copied();
        // It may have ended some answers ago, before its last one is asked for.
        let after = seen.or(cpu_at_end_ns);
        let used = after.map(|after| after.saturating_sub(self.engine_cpu_ns));
        let missed = if seen.is_none() { used.unwrap_or(0) } else { 0 };
        self.engine_cpu_ns = after.unwrap_or(self.engine_cpu_ns);
        let wall = now.saturating_duration_since(self.read_at);
        self.read_at = now;
        Health {
            wall_ns: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
            cpu_ns: used,
            process_cpu_ns: process_cpu_ns.map(|cpu_ns| cpu_ns + missed),
            core_wait_ns: engine_thread.and_then(|thread| self.core_wait(thread)),
            involuntary_switches: engine_thread.and_then(|thread| self.switches(thread)),
            open_fds: self.open_descriptors(),
            fd_limit: self.fd_limit,
            psi_some_avg10: read(&self.root.join("pressure/cpu")).as_deref().and_then(figures::pressure),
            steal_ratio: self.steal(),
        }
    }

    /// Sums over threads what each has used since the last reading: exact, unlike the process' own tick counters. What
    /// a thread used between the last reading and its end is missed.
    fn process_cpu(&mut self) -> Option<u64> {
        let mut total = 0;
        let mut now = HashMap::with_capacity(self.cpu_by_thread.len());
        for entry in fs::read_dir(self.root.join("self/task")).ok()?.flatten() {
            let Some(thread) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let Some(cpu_ns) = thread_cpu(&entry.path()) else { continue };
            total += cpu_ns.saturating_sub(self.cpu_by_thread.get(&thread).copied().unwrap_or(0));
            now.insert(thread, cpu_ns);
        }
        self.cpu_by_thread = now;
        (!self.cpu_by_thread.is_empty()).then_some(total)
    }

    fn core_wait(&mut self, thread: u32) -> Option<u64> {
        let schedstat = read(&self.root.join(format!("self/task/{thread}/schedstat")))?;
        let waited_ns = figures::wait_of_schedstat(&schedstat)?;
        Some(waited_ns.saturating_sub(std::mem::replace(&mut self.core_wait_ns, waited_ns)))
    }

    fn switches(&mut self, thread: u32) -> Option<u64> {
        let status = read(&self.root.join(format!("self/task/{thread}/status")))?;
        let switches = figures::involuntary_switches(&status)?;
        Some(switches.saturating_sub(std::mem::replace(&mut self.switches, switches)))
    }

    fn open_descriptors(&self) -> Option<u32> {
        let folder = self.root.join("self/fd");
        // Since Linux 6.2 the size of the folder is the number of descriptors; counting them costs a thousand times
        // more.
        let size = fs::metadata(&folder).ok()?.len();
        let open = if size > 0 { size } else { fs::read_dir(&folder).ok()?.count() as u64 };
        u32::try_from(open).ok()
    }

    fn steal(&mut self) -> Option<f64> {
        let now = read(&self.root.join("stat")).as_deref().and_then(MachineTime::parse)?;
        now.stolen_since(self.machine.replace(now)?)
    }
}

pub(super) fn thread_cpu(thread: &Path) -> Option<u64> {
    let exact = read(&thread.join("schedstat")).as_deref().and_then(figures::cpu_of_schedstat);
    exact.or_else(|| read(&thread.join("stat")).as_deref().and_then(figures::cpu_of_stat))
}

fn read(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::health::this_thread;

    /// Waits until the kernel has forgotten a thread, which may be a moment after it was joined.
    fn forgotten(thread: Option<u32>) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while thread.is_some_and(|thread| Path::new(&format!("/proc/self/task/{thread}")).exists()) {
            assert!(Instant::now() < deadline, "{thread:?} is still there");
            thread::yield_now();
        }
    }

    /// A thread that works is seen to, under its own id; once it waits, nothing is added.
    #[test]
    fn work_is_seen_under_the_thread_that_did_it() {
        let mut probe = Probe::new(Instant::now());
        let enough = Arc::new(AtomicBool::new(false));
        let (tell, told) = channel();
        let (release, wait) = channel::<()>();
        let worker = thread::spawn({
            let enough = Arc::clone(&enough);
            move || {
                tell.send(this_thread()).unwrap();
                while !enough.load(Ordering::Relaxed) {}
                tell.send(None).unwrap();
                let _ = wait.recv();
            }
        });
        let thread = told.recv().unwrap();
        let mut used_ns = 0;
        while used_ns < 30_000_000 {
            let health = probe.sample(Instant::now(), thread, None);
            assert!(health.process_cpu_ns >= health.cpu_ns, "{health:?}");
            used_ns += health.cpu_ns.unwrap();
        }
        enough.store(true, Ordering::Relaxed);
        told.recv().unwrap();
        probe.sample(Instant::now(), thread, None);
        let idle = probe.sample(Instant::now(), thread, None);
        drop(release);
        worker.join().unwrap();
        assert!(idle.cpu_ns < Some(1_000_000), "{idle:?}");
    }

    /// What a thread says it had used by its end counts as its own and as the process'.
    #[test]
    fn a_thread_that_has_ended_is_not_forgotten() {
        let mut probe = Probe::new(Instant::now());
        let ended = thread::spawn(|| (this_thread(), Some(5_000_000_000))).join().unwrap();
        forgotten(ended.0);
        let health = probe.sample(Instant::now(), ended.0, ended.1);
        assert_eq!(health.cpu_ns, Some(5_000_000_000));
        assert!(health.process_cpu_ns >= health.cpu_ns, "{health:?}");
    }

    /// How long a thread has waited for a core is reported once, and is no more than the time that has passed.
    #[test]
    fn the_wait_of_a_thread_is_a_difference() {
        let root = std::env::temp_dir().join(format!("loadcore-probe-{}", std::process::id()));
        let thread = root.join("self/task/7");
        fs::create_dir_all(&thread).unwrap();
        let mut probe = Probe::of(root.clone(), Instant::now());
        let mut waited = |text: &str| {
            fs::write(thread.join("schedstat"), text).unwrap();
            probe.sample(Instant::now(), Some(7), None).core_wait_ns
        };
        let told = [waited("5 300 1"), waited("9 750 2"), waited("odd")];
        fs::remove_dir_all(&root).unwrap();

        assert_eq!(told, [Some(300), Some(450), None]);
    }

    /// What a thread used is reported once, also if it ends an answer before it says how much that was in all.
    #[test]
    fn a_thread_that_ended_early_counts_once() {
        let (tell, told) = channel();
        let (release, wait) = channel::<()>();
        let worker = thread::spawn(move || {
            tell.send(this_thread()).unwrap();
            let _ = wait.recv();
        });
        let thread = told.recv().unwrap();
        let mut probe = Probe::new(Instant::now());
        let before = probe.sample(Instant::now(), thread, None).cpu_ns.unwrap();
        drop(release);
        worker.join().unwrap();
        forgotten(thread);
        let between = probe.sample(Instant::now(), thread, None).cpu_ns;
        let last = probe.sample(Instant::now(), thread, Some(before + 7)).cpu_ns;

        assert_eq!((between, last), (None, Some(7)));
    }

    /// The number of open descriptors follows what the process opens.
    #[test]
    fn open_descriptors_are_counted() {
        let mut probe = Probe::new(Instant::now());
        let files: Vec<_> = (0..64).map(|_| fs::File::open("/proc/self/stat").unwrap()).collect();
        let many = probe.sample(Instant::now(), None, None).open_fds.unwrap();
        drop(files);
        assert!(many >= 64);
        assert!(probe.sample(Instant::now(), None, None).fd_limit >= Some(64));
    }

    /// Without `/proc` there are no figures and no failure.
    #[test]
    fn a_missing_proc_is_no_failure() {
        let start = Instant::now();
        let mut probe = Probe::of(PathBuf::from("/nowhere"), start);
        let health = probe.sample(start + Duration::from_secs(1), Some(1), None);
        assert_eq!(health, Health { wall_ns: 1_000_000_000, ..Health::default() });
    }
}
