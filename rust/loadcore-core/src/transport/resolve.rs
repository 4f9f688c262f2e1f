//! Names to addresses: once per name and worker, off the engine thread, never again for a name that resolved.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use dns_lookup::{AddrInfoHints, LookupErrorKind, SockType, getaddrinfo};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::record::Outcome;

/// A name that did not resolve is not asked for again so soon: all who wait share one failure.
const FAILURE_LASTS: Duration = Duration::from_secs(1);

/// What each name resolved to.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    names: RefCell<HashMap<String, Rc<Name>>>,
}

#[derive(Debug, Default)]
struct Name {
    answer: Mutex<Option<Answer>>,
    /// The address that last accepted a connection.
    preferred: Cell<usize>,
}

#[derive(Debug, Clone)]
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
        let first = self.name.as_ref().map_or(0, |name| name.preferred.get());
        let count = self.ips.len();
        (0..count).map(move |offset| (first + offset) % count).map(|index| (index, (self.ips[index], self.port).into()))
    }

    pub(super) fn prefer(&self, index: usize) {
        if let Some(name) = &self.name {
            name.preferred.set(index);
        }
    }
}

impl Resolver {
    pub(super) async fn resolve(&self, host: &str, port: u16) -> Result<Addresses, Outcome> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(Addresses { name: None, ips: Rc::new([address]), port, looked_up: false });
        }
        let name = Rc::clone(self.names.borrow_mut().entry(host.to_owned()).or_default());
        let looked_up = name.answer.try_lock().map_or(true, |answer| !matches!(*answer, Some(Answer::Addresses(_))));
        let mut answer = name.answer.lock().await;
        let known = match &*answer {
            Some(Answer::Failed(_, at)) if at.elapsed() >= FAILURE_LASTS => None,
            known => known.clone(),
        };
        let current = match known {
            Some(known) => known,
            None => look_up(host.to_owned()).await,
        };
        *answer = Some(current.clone());
        drop(answer);
        match current {
            Answer::Addresses(ips) => Ok(Addresses { name: Some(name), ips, port, looked_up }),
            Answer::Failed(outcome, _) => Err(outcome),
        }
    }
}

async fn look_up(host: String) -> Answer {
    let found = tokio::task::spawn_blocking(move || {
        let hints = AddrInfoHints { socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
        let found = getaddrinfo(Some(&host), None, Some(hints)).map_err(|error| error.kind())?;
        Ok::<Vec<IpAddr>, LookupErrorKind>(found.filter_map(Result::ok).map(|info| info.sockaddr.ip()).collect())
    });
    let outcome = match found.await {
        Ok(Ok(addresses)) if !addresses.is_empty() => return Answer::Addresses(addresses.into()),
        Ok(Err(LookupErrorKind::NoName | LookupErrorKind::NoData)) => Outcome::DnsNxdomain,
        // What glibc says when no server answered in time; it says the same of SERVFAIL.
        Ok(Err(LookupErrorKind::Again)) => Outcome::DnsTimeout,
        // Another failure, or no address at all.
        Ok(Ok(_) | Err(_)) | Err(_) => Outcome::DnsError,
    };
    Answer::Failed(outcome, Instant::now())
}
