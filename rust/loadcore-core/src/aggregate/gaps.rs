//! Periods without a response although a request was waiting.

/// A shorter time without any response is not reported.
pub(super) const LEAST_NS: u64 = 100_000_000;
/// Answers that follow the end of a gap this closely belong to it: the first one to come need not be the first that was
/// sent.
const SETTLED_NS: u64 = LEAST_NS / 2;
/// Of a second, the longest are kept.
const MOST: usize = 8;

/// A time in which no answer came though a request was in flight all the while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Since when: the answer before it, or the send of the first request that waited.
    pub from_ns: u64,
    /// The answer that ended it, when it was there to be read.
    pub to_ns: u64,
}

impl Gap {
    fn length_ns(self) -> u64 {
        self.to_ns.saturating_sub(self.from_ns)
    }
}

/// Finds the gaps between the answers of a worker, at one comparison an answer.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    /// The last answer; while a gap settles, the one before it.
    last_ns: u64,
    /// A gap that may yet turn out to have begun earlier.
    open: Option<Open>,
    /// When the last request that got no answer was sent, and given up.
    given_up: (u64, u64),
}

/// A gap that settles, and when the first and the latest of the answers that end it were read.
#[derive(Debug, Clone, Copy)]
struct Open {
    gap: Gap,
    first_ns: u64,
    latest_ns: u64,
}

impl Gaps {
    /// Looks at an answer: when its request was sent, when it was read, and for how long it may have lain there before.
    #[inline(always)]
    pub(crate) fn answered(&mut self, start_ns: u64, end_ns: u64, unread_ns: u64, found: &mut Vec<Gap>) {
        if end_ns.wrapping_sub(self.last_ns) > LEAST_NS {
            self.answered_late(start_ns, end_ns, unread_ns, found);
        } else {
            self.last_ns = end_ns;
        }
    }

    /// Looks at a request that got no answer, and waited from its send to its end.
    #[cold]
    pub(crate) fn unanswered(&mut self, start_ns: u64, end_ns: u64) {
        let (first_ns, last_ns) = self.given_up;
        let first_ns = if last_ns > self.last_ns { first_ns.min(start_ns) } else { start_ns };
        self.given_up = (first_ns, end_ns);
    }

    #[cold]
    #[inline(never)]
    fn answered_late(&mut self, start_ns: u64, end_ns: u64, unread_ns: u64, found: &mut Vec<Gap>) {
        if let Some(open) = &mut self.open {
            if end_ns <= open.first_ns + SETTLED_NS {
                open.gap.from_ns = open.gap.from_ns.min(start_ns.max(self.last_ns));
                open.latest_ns = end_ns.max(open.latest_ns);
                return;
            }
            self.settle(found);
            return self.answered(start_ns, end_ns, unread_ns, found);
        }
        // The first answer ends no gap; nor does one that is reported late.
        if self.last_ns == 0 || end_ns < self.last_ns {
            self.last_ns = self.last_ns.max(end_ns);
            return;
        }
        let (given_up_start_ns, given_up_end_ns) = self.given_up;
        let waited_since_ns = if given_up_end_ns > self.last_ns { given_up_start_ns.min(start_ns) } else { start_ns };
        let gap = Gap { from_ns: waited_since_ns.max(self.last_ns), to_ns: end_ns.saturating_sub(unread_ns) };
        self.open = Some(Open { gap, first_ns: end_ns, latest_ns: end_ns });
    }

