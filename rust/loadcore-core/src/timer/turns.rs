//! Turns of an engine thread's loop: for how long an answer may have lain in its socket before it was read.
//!
//! A loop polls, gets to know what has come, and works that off: a turn. What is read in a turn was not there when the
//! poll before it looked. So there is a bound to how long it waited for the client, made of three parts:
//!
//! - *within the turn*: what came first was handled first;
//! - *the turn before*: a poll that returns at once has found what came while the loop worked, at any moment of that;
//! - *the poll itself*: a thread that is asleep wakes when something comes, and may then be kept from its core. The kernel
//!   counts for how long; what it does not count (a stop, a quota) is seen by the alarm, which is never set for more than a
//!   few milliseconds ahead: a poll that returns long after it went off was kept from returning.
//!
//! A loop that is idle sleeps until an answer comes and reads it at once: none of its target's time counts against it.
//!
//! Where the thread was kept from its core, what came may have come at any moment of that time, and the bound is far from
//! most answers. A turn after it is *in doubt*: its answers are read together with the kernel's stamps of their arrival,
//! which take the bound's place. That costs more than a plain read, so no other turn does.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The alarm is set for this much ahead at most, so that a poll which is kept from returning shows.
pub(super) const BEAT_NS: u64 = 5_000_000;

/// A poll that took no longer than this found something at once.
const AT_ONCE_NS: u64 = 50_000;
/// What takes longer is worth asking the kernel, which costs about a microsecond, how much of it was spent waiting for
/// a core.
const LONG_NS: u64 = 250_000;
/// A poll that returns this long after the alarm went off was kept from it.
const LATE_NS: u64 = 1_000_000;
/// After this number of tasks the runtime polls in the midst of a turn. No hook tells of it.
const TASKS_BETWEEN_POLLS: u32 = 61;
const NEVER: u64 = u64::MAX;

/// How the turns of one loop follow one another. Atomic only because the runtime's hooks demand it: one thread uses it.
#[derive(Debug)]
pub(crate) struct Turns {
    /// What the clock showed last.
    recent_ns: AtomicU64,
    /// When the alarm goes off.
    alarm_ns: AtomicU64,
    /// When the last poll returned; [`NEVER`] until it is set.
    polled_ns: AtomicU64,
    /// Since when, at the earliest, what was read last has been there.
    there_since_ns: AtomicU64,
    /// The same of all that is read in this turn and has no stamp.
    unstamped_since_ns: AtomicU64,
    /// Until when the kernel's stamps can be believed; 0 in a turn that is not in doubt.
    believed_until_ns: AtomicU64,
    /// What the wall clock shows more than this one, in a turn in doubt.
    wall_ahead_ns: AtomicU64,
    /// Tasks begun in this turn, since the last poll.
    tasks: AtomicU32,
    /// When the loop began to poll.
    asleep_ns: AtomicU64,
    /// How long the turn took that ended then.
    worked_ns: AtomicU64,
    /// How much of it was spent waiting for a core.
    kept_ns: AtomicU64,
    /// How long the last poll took, if it was stopped: it may have looked before that, or not at all, so that what came
    /// meanwhile is found by the next one.
    stopped_ns: AtomicU64,
    /// When that stop may have begun to end.
    resumed_ns: AtomicU64,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            recent_ns: AtomicU64::new(0),
            alarm_ns: AtomicU64::new(NEVER),
            polled_ns: AtomicU64::new(NEVER),
            there_since_ns: AtomicU64::new(NEVER),
            unstamped_since_ns: AtomicU64::new(NEVER),
            believed_until_ns: AtomicU64::new(0),
            wall_ahead_ns: AtomicU64::new(0),
            tasks: AtomicU32::new(0),
            asleep_ns: AtomicU64::new(0),
            worked_ns: AtomicU64::new(0),
            kept_ns: AtomicU64::new(0),
            stopped_ns: AtomicU64::new(0),
            resumed_ns: AtomicU64::new(0),
        }
    }
}

