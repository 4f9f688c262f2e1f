//! Requests whose URL is the value of a variable: a `next` link, a `Location`. They go where the value leads, by the
//! machinery of redirects: seen from the response that it was taken from, and with credentials only to the target itself.

use super::User;
use super::state::State;
use crate::exchange::Stack;
use crate::program::{LinkProgram, OriginId, Outgoing, ScenarioProgram};
use crate::step::{RenderError, Slot};
use crate::transport::{is_absolute, may_be_url, resolve};

/// Links of a user.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// Where the response came from that gave each variable of [`ScenarioProgram::links`] its value, if one did.
    found_at: Vec<Option<(OriginId, String)>>,
    /// The target of the current request.
    pub(super) target: String,
}

impl State {
    /// Forgets where the values were taken from that a new row has replaced.
    pub(super) fn forget_links(&mut self, scenario: &ScenarioProgram) {
        let Some(links) = &mut self.links else { return };
        for (found_at, link) in links.found_at.iter_mut().zip(&scenario.links) {
            if link.is_column {
                *found_at = None;
            }
        }
    }
}

impl<T: Stack> User<T> {
    /// Finds out where a request leads. From then on its target is known.
    pub(super) fn find_link(&mut self, home: OriginId, link: &LinkProgram) -> Result<OriginId, RenderError> {
        let found_at = self.state.links.as_ref().and_then(|links| links.found_at.get(link.variable)?.clone());
        let (origin, target) = self.leads_to(home, link, found_at)?;
        self.state.links.get_or_insert_default().target = target;
        Ok(origin)
    }

    fn leads_to(
        &mut self,
        home: OriginId,
        link: &LinkProgram,
        found_at: Option<(OriginId, String)>,
    ) -> Result<(OriginId, String), RenderError> {
        let nowhere = |reason| RenderError::LeadsNowhere(link.slot, reason);
        let Self { worker, state, .. } = self;
        let unix_ns = worker.unix_ns();
        let counter = &mut *worker.counter.borrow_mut();
        let (variables, mut builtins) = state.builtins(unix_ns, counter);
        let value = variables.get(link.slot).ok_or(RenderError::Unset(link.slot))?;
        if !may_be_url(value) {
            return Err(nowhere(if value.is_empty() { "it is empty" } else { "it is not a URL" }));
        }

        let mut reference = Vec::new();
        let (from, base) = if let Some(found_at) = found_at {
            found_at
        } else {
            // What no response gave is read as it would be in the step: behind the base URL.
            let mut path = Vec::new();
            link.base.render(variables, &mut builtins, &mut path)?;
            if value.starts_with(b"/") && !is_absolute(value) {
                reference.extend_from_slice(&path);
            }
            (home, format!("{}/", String::from_utf8_lossy(&path)))
        };
        link.reference.render(variables, &mut builtins, &mut reference)?;
        let (origin, target) =
            resolve(&worker.origin(from), &base, &reference).map_err(|problem| nowhere(problem.reason()))?;
        let origin = worker.origin_id(origin).ok_or(nowhere("it is one of too many hosts"))?;

        let mut target = target.into_bytes();
        let mut separator = if target.contains(&b'?') { b'&' } else { b'?' };
        for part in [Some(&link.query), link.key.as_ref().filter(|_| origin == home)].into_iter().flatten() {
            let end = target.len();
            target.push(separator);
            part.render(variables, &mut builtins, &mut target)?;
            if target.len() == end + 1 {
                target.pop();
            } else {
                separator = b'&';
            }
        }
        Ok((origin, String::from_utf8(target).unwrap_or_default()))
    }

    /// Remembers where the value of a variable was taken from, if a URL begins with it.
    #[cold]
    pub(super) fn note_link(
        &mut self,
        scenario: &ScenarioProgram,
        request: Outgoing<'_>,
        origin: OriginId,
        slot: Slot,
        is_found: bool,
    ) {
        let Some(index) = scenario.links.iter().position(|link| link.slot == slot) else { return };
        let target = self.lane.rendered.request(request).target().to_owned();
        let found_at = &mut self.state.links.get_or_insert_default().found_at;
        found_at.resize(scenario.links.len(), None);
        found_at[index] = is_found.then_some((origin, target));
    }
}
