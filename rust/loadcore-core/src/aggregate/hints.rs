//! What responses say about where their time went: `Server-Timing` and its like.

/// Distinct names in one second of one step.
const MOST: usize = 8;
/// A longer name is not kept.
const LONGEST: usize = 48;

/// What some responses said of one part of their time. Only a few responses of each second are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The header; behind `Server-Timing`, the metric.
    pub name: String,
    /// How many responses said it.
    pub count: u32,
    /// Sum of the times that they named.
    pub sum_ns: u64,
    /// Sum of the times to the first byte of the same responses.
    pub ttfb_sum_ns: u64,
}

/// The hints of a step in a second.
#[derive(Debug, Default)]
pub(super) struct Hints(Vec<Hint>);

impl Hints {
    /// Adds what one response said.
    pub(super) fn add(&mut self, name: &str, time_ns: u64, ttfb_ns: u64) {
        let known = self.0.iter().position(|hint| hint.name == name);
        let index = known.unwrap_or(self.0.len());
        if index == MOST || name.len() > LONGEST {
            return;
        }
        if known.is_none() {
            self.0.push(Hint { name: name.to_owned(), count: 0, sum_ns: 0, ttfb_sum_ns: 0 });
        }
        let hint = &mut self.0[index];
        hint.count += 1;
        hint.sum_ns = hint.sum_ns.saturating_add(time_ns);
        hint.ttfb_sum_ns += ttfb_ns;
    }

    pub(super) fn as_slice(&self) -> &[Hint] {
        &self.0
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
