//! Names to addresses: once per name and worker, off the engine thread, and again only when none of its addresses takes
//! connections: the name may have moved.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use dns_lookup::{AddrInfoHints, LookupErrorKind, SockType, getaddrinfo};
use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::Instant;

use crate::record::Outcome;

/// A name that did not resolve is not asked for again so soon: all who wait share one failure.
const FAILURE_LASTS: Duration = Duration::from_secs(1);
/// A name none of whose addresses works is asked for again, but not so soon after the last time.
const ANSWER_LASTS: Duration = Duration::from_secs(1);
/// The least time that a resolver can wait for a server.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);

/// What each name resolved to.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    names: RefCell<HashMap<String, Rc<Name>>>,
}

#[derive(Debug, Default)]
struct Name {
    answer: RefCell<Option<Answer>>,
    /// When it was asked for last.
    asked_at: Cell<Option<Instant>>,
    /// Whether the answer is on its way, and who waits for it.
    is_asked: Cell<bool>,
    answered: Notify,
    /// The address that last accepted a connection.
    preferred: Cell<Option<usize>>,
}

#[derive(Debug)]
enum Answer {
    Addresses(Rc<[IpAddr]>),
    Failed(Outcome, Instant),
}

/// The addresses of a host, the one that last worked first.
#[derive(Debug)]
pub(super) struct Addresses {
    name: Option<Rc<Name>>,
    ips: Rc<[IpAddr]>,
    port: u16,
    /// Whether a look-up was made or waited for.
    pub(super) looked_up: bool,
}

impl Addresses {
    /// The addresses in the order to try them in, each with what to say if it works.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (usize, SocketAddr)> + '_ {
        let first = self.name.as_ref().and_then(|name| name.preferred.get()).unwrap_or(0);
        let count = self.ips.len();
        (0..count).map(move |offset| (first + offset) % count).map(|index| (index, (self.ips[index], self.port).into()))
    }

    pub(super) fn prefer(&self, index: usize) {
        if let Some(name) = &self.name {
            name.preferred.set(Some(index));
        }
    }

    /// Whether this address is the one that last accepted a connection.
    pub(super) fn is_proven(&self, index: usize) -> bool {
        self.name.as_ref().is_some_and(|name| name.preferred.get() == Some(index))
    }

    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.ips.len()).unwrap_or(u32::MAX)
    }
}

impl Resolver {
    pub(super) async fn resolve(&self, host: &str, port: u16) -> Result<Addresses, Outcome> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(Addresses { name: None, ips: Rc::new([address]), port, looked_up: false });
        }
        let name = Rc::clone(self.names.borrow_mut().entry(host.to_owned()).or_default());
        let mut looked_up = false;
        loop {
            match &*name.answer.borrow() {
                Some(Answer::Addresses(ips)) => {
                    return Ok(Addresses { name: Some(Rc::clone(&name)), ips: Rc::clone(ips), port, looked_up });
                }
                Some(Answer::Failed(outcome, at)) if at.elapsed() < FAILURE_LASTS => return Err(*outcome),
                _ => {}
            }
            looked_up = true;
            name.look_up(host).await;
        }
    }

    /// Other addresses of a name of which these have all failed, if it has any by now.
    pub(super) async fn resolve_again(&self, host: &str, failed: &Addresses) -> Option<Addresses> {
        let name = failed.name.as_ref()?;
        let is_recent = name.asked_at.get().is_some_and(|asked_at| asked_at.elapsed() < ANSWER_LASTS);
        if name.is_answered_by(&failed.ips) && (name.is_asked.get() || !is_recent) {
            name.look_up(host).await;
        }
        match &*name.answer.borrow() {
            Some(Answer::Addresses(ips)) if !same(ips, &failed.ips) => {
                let (name, ips) = (Some(Rc::clone(name)), Rc::clone(ips));
                Some(Addresses { name, ips, port: failed.port, looked_up: true })
            }
            _ => None,
        }
    }
}

/// Whether these are the same addresses; name servers rotate them.
fn same(some: &[IpAddr], others: &[IpAddr]) -> bool {
    some.iter().all(|ip| others.contains(ip)) && others.iter().all(|ip| some.contains(ip))
}

impl Name {
    /// Waits for an answer, and asks unless another task has.
    async fn look_up(self: &Rc<Self>, host: &str) {
        let answered = self.answered.notified();
        if !self.is_asked.replace(true) {
            // A task of its own: it continues for the others when the task that began it has given up.
            spawn_local(Rc::clone(self).ask(host.to_owned()));
        }
        answered.await;
    }

    fn is_answered_by(&self, ips: &[IpAddr]) -> bool {
        matches!(&*self.answer.borrow(), Some(Answer::Addresses(known)) if same(known, ips))
    }

    async fn ask(self: Rc<Self>, host: String) {
        let answer = look_up(host).await;
        self.asked_at.set(Some(Instant::now()));
        let is_news = match &answer {
            Answer::Addresses(ips) => !self.is_answered_by(ips),
            // Addresses that were good once are better than none.
            Answer::Failed(..) => !matches!(&*self.answer.borrow(), Some(Answer::Addresses(_))),
        };
        if is_news {
            *self.answer.borrow_mut() = Some(answer);
            self.preferred.set(None);
        }
        self.is_asked.set(false);
        self.answered.notify_waiters();
    }
}

async fn look_up(host: String) -> Answer {
    let began = Instant::now();
    let found = tokio::task::spawn_blocking(move || {
        let hints = AddrInfoHints { socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
        let found = getaddrinfo(Some(&host), None, Some(hints)).map_err(|error| error.kind())?;
        Ok::<Vec<IpAddr>, LookupErrorKind>(found.filter_map(Result::ok).map(|info| info.sockaddr.ip()).collect())
    });
    let outcome = match found.await {
        Ok(Ok(addresses)) if !addresses.is_empty() => return Answer::Addresses(addresses.into()),
        Ok(Err(LookupErrorKind::NoName | LookupErrorKind::NoData)) => Outcome::DnsNxdomain,
        // What glibc says when no server answered in time; it says the same of SERVFAIL, but that comes at once.
        Ok(Err(LookupErrorKind::Again)) if began.elapsed() >= LEAST_PATIENCE => Outcome::DnsTimeout,
        // Another failure, or no address at all.
        Ok(Ok(_) | Err(_)) | Err(_) => Outcome::DnsError,
    };
    Answer::Failed(outcome, Instant::now())
}
