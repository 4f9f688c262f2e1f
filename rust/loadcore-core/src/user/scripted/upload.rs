//! A body that comes in pieces while it is sent.

use std::cell::{Cell, RefCell};

/// What of a body has come and has not been posted yet.
#[derive(Debug, Default)]
pub(in crate::user) struct Upload {
    pieces: RefCell<Vec<u8>>,
    is_ended: Cell<bool>,
}

impl Upload {
    /// Takes in a piece, which `write` encodes; after the last one there is none.
    pub(super) fn add(&self, is_last: bool, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.is_ended.replace(is_last || self.is_ended.get()) {
            write(&mut self.pieces.borrow_mut());
        }
    }

    /// What has come since this was last asked, encoded, and whether that is all.
    pub(in crate::user) fn take(&self) -> (Vec<u8>, bool) {
        (self.pieces.take(), self.is_ended.get())
    }
}
