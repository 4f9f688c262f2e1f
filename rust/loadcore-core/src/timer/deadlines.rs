//! Time-outs: one queue for each distinct value.
//!
//! Requests that may take equally long expire in the order they were sent, so a queue needs no sorting: starting,
//! ending and expiring are each a few instructions, and nothing is left behind by a request that ended in time.

/// What may take too long. Each seat has at most one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Deadline {
    /// From send to the first byte of the response.
    FirstByte,
    /// From send to the last byte of the response.
    Total,
}

/// A queue for one time-out value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadlineQueue(u16);

const NOBODY: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Deadlines {
    queues: Vec<Queue>,
    /// Two for each seat.
    nodes: Vec<Node>,
    /// No deadline passes before this.
    next_check: u64,
}

#[derive(Debug)]
struct Queue {
    timeout_ns: u64,
    head: u32,
    tail: u32,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    due: u64,
    previous: u32,
    next: u32,
    /// `u16::MAX`: in no queue.
    queue: u16,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { queues: Vec::new(), nodes: Vec::new(), next_check: u64::MAX }
    }
}

impl Deadlines {
    pub(super) fn queue(&mut self, timeout_ns: u64) -> DeadlineQueue {
        let known = self.queues.iter().position(|queue| queue.timeout_ns == timeout_ns);
        let index = known.unwrap_or_else(|| {
            self.queues.push(Queue { timeout_ns, head: NOBODY, tail: NOBODY });
            self.queues.len() - 1
        });
        DeadlineQueue(u16::try_from(index).unwrap_or(u16::MAX - 1))
    }

    pub(super) fn next_check(&self) -> u64 {
        self.next_check
    }

    /// Returns when it passes.
    pub(super) fn start(&mut self, seat: u32, deadline: Deadline, queue: DeadlineQueue, now: u64) -> u64 {
        let index = node_index(seat, deadline);
        if self.nodes.len() <= index as usize {
            let empty = Node { due: 0, previous: NOBODY, next: NOBODY, queue: u16::MAX };
            self.nodes.resize(index as usize + 1, empty);
        }
        self.end(seat, deadline);
        let Queue { timeout_ns, head, tail } = &mut self.queues[usize::from(queue.0)];
        let due = now.saturating_add(*timeout_ns);
        self.nodes[index as usize] = Node { due, previous: *tail, next: NOBODY, queue: queue.0 };
        if *tail == NOBODY {
            *head = index;
        } else {
            self.nodes[*tail as usize].next = index;
        }
        *tail = index;
        self.next_check = self.next_check.min(due);
        due
    }

    pub(super) fn end(&mut self, seat: u32, deadline: Deadline) {
        let index = node_index(seat, deadline);
        let Some(node) = self.nodes.get_mut(index as usize) else { return };
        if node.queue == u16::MAX {
            return;
        }
        let Node { previous, next, queue, .. } = *node;
        node.queue = u16::MAX;
        let queue = &mut self.queues[usize::from(queue)];
        match previous {
            NOBODY => queue.head = next,
            previous => self.nodes[previous as usize].next = next,
        }
        match next {
            NOBODY => queue.tail = previous,
            next => self.nodes[next as usize].previous = previous,
        }
    }

    pub(super) fn expire(&mut self, now: u64, mut expired: impl FnMut(u32, Deadline)) {
        let mut next_check = u64::MAX;
        for index in 0..self.queues.len() {
            loop {
                let head = self.queues[index].head;
                if head == NOBODY {
                    break;
                }
                let due = self.nodes[head as usize].due;
                if due > now {
                    next_check = next_check.min(due);
                    break;
                }
                let deadline = if head.is_multiple_of(2) { Deadline::FirstByte } else { Deadline::Total };
                self.end(head / 2, deadline);
                expired(head / 2, deadline);
            }
        }
        self.next_check = next_check;
    }
}

fn node_index(seat: u32, deadline: Deadline) -> u32 {
    seat * 2 + deadline as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is started and ended, exactly those expire that were not ended and whose time has come.
        #[test]
        fn a_queue_is_a_set_with_times(actions in prop::collection::vec((0_u32..8, any::<bool>(), any::<bool>(), 0_u64..50), 0..200)) {
            let mut deadlines = Deadlines::default();
            let queues = [deadlines.queue(10), deadlines.queue(25)];
            let mut model = std::collections::BTreeMap::new();
            let mut now = 0;
            for (seat, start, slow, step) in actions {
                now += step;
                if start {
                    deadlines.start(seat, Deadline::Total, queues[usize::from(slow)], now);
                    model.insert(seat, now + if slow { 25 } else { 10 });
                } else {
                    deadlines.end(seat, Deadline::Total);
                    model.remove(&seat);
                }
                let mut expired = Vec::new();
                deadlines.expire(now, |seat, _| expired.push(seat));
                expired.sort_unstable();
                let due: Vec<u32> = model.iter().filter(|(_, due)| **due <= now).map(|(seat, _)| *seat).collect();
                model.retain(|_, due| *due > now);
                prop_assert_eq!(&due, &expired);
                prop_assert_eq!(model.values().min().copied().unwrap_or(u64::MAX), deadlines.next_check());
            }
        }
    }
}
