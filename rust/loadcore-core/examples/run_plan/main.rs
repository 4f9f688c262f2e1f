//! Runs a plan from a file with the bare engine: no Python, no files. For measuring the engine itself.
//!
//! `cargo run --release --example run_plan -- plan.json [--no-rows]` prints what was counted as one JSON line.

mod counting;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use loadcore_core::clock::monotonic_ns;
use loadcore_core::engine::{Engine, Event, RunEnd, Running};
use loadcore_core::plan::Plan;
use loadcore_core::schedule::Share;

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

/// What a run came to.
#[derive(Default)]
struct Tally {
    rows: usize,
    requests: u64,
    errors: u64,
    attempts: u64,
    outcomes: BTreeMap<&'static str, u64>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (options, paths): (Vec<_>, Vec<_>) = arguments.iter().partition(|argument| argument.starts_with("--"));
    let ([path], true) = (paths.as_slice(), options.iter().all(|option| *option == "--no-rows")) else {
        return fail("usage: run_plan PLAN.json [--no-rows]");
    };
    match engine(path, options.is_empty()) {
        Ok(engine) => run(engine),
        Err(message) => fail(&message),
    }
}

fn engine(path: &str, rows: bool) -> Result<Engine, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let plan: Plan = serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))?;
    let engine = Engine::new(plan, Share::WHOLE).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        lines.join("\n")
    })?;
    Ok(if rows { engine } else { engine.without_rows() })
}

fn run(engine: Engine) -> ExitCode {
    let begun = SystemTime::now();
    let running = engine.start(monotonic_ns());
    let mut tally = Tally::default();
    let Some(end) = tally.follow(&running) else { return fail("the engine ended without saying so") };
    let report = serde_json::json!({
        "requests": tally.requests, "rows": tally.rows, "errors": tally.errors, "attempts": tally.attempts,
        "outcomes": tally.outcomes, "reason": end.reason, "error": end.error, "rows_dropped": end.rows_dropped,
        "allocations": counting::allocations(), "seconds": begun.elapsed().unwrap_or(Duration::ZERO).as_secs_f64(),
    });
    #[expect(clippy::print_stdout, reason = "its result")]
    {
        println!("{report}");
    }
    ExitCode::SUCCESS
}

impl Tally {
    /// Counts what the engine hands over, to its end.
    fn follow(&mut self, running: &Running) -> Option<RunEnd> {
        for event in &running.events {
            match event {
                Event::Rows(chunk) => {
                    self.rows += chunk.len();
                    running.recycler.chunk(chunk);
                }
                Event::Window(window) => {
                    for (_, _, cell) in window.steps() {
                        self.requests += u64::from(cell.requests);
                        self.errors += u64::from(cell.errors);
                        self.attempts += cell.attempts;
                        for (outcome, count) in cell.outcomes() {
                            *self.outcomes.entry(outcome.name()).or_default() += u64::from(count);
                        }
                    }
                    running.recycler.window(window);
                }
                Event::Sample(_) | Event::Names(_) => {}
                Event::End(end) => return Some(end),
            }
        }
        None
    }
}

#[expect(clippy::print_stderr, reason = "its error")]
fn fail(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::FAILURE
}
