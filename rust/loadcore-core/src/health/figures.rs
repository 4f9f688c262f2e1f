//! Figures out of the text of files in `/proc`. Pure: text in, number out.

/// A clock tick of `/proc/*/stat`: 100 a second wherever Linux shows it to programs.
const TICK_NS: u64 = 10_000_000;

/// CPU time used, from a thread's `schedstat`: to the nanosecond.
pub(super) fn cpu_of_schedstat(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

/// How long a thread was ready to run and had no core, from its `schedstat`.
pub(super) fn wait_of_schedstat(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// CPU time used, from a thread's `stat`: to 10 ms. For kernels without `schedstat`.
pub(super) fn cpu_of_stat(text: &str) -> Option<u64> {
    // The second field is a name in parentheses that may hold anything, so counting starts behind it.
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) * TICK_NS)
}

/// How often a thread was taken off its CPU against its will, from its `status`.
pub(super) fn involuntary_switches(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"))?;
    line.trim().parse().ok()
}

/// The soft limit of open files, from `limits`; `None` also if there is none.
pub(super) fn descriptor_limit(limits: &str) -> Option<u32> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// Time the machine's CPUs spent on this machine's behalf or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct MachineTime {
    /// All time, in ticks.
    pub(super) total: u64,
    /// Time in which the hypervisor ran something else.
    pub(super) stolen: u64,
}

impl MachineTime {
    /// From `stat` of the machine.
    pub(super) fn parse(stat: &str) -> Option<Self> {
        // user nice system idle iowait irq softirq steal; guest time, which follows, is part of user time.
        let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_ascii_whitespace().take(8);
        let ticks: Vec<u64> = fields.map_while(|field| field.parse().ok()).collect();
        Some(Self { total: ticks.iter().sum(), stolen: *ticks.get(7)? })
    }

    /// The stolen part of the time since an earlier reading.
    #[expect(clippy::cast_precision_loss, reason = "ticks of a second")]
    pub(super) fn stolen_since(self, earlier: Self) -> Option<f64> {
        let total = self.total.checked_sub(earlier.total).filter(|total| *total > 0)?;
        Some(self.stolen.saturating_sub(earlier.stolen) as f64 / total as f64)
    }
}

/// The share of the last ten seconds in which something waited for a CPU, in percent, from `pressure/cpu`.
pub(super) fn pressure(text: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with("some "))?;
    line.split_ascii_whitespace().find_map(|field| field.strip_prefix("avg10="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name with spaces and parentheses does not shift the fields of `stat`.
    #[test]
    fn stat_survives_odd_names() {
        let text = "71 (a ) b (c) S 1 71 71 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 4 0 100 0 0";
        assert_eq!(cpu_of_stat(text), Some(3_000_000_000));
    }

    /// Each figure is found in a file as the kernel writes it.
    #[test]
    fn figures_are_found() {
        assert_eq!(cpu_of_schedstat("766384 12 3\n"), Some(766_384));
        assert_eq!(wait_of_schedstat("766384 12 3\n"), Some(12));
        assert_eq!(
            involuntary_switches("Name:\tx\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t17\n"),
            Some(17)
        );
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max processes             94000                94000                processes\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(descriptor_limit(limits), Some(1_024));
        assert_eq!(
            pressure("some avg10=1.25 avg60=0.02 avg300=0.21 total=9344723\nfull avg10=0.00 total=0\n"),
            Some(1.25)
        );
    }

    /// Steal is a share of the time between two readings.
    #[test]
    fn steal_is_a_share_of_the_time_between() {
        let read = |text| MachineTime::parse(text).unwrap();
        let earlier = read("cpu  100 0 100 800 0 0 0 10 50 0\ncpu0 1 1\n");
        let later = read("cpu  200 0 150 820 0 0 0 40 99 0\n");
        assert_eq!(later.stolen_since(earlier), Some(0.15));
        assert_eq!(earlier.stolen_since(earlier), None);
    }

    /// Text that is not as expected gives no figure, never a panic or a zero.
    #[test]
    fn odd_text_gives_no_figure() {
        assert_eq!(cpu_of_schedstat(""), None);
        assert_eq!(wait_of_schedstat("766384"), None);
        assert_eq!(cpu_of_schedstat("no numbers here"), None);
        for text in ["", "x", "cpu", "cpu 1 2", "some", "Max open files  unlimited  unlimited  files", "1 (x) S 1"] {
            assert_eq!(cpu_of_stat(text), None, "{text}");
            assert_eq!(involuntary_switches(text), None, "{text}");
            assert_eq!(descriptor_limit(text), None, "{text}");
            assert_eq!(MachineTime::parse(text), None, "{text}");
            assert_eq!(pressure(text), None, "{text}");
        }
    }
}
