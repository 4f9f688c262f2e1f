//! Runs a plan from a file with the bare engine: no Python, no files. For measuring the engine itself.
//!
//! `cargo run --release --example run_plan -- plan.json` prints what was counted as one JSON line.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use loadcore_core::clock::monotonic_ns;
use loadcore_core::engine::{Engine, Event};
use loadcore_core::plan::Plan;
use loadcore_core::schedule::Share;

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else { return fail("usage: run_plan PLAN.json") };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => return fail(&format!("{path}: {error}")),
    };
    let plan: Plan = match serde_json::from_str(&text) {
        Ok(plan) => plan,
        Err(error) => return fail(&format!("{path}: {error}")),
    };
    let engine = match Engine::new(plan, Share::WHOLE) {
        Ok(engine) => engine,
        Err(problems) => {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            return fail(&lines.join("\n"));
        }
    };
    let begun = SystemTime::now();
    let running = engine.start(monotonic_ns());
    let (mut rows, mut requests) = (0, 0);
    let mut outcomes = BTreeMap::<&str, u64>::new();
    for event in &running.events {
        match event {
            Event::Rows(chunk) => {
                rows += chunk.len();
                running.recycler.chunk(chunk);
            }
            Event::Window(window) => {
                for (_, _, cell) in window.steps() {
                    requests += u64::from(cell.requests);
                    for (outcome, count) in cell.outcomes() {
                        *outcomes.entry(outcome.name()).or_default() += u64::from(count);
                    }
                }
                running.recycler.window(window);
            }
            Event::End(end) => {
                let took = begun.elapsed().unwrap_or(Duration::ZERO).as_secs_f64();
                let report = serde_json::json!({
                    "requests": requests, "rows": rows, "outcomes": outcomes, "reason": end.reason, "error": end.error,
                    "rows_dropped": end.rows_dropped, "seconds": took,
                });
                #[expect(clippy::print_stdout, reason = "its result")]
                {
                    println!("{report}");
                }
                break;
            }
        }
    }
    ExitCode::SUCCESS
}

#[expect(clippy::print_stderr, reason = "its error")]
fn fail(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::FAILURE
}