    /// Closes the gap that settles, if there is one.
    pub(crate) fn settle(&mut self, found: &mut Vec<Gap>) {
        let Some(Open { gap, latest_ns, .. }) = self.open.take() else { return };
        self.last_ns = latest_ns;
        if gap.length_ns() < LEAST_NS {
            return;
        }
        found.push(gap);
        if found.len() > MOST {
            let shortest = (0..found.len()).min_by_key(|index| found[*index].length_ns());
            if let Some(shortest) = shortest {
                found.remove(shortest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// The gaps between answers, each given by send and end in milliseconds.
    fn gaps(answers: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let (mut gaps, mut found) = (Gaps::default(), Vec::new());
        for (start, end) in answers {
            gaps.answered(start * MS, end * MS, 0, &mut found);
        }
        gaps.settle(&mut found);
        found.iter().map(|gap| (gap.from_ns / MS, gap.to_ns / MS)).collect()
    }

    #[test]
    fn a_gap_begins_with_the_answer_before_it_if_somebody_waited_then() {
        assert_eq!(gaps(&[(0, 5), (2, 1_005), (1_005, 1_010)]), [(5, 1_005)]);
    }

    #[test]
    fn nobody_waits_between_requests_that_follow_a_pause() {
        assert_eq!(gaps(&[(0, 5), (1_000, 1_005), (2_000, 2_005)]), []);
        assert_eq!(gaps(&[(0, 5), (1_000, 1_205)]), [(1_000, 1_205)]);
    }

    /// The answers that end a stall come together, in any order.
    #[test]
    fn the_first_answer_after_a_gap_need_not_be_the_first_that_was_sent() {
        assert_eq!(gaps(&[(0, 5), (900, 1_005), (400, 1_006), (6, 1_007), (1_008, 1_009)]), [(6, 1_005)]);
    }

    #[test]
    fn gaps_that_follow_one_another_are_told_apart() {
        assert_eq!(
            gaps(&[(0, 5), (5, 1_005), (1_005, 1_010), (1_010, 1_500), (1_500, 1_501)]),
            [(5, 1_005), (1_010, 1_500)]
        );
        assert_eq!(gaps(&[(0, 5), (5, 305), (310, 610)]), [(5, 305), (310, 610)]);
    }

    #[test]
    fn the_start_of_a_run_is_not_a_gap() {
        assert_eq!(gaps(&[(0, 700), (700, 710)]), []);
    }

    #[test]
    fn those_who_gave_up_waited_as_well() {
        let (mut gaps, mut found) = (Gaps::default(), Vec::new());
        gaps.answered(0, 5 * MS, 0, &mut found);
        gaps.unanswered(6 * MS, 1_006 * MS);
        gaps.answered(1_500 * MS, 2_000 * MS, 0, &mut found);
        gaps.settle(&mut found);
        assert_eq!(found, [Gap { from_ns: 6 * MS, to_ns: 2_000 * MS }]);
        // Who gave up before the last answer says nothing about the time after it.
        gaps.answered(3_500 * MS, 4_000 * MS, 0, &mut found);
        gaps.settle(&mut found);
        assert_eq!(found[1], Gap { from_ns: 3_500 * MS, to_ns: 4_000 * MS });
    }

    /// A client that stood still for a second found the answers there when it continued.
    #[test]
    fn what_lay_unread_is_no_gap_of_the_target() {
        let (mut gaps, mut found) = (Gaps::default(), Vec::new());
        gaps.answered(0, 5 * MS, 0, &mut found);
        gaps.answered(5 * MS, 1_005 * MS, 990 * MS, &mut found);
        gaps.answered(1_005 * MS, 2_000 * MS, 200 * MS, &mut found);
        gaps.settle(&mut found);
        assert_eq!(found, [Gap { from_ns: 1_005 * MS, to_ns: 1_800 * MS }]);
    }

    #[test]
    fn the_longest_of_many_are_kept() {
        let mut at_ms = 5;
        let mut answers = vec![(0, at_ms)];
        for length in (200..=1_400).step_by(100) {
            answers.push((at_ms, at_ms + length));
            at_ms += length;
        }
        let found = gaps(&answers);
        assert_eq!(found.len(), MOST);
        assert!(found.iter().all(|(from, to)| to - from >= 700), "{found:?}");
    }

    /// A row that was withheld comes after those of later answers.
    #[test]
    fn an_answer_that_is_told_late_ends_nothing() {
        assert_eq!(gaps(&[(0, 5), (5, 80), (1, 2), (80, 120), (120, 150)]), []);
    }
}