impl Turns {
    /// In a turn whose thread has waited for a core this long.
    #[cfg(test)]
    pub(crate) fn in_doubt(now: u64, waited_ns: u64, wall_ahead_ns: u64) -> Self {
        let turns = Self::default();
        turns.begin(now, || waited_ns, || wall_ahead_ns);
        turns
    }

    /// What the clock showed last.
    #[inline]
    pub(super) fn recent(&self) -> u64 {
        get(&self.recent_ns)
    }

    /// The clock has been read.
    #[inline]
    pub(super) fn see(&self, now: u64) {
        set(&self.recent_ns, now);
    }

    /// The alarm is set for this time.
    pub(super) fn expect_alarm(&self, due_ns: u64) {
        set(&self.alarm_ns, due_ns);
    }

    /// The loop is about to poll; `waited_ns` asks the kernel for how long the thread has waited for a core since it was
    /// last asked. After a turn that took long it is asked now, so that its wait is not taken for a part of the poll.
    pub(super) fn end(&self, waited_ns: impl FnOnce() -> u64) {
        let (now, polled_ns) = (get(&self.recent_ns), get(&self.polled_ns));
        let worked_ns = now.saturating_sub(polled_ns);
        set(&self.asleep_ns, now);
        set(&self.worked_ns, worked_ns);
        set(&self.kept_ns, if worked_ns >= LONG_NS { waited_ns() } else { 0 });
    }

    /// The poll has returned; `waited_ns` asks as in [`Turns::end`], and `wall_ahead_ns` what
    /// the wall clock shows more than this one.
    pub(super) fn begin(&self, now: u64, waited_ns: impl FnOnce() -> u64, wall_ahead_ns: impl FnOnce() -> u64) {
        let slept_ns = now.saturating_sub(get(&self.asleep_ns));
        let stopped_ns = get(&self.stopped_ns);
        set(&self.stopped_ns, 0);
        let before_ns = get(&self.worked_ns) + stopped_ns;
        // A thread that was away for long is slow to come back.
        let (unseen_ns, doubt) = if slept_ns <= AT_ONCE_NS + (before_ns / 16).min(LATE_NS) {
            let doubt = if stopped_ns > 0 { Doubt::Stopped } else { Doubt::if_kept_for(get(&self.kept_ns)) };
            (before_ns, doubt)
        } else if slept_ns < LONG_NS {
            (0, Doubt::None)
        } else {
            let waited_ns = waited_ns().min(slept_ns);
            let late_ns = now.saturating_sub(get(&self.alarm_ns)).min(slept_ns);
            if late_ns < LATE_NS {
                (waited_ns, Doubt::if_kept_for(waited_ns))
            } else {
                // A quota stops a thread that waits for its core, too; the kernel counts the wait only.
                let is_explained = waited_ns >= late_ns / 2;
                let stopped_ns = if is_explained { waited_ns.max(late_ns) } else { slept_ns };
                set(&self.stopped_ns, stopped_ns);
                set(&self.resumed_ns, if is_explained { NEVER } else { now - LATE_NS });
                (stopped_ns, Doubt::Stopped)
            }
        };
        self.poll_returned(now, unseen_ns);
        set(&self.recent_ns, now);
        let believed_until_ns = match doubt {
            Doubt::None => return,
            Doubt::Kept => NEVER,
            Doubt::Stopped => get(&self.resumed_ns),
        };
        set(&self.believed_until_ns, believed_until_ns);
        set(&self.wall_ahead_ns, wall_ahead_ns());
    }

    /// Whether what is read now must be read with the kernel's stamp of its arrival.
    #[inline]
    pub(crate) fn is_in_doubt(&self) -> bool {
        get(&self.believed_until_ns) != 0
    }

