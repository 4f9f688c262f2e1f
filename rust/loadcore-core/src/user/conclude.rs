//! What a step looks at in the answer to its request: checks, and values for variables.

use std::rc::Rc;

use super::User;
use super::drive::Cut;
use super::message::Answer;
use super::sample::Unmet;
use super::state::State;
use crate::exchange::{Exchange, Stack};
use crate::program::{OriginId, RequestProgram, ScenarioProgram, Want};
use crate::step::Extracted;

impl<T: Stack> User<T> {
    /// Makes the step's checks and takes its values. What follows is due when the response ended.
    #[inline(always)]
    pub(super) fn conclude(
        &mut self,
        scenario: &ScenarioProgram,
        request: &RequestProgram,
        origin: OriginId,
        answer: &mut Answer,
    ) -> Result<(), Cut> {
        let due_ns = std::mem::replace(&mut self.cursor.due_ns, answer.ended_ns);
        let mut goes_on = true;
        if request.looks.is_looked_at {
            self.decode(answer);
            goes_on = self.look_at(scenario, request, origin, answer, due_ns);
        }
        self.forget_request();
        if let Some(capture) = &answer.kept.capture
            && capture.is_looked_at()
        {
            let started_ns = answer.ended_ns.saturating_sub(answer.service_ns);
            self.look_at_kept(request.envelope.step, self.worker.phase(scenario, due_ns), capture, started_ns);
        }
        self.worker.give_back(answer.kept.capture.take());
        if goes_on { Ok(()) } else { Err(Cut::Failed) }
    }

    /// Whether no check stops the iteration, and no value is missing.
    fn look_at(
        &mut self,
        scenario: &ScenarioProgram,
        request: &RequestProgram,
        origin: OriginId,
        answer: &mut Answer,
        due_ns: u64,
    ) -> bool {
        let worker = Rc::clone(&self.worker);
        let exchanges = worker.exchanges.borrow();
        let received = T::Exchange::received(&exchanges);
        let mut response = answer.response(received);
        let mut goes_on = true;
        let mut met = true;
        let mut missing = Vec::new();
        if !request.looks.checks.is_empty() {
            // The phase that the request was due in: its checks count where it does.
            let phase = self.worker.phase(scenario, due_ns);
            self.evaluate(|_, worker, evaluation| {
                let mut recorder = worker.recorder.borrow_mut();
                for (id, check) in &request.looks.checks {
                    let held = check.holds(&response, evaluation);
                    recorder.check(*id, phase, held);
                    met &= held;
                    goes_on &= held || !check.stops();
                }
            });
        }
        if !met || request.envelope.want.has(Want::SHOWN) {
            self.keep_body(&mut answer.kept);
            self.sample_checks(scenario, request, origin, answer);
            response = answer.kept_response();
        }
        if goes_on {
            for extract in &request.looks.extracts {
                let State { variables, random, .. } = &mut self.state;
                let extracted = extract.apply(&response, variables, random);
                if !scenario.links.is_empty() {
                    self.note_link(scenario, request.outgoing(), origin, extract.slot(), extracted == Extracted::Found);
                }
                if extracted == Extracted::Missing {
                    goes_on = false;
                    missing.push(Unmet::Extract(extract));
                }
            }
        }
        if !missing.is_empty() {
            self.keep_body(&mut answer.kept);
            self.sample_unmet(scenario, request, origin, answer, &missing);
        }
        goes_on
    }
}
