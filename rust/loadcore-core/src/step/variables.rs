//! A user's variables, by name when the plan is compiled and by number when it runs.

use std::collections::HashMap;

/// Number of a variable within its scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Slot(u32);

impl Slot {
    /// The number, counted from 0 without gaps.
    #[must_use]
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The names of a scenario's variables, each with its [`Slot`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    slots: HashMap<String, Slot>,
    names: Vec<String>,
}

impl Names {
    /// No names yet.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The slot of this name; a new one for a new name.
    pub(crate) fn slot(&mut self, name: &str) -> Slot {
        if let Some(slot) = self.slots.get(name) {
            return *slot;
        }
        // A plan with 2^32 names does not fit in memory.
        let slot = Slot(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names.push(name.to_owned());
        self.slots.insert(name.to_owned(), slot);
        slot
    }

    /// The slot of this name, if it has been asked for before.
    #[must_use]
    pub(crate) fn find(&self, name: &str) -> Option<Slot> {
        self.slots.get(name).copied()
    }

    /// The name of a slot of this table; empty for one of another.
    #[must_use]
    pub(crate) fn name(&self, slot: Slot) -> &str {
        self.names.get(slot.index()).map_or("", String::as_str)
    }

    /// The names in the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// How many there are: slots have the numbers below this.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}

/// The values of one user's variables. A value's buffer is kept when it is cleared or replaced, so that a user who has
/// seen its longest values does not allocate again. Values are not part of the `Debug` output: they may be secrets.
#[derive(Default)]
pub(crate) struct Variables {
    values: Box<[Value]>,
}

#[derive(Default, Clone)]
struct Value {
    bytes: Vec<u8>,
    set: bool,
    /// It was a string where it came from, whatever it looks like.
    is_string: bool,
}

impl Variables {
    /// Room for all variables of a scenario, none of them set.
    #[must_use]
    pub(crate) fn new(names: &Names) -> Self {
        Self { values: vec![Value::default(); names.len()].into() }
    }

    /// The value, if there is one.
    #[must_use]
    pub(crate) fn get(&self, slot: Slot) -> Option<&[u8]> {
        self.values.get(slot.index()).filter(|value| value.set).map(|value| &*value.bytes)
    }

    /// Whether the value was a string where it came from: in JSON, or in Python. Of a string such as a CSV cell or a
    /// header, this is not known.
    #[must_use]
    pub(crate) fn is_string(&self, slot: Slot) -> bool {
        self.values.get(slot.index()).is_some_and(|value| value.is_string)
    }

    /// Gives the variable a value. A slot that was unknown when the variables were made is left out.
    pub(crate) fn set(&mut self, slot: Slot, bytes: &[u8]) {
        if let Some(buffer) = self.fill(slot) {
            buffer.extend_from_slice(bytes);
        }
    }

    /// Gives the variable a value that is a string.
    pub(crate) fn set_string(&mut self, slot: Slot, bytes: &[u8]) {
        if let Some(buffer) = self.fill_string(slot) {
            buffer.extend_from_slice(bytes);
        }
    }

    /// As [`Variables::fill`], for a value that is a string.
    pub(crate) fn fill_string(&mut self, slot: Slot) -> Option<&mut Vec<u8>> {
        let value = self.values.get_mut(slot.index())?;
        value.is_string = true;
        value.set = true;
        value.bytes.clear();
        Some(&mut value.bytes)
    }

    /// Gives the variable an empty value and hands out its buffer to be written to.
    pub(crate) fn fill(&mut self, slot: Slot) -> Option<&mut Vec<u8>> {
        let value = self.values.get_mut(slot.index())?;
        value.is_string = false;
        value.set = true;
        value.bytes.clear();
        Some(&mut value.bytes)
    }

    /// Takes the variable's value away.
    pub(crate) fn clear(&mut self, slot: Slot) {
        if let Some(value) = self.values.get_mut(slot.index()) {
            value.set = false;
        }
    }
}

impl std::fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let set = self.values.iter().filter(|value| value.set).count();
        write!(formatter, "Variables({set} of {} set)", self.values.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name has one slot, however often it is asked for, and a slot knows its name.
    #[test]
    fn names_are_interned() {
        let mut names = Names::new();
        let (id, token) = (names.slot("id"), names.slot("token"));
        assert_eq!(names.slot("id"), id);
        assert_ne!(id, token);
        assert_eq!(names.find("token"), Some(token));
        assert_eq!(names.find("other"), None);
        assert_eq!(names.name(token), "token");
        assert_eq!(names.len(), 2);
    }

    /// An unset variable has no value, an empty one does, and a cleared one has lost it.
    #[test]
    fn unset_is_not_empty() {
        let mut names = Names::new();
        let slot = names.slot("id");
        let mut variables = Variables::new(&names);
        assert_eq!(variables.get(slot), None);
        variables.set(slot, b"");
        assert_eq!(variables.get(slot), Some(&b""[..]));
        variables.clear(slot);
        assert_eq!(variables.get(slot), None);
    }

    /// Setting a shorter value keeps the buffer of the longer one.
    #[test]
    fn buffers_are_kept() {
        let mut names = Names::new();
        let slot = names.slot("id");
        let mut variables = Variables::new(&names);
        variables.set(slot, b"a long value");
        let buffer = variables.get(slot).map(<[u8]>::as_ptr);
        variables.clear(slot);
        variables.set(slot, b"short");
        assert_eq!(variables.get(slot).map(<[u8]>::as_ptr), buffer);
        assert_eq!(variables.get(slot), Some(&b"short"[..]));
    }

    /// A value may be a password and is not shown.
    #[test]
    fn debug_shows_no_values() {
        let mut names = Names::new();
        let slot = names.slot("password");
        let mut variables = Variables::new(&names);
        variables.set(slot, b"hunter2");
        assert_eq!(format!("{variables:?}"), "Variables(1 of 1 set)");
    }
}