    /// Something has been read in a turn in doubt. It arrived when the wall clock showed `stamp_ns`, if the kernel says so.
    ///
    /// It was there when the poll returned, and not before the bound: a stamp beyond these comes from a wall clock that was
    /// set. A machine that was stopped as a whole stamps what came meanwhile at the end of the stop, and one that runs while
    /// a process is stopped does so within it: only stamps from within a stop are believed.
    #[cold]
    pub(crate) fn arrived(&self, stamp_ns: Option<u64>) {
        let unstamped_since_ns = get(&self.unstamped_since_ns);
        let arrived_ns = stamp_ns.map(|stamp_ns| stamp_ns.saturating_sub(get(&self.wall_ahead_ns)));
        let believed_ns = arrived_ns.filter(|arrived_ns| *arrived_ns <= get(&self.believed_until_ns));
        let since_ns =
            believed_ns.map_or(unstamped_since_ns, |ns| ns.min(get(&self.polled_ns)).max(unstamped_since_ns));
        set(&self.there_since_ns, since_ns);
    }

    /// For how long an answer that was read now may have waited for that.
    #[inline]
    pub(crate) fn unread(&self, now: u64) -> u64 {
        now.saturating_sub(get(&self.there_since_ns))
    }

    /// A task that reads answers begins.
    pub(super) fn begin_task(&self) {
        let tasks = self.tasks.load(Ordering::Relaxed) + 1;
        self.tasks.store(tasks, Ordering::Relaxed);
        let now = get(&self.recent_ns);
        let in_turn_ns = now.saturating_sub(get(&self.polled_ns));
        if tasks >= TASKS_BETWEEN_POLLS && in_turn_ns > 0 {
            self.poll_returned(now, in_turn_ns);
        }
    }

    fn poll_returned(&self, now: u64, unseen_ns: u64) {
        let since_ns = now.saturating_sub(unseen_ns);
        set(&self.polled_ns, now);
        set(&self.there_since_ns, since_ns);
        set(&self.unstamped_since_ns, since_ns);
        set(&self.believed_until_ns, 0);
        self.tasks.store(0, Ordering::Relaxed);
    }
}

/// Why the bound of a turn may be far from the truth.
enum Doubt {
    /// It is not.
    None,
    /// The thread waited for a core while answers may have come.
    Kept,
    /// It was stopped.
    Stopped,
}

impl Doubt {
    fn if_kept_for(waited_ns: u64) -> Self {
        if waited_ns >= LONG_NS { Self::Kept } else { Self::None }
    }
}

#[inline]
fn get(cell: &AtomicU64) -> u64 {
    cell.load(Ordering::Relaxed)
}

