//! What a user sends with: one request at a time.

use std::rc::Rc;

use super::connection::Connections;
use super::flight::Flight;
use super::rendered::Rendered;
use super::scripted::{Download, Upload};
use super::send::HeldRow;
use crate::exchange::{Exchange, Stack};
use crate::plan::Limits;
use crate::timer::Task;

/// The connections of a user, and the message that is under way over one of them.
pub(super) struct Lane<T: Stack> {
    /// Wakes the user's task.
    pub(super) task: Task,
    pub(super) connections: Connections<T::Connection>,
    pub(super) exchange: T::Exchange,
    /// Its message that is under way.
    pub(super) flight: Flight<T::Connection>,
    /// Its current request.
    pub(super) rendered: Rendered,
    /// What authenticates its current request, where that is known only when it is rendered; kept to be filled again.
    pub(super) credential: Vec<u8>,
    /// The body of its current request, if that comes in pieces.
    pub(super) upload: Option<Rc<Upload>>,
    /// Where the body of its answer goes, if that is handed over in pieces.
    pub(super) download: Option<Rc<Download>>,
    /// The row of an answer, until its meaning is known. Boxed: it is seldom there.
    pub(super) withheld: Option<Box<HeldRow>>,
}

impl<T: Stack> Lane<T> {
    pub(super) fn new(task: Task, limits: Limits) -> Self {
        Self {
            task,
            connections: Connections::default(),
            exchange: T::Exchange::new(limits),
            flight: Flight::default(),
            rendered: Rendered::default(),
            credential: Vec::new(),
            upload: None,
            download: None,
            withheld: None,
        }
    }
}
