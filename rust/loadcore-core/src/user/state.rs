//! Who a user is, and what it knows: what its requests are made of, whatever they are sent with.

use std::cell::RefCell;
use std::rc::Rc;

use super::link::Links;
use super::visit::Left;
use crate::cookies::Jar;
use crate::plan::Cookies;
use crate::program::{Program, ScenarioProgram};
use crate::random::Random;
use crate::step::{Builtins, Counter, Variables};

/// The identity of a user, its variables, its chance and its cookies.
#[derive(Debug)]
pub(super) struct State {
    /// Counted over all workers.
    pub(super) number: u32,
    pub(super) iteration: u32,
    /// The arrival that it serves, counted over all workers; users of closed models serve none.
    pub(super) arrival: Option<u64>,
    pub(super) variables: Variables,
    pub(super) random: Random,
    /// `None` where users keep no cookies. A user that has several requests under way has one jar for all of them.
    pub(super) cookies: Option<Rc<RefCell<Jar>>>,
    /// What its start left; boxed, since few have one.
    pub(super) left: Option<Box<Left>>,
    /// Where the links lead that it has found; boxed, since few follow any.
    pub(super) links: Option<Box<Links>>,
}

impl State {
    pub(super) fn new(program: &Program, scenario: &ScenarioProgram, number: u32) -> Self {
        Self {
            number,
            iteration: 0,
            arrival: None,
            variables: Variables::new(&scenario.names),
            random: Random::new(program.seed_of_users, &scenario.name, u64::from(number)),
            cookies: (program.http.cookies != Cookies::Off).then(Rc::default),
            left: None,
            links: None,
        }
    }

    /// Where the next iteration's chance begins. It is the same whatever other users do, and what this one did before: that
    /// of an arrival, whoever serves it, or else of this user's iteration of this number.
    #[inline]
    pub(super) fn chance(&self, scenario: &ScenarioProgram) -> Random {
        match self.arrival {
            Some(arrival) => Random::keyed(scenario.seed, arrival),
            None => Random::of_iteration(scenario.seed, self.number, self.iteration),
        }
    }

    /// The variables, and what built-ins draw from.
    #[inline]
    pub(super) fn builtins<'a>(&'a mut self, unix_ns: u64, counter: &'a mut Counter) -> (&'a Variables, Builtins<'a>) {
        let Self { number, iteration, variables, random, .. } = self;
        (variables, Builtins { user: *number, iteration: *iteration, unix_ns, random, counter })
    }

    /// Whether the user has cookies, for whatever place.
    #[inline]
    pub(super) fn has_cookies(&self) -> bool {
        self.cookies.as_ref().is_some_and(|jar| !jar.borrow().is_empty())
    }
}