#[inline]
fn set(cell: &AtomicU64, value: u64) {
    cell.store(value, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    /// What the wall clock shows more.
    const AHEAD_NS: u64 = 1_800_000_000_000_000_000;

    fn begin(turns: &Turns, now: u64, waited_ns: u64) {
        turns.begin(now, || waited_ns, || AHEAD_NS);
    }

    /// How long an answer that is read now lay unread, with this stamp.
    fn unread_at(turns: &Turns, stamp_ns: Option<u64>, now: u64) -> u64 {
        turns.arrived(stamp_ns.map(|stamp_ns| AHEAD_NS + stamp_ns));
        turns.unread(now)
    }

    /// A loop whose last turn went from 0 to `worked_ns`, with an answer in it, and whose alarm is set for then and
    /// `BEAT_NS`.
    fn after_a_turn(worked_ns: u64) -> Turns {
        let turns = Turns::default();
        begin(&turns, 0, 0);
        turns.unread(0);
        turns.see(worked_ns);
        turns.expect_alarm(worked_ns + BEAT_NS);
        turns.end(|| 0);
        turns
    }

    /// An idle loop wakes when the answer comes and reads it at once: however long its target took, nothing counts
    /// against it.
    #[test]
    fn an_idle_loop_is_not_blamed() {
        let turns = after_a_turn(MS / 10);
        begin(&turns, 4 * MS, 30_000);
        assert_eq!(turns.unread(4 * MS + 8_000), 38_000);
    }

    /// What has no hooks (virtual time) is never late.
    #[test]
    fn a_loop_without_hooks_is_not_blamed() {
        let turns = Turns::default();
        assert_eq!((0..200).map(|answer| turns.unread(answer * MS)).sum::<u64>(), 0);
    }

    /// Answers that are read one after another wait for those before them.
    #[test]
    fn answers_wait_within_a_turn() {
        let turns = after_a_turn(MS / 10);
        begin(&turns, MS / 5, 0);
        let unread: Vec<u64> = [10_000, 20_000, 500_000].map(|after_ns| turns.unread(MS / 5 + after_ns)).into();
        assert_eq!(unread, [10_000, 20_000, 500_000]);
    }

    /// What is found at once may have come at any moment of a long turn.
    #[test]
    fn answers_wait_for_the_end_of_the_turn_before() {
        let turns = after_a_turn(3 * MS);
        begin(&turns, 3 * MS + 20_000, 0);
        assert_eq!(turns.unread(3 * MS + 30_000), 3 * MS + 10_000);
    }

    /// A thread that was woken and then waited for its core has read late by that.
    #[test]
    fn the_wait_for_a_core_counts() {
        let turns = after_a_turn(MS / 10);
        begin(&turns, 4 * MS, 3 * MS);
        assert_eq!(turns.unread(4 * MS), 3 * MS);
    }

    /// The wait for a core is no longer than the poll, whatever the kernel says.
    #[test]
    fn the_wait_for_a_core_is_part_of_the_poll() {
        let turns = after_a_turn(MS);
        begin(&turns, 2 * MS, 50 * MS);
        assert_eq!(turns.unread(2 * MS), MS);
    }

    /// A process that was stopped for 50 ms: its alarm went off and it did not wake.
    #[test]
    fn a_stop_is_seen_by_the_alarm() {
        let turns = after_a_turn(MS / 10);
        begin(&turns, 51 * MS, 0);
        assert_eq!(turns.unread(51 * MS), 51 * MS - MS / 10);
    }

    /// A quota stops a thread that also waits for its core: what the kernel counts is a part of how late the alarm is.
    #[test]
    fn a_wait_for_a_core_does_not_explain_a_longer_stop() {
        let turns = after_a_turn(MS / 10);
        begin(&turns, 98 * MS, 60 * MS);
        assert_eq!(turns.unread(98 * MS), 98 * MS - MS / 10 - BEAT_NS);
        // What came in the stop, after the poll had looked, is found by the next one.
        turns.end(|| 0);
        begin(&turns, 98 * MS + 30_000, 0);
        assert_eq!(turns.unread(98 * MS + 30_000), 98 * MS - MS / 10 - BEAT_NS);
    }

    /// The same where the end of the stop interrupts the poll, or the poll had looked before it: the answers are found
    /// by the next one, and by that only.
    #[test]
    fn a_poll_that_was_stopped_may_not_have_looked() {
        let turns = after_a_turn(MS / 10);
        begin(&turns, 51 * MS, 0);
        turns.end(|| 0);
        begin(&turns, 51 * MS + 300_000, 0);
        assert_eq!(turns.unread(51 * MS + 300_000), 51 * MS - MS / 10);
        turns.see(51 * MS + 309_000);
        turns.end(|| 0);
        begin(&turns, 51 * MS + 312_000, 0);
        assert_eq!(turns.unread(51 * MS + 312_000), 12_000 - 3_000);
    }

    /// An alarm that is a little late, as all are, is not a stop.
    #[test]
    fn a_late_alarm_is_no_stop() {
        let turns = after_a_turn(MS / 10);
        begin(&turns, MS / 10 + BEAT_NS + 900_000, 0);
        assert_eq!(turns.unread(MS / 10 + BEAT_NS + 900_000), 0);
    }

    /// In a turn that does not end the runtime polls now and then: an answer waits for two such stretches at most.
    #[test]
    fn a_turn_without_end_is_divided() {
        let turns = after_a_turn(MS / 10);
        begin(&turns, MS, 0);
        let stretch_ns = u64::from(TASKS_BETWEEN_POLLS) * 10_000;
        let read = |answer: u64| {
            let now = MS + answer * 10_000;
            turns.begin_task();
            turns.see(now);
            turns.unread(now)
        };
        let longest = (0..5_000).map(read).max();
        assert!(longest <= Some(2 * stretch_ns), "{longest:?}");
    }

    /// Only a turn that took long is worth asking the kernel at its end.
    #[test]
    fn the_kernel_is_asked_after_long_turns() {
        let asked = [100_000, 300_000].map(|worked_ns| {
            let turns = Turns::default();
            begin(&turns, 0, 0);
            turns.see(worked_ns);
            let mut is_asked = false;
            turns.end(|| {
                is_asked = true;
                0
            });
            is_asked
        });
        assert_eq!(asked, [false, true]);
    }

    /// Reading stamps costs: a loop that is busy on its own account does without.
    #[test]
    fn only_a_thread_that_was_kept_from_its_core_is_in_doubt() {
        let turns = after_a_turn(3 * MS);
        begin(&turns, 3 * MS + 20_000, 0);
        assert!(!turns.is_in_doubt(), "a long turn of its own");

        let turns = after_a_turn(MS / 10);
        begin(&turns, 4 * MS, 240_000);
        assert!(!turns.is_in_doubt(), "a short wait");

        begin(&turns, 4 * MS, 3 * MS);
        assert!(turns.is_in_doubt(), "a wait before the poll returned");

        turns.see(8 * MS);
        turns.end(|| 4 * MS);
        begin(&turns, 8 * MS + 9_000, 0);
        assert!(turns.is_in_doubt(), "a wait in the turn before");

        turns.expect_alarm(10 * MS);
        turns.end(|| 0);
        begin(&turns, 10 * MS, 0);
        assert!(!turns.is_in_doubt(), "the turn after it");
    }

    /// Of a long wait for a core each answer counts what it lay there, by its own stamp.
    #[test]
    fn a_stamp_takes_the_place_of_the_bound() {
        let turns = after_a_turn(MS / 10);
        begin(&turns, 24 * MS, 20 * MS);
        assert_eq!(unread_at(&turns, Some(5 * MS), 24 * MS + 10_000), 19 * MS + 10_000);
        assert_eq!(unread_at(&turns, Some(23 * MS), 24 * MS + 20_000), MS + 20_000);
        // What has none has the bound, whatever the one before it had.
        assert_eq!(unread_at(&turns, None, 24 * MS + 30_000), 20 * MS + 30_000);
    }

    /// A wall clock that was set meanwhile makes stamps lie beyond what can be.
    #[test]
    fn a_stamp_is_within_the_bound_and_not_after_the_poll() {
        let turns = after_a_turn(MS / 10);
        begin(&turns, 24 * MS, 20 * MS);
        assert_eq!(unread_at(&turns, Some(MS), 24 * MS), 20 * MS);
        assert_eq!(unread_at(&turns, Some(3_600_000 * MS), 24 * MS + 50_000), 50_000);
        turns.arrived(Some(0));
        assert_eq!(turns.unread(24 * MS), 20 * MS);
    }

    /// Stamps from within a stop are exact; those from its end may be of a machine that was stopped as a whole.
    #[test]
    fn a_stop_is_cut_short_only_by_stamps_from_within_it() {
        let turns = after_a_turn(MS / 10);
        begin(&turns, 51 * MS, 0);
        let bound_ns = 51 * MS - MS / 10;
        assert_eq!(unread_at(&turns, Some(30 * MS), 51 * MS), 21 * MS);
        assert_eq!(unread_at(&turns, Some(51 * MS - 10_000), 51 * MS), bound_ns);
        // The same for what the next poll finds.
        turns.see(51 * MS + 9_000);
        turns.end(|| 0);
        begin(&turns, 51 * MS + 12_000, 0);
        assert_eq!(unread_at(&turns, Some(30 * MS), 51 * MS + 12_000), 21 * MS + 12_000);
        assert_eq!(unread_at(&turns, Some(51 * MS), 51 * MS + 12_000), bound_ns + 9_000);
    }

    /// What the runtime finds in the midst of a turn has come since the poll before.
    #[test]
    fn a_poll_within_a_turn_ends_the_doubt() {
        let turns = after_a_turn(MS / 10);
        begin(&turns, 24 * MS, 20 * MS);
        turns.see(25 * MS);
        (0..TASKS_BETWEEN_POLLS).for_each(|_| turns.begin_task());
        assert!(!turns.is_in_doubt());
        assert_eq!(turns.unread(25 * MS), MS);
    }
}
