//! Records a fixed number of requests, for counting the instructions that one costs the engine thread.
//!
//! Run it twice under `valgrind --tool=callgrind`, with different numbers, and divide the difference:
//! what start and end cost then cancels out. Arguments: the number of records, and `rows` to keep the row log.

use std::error::Error;
use std::hint::black_box;

use loadcore_core::record::{Outcome, Phase, Record, Section, StepId, StepInfo, Tables};
use loadcore_core::recorder::{Event, Recorder};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let count: u64 = arguments.next().ok_or("how many records?")?.parse()?;
    let row_log = arguments.next().is_some_and(|argument| argument == "rows");
    let step =
        StepInfo { scenario: "shop".into(), name: "browse".into(), method: "GET".into(), section: Section::Main };
    let tables = Tables { steps: vec![step], ..Tables::default() };
    let (mut recorder, events, recycler) = Recorder::channel(tables, row_log);
    for number in 0..count {
        let due_ns = number * 10_000;
        recorder.record(black_box(&Record {
            step: StepId(0),
            outcome: Outcome::Ok,
            status: 200,
            error: false,
            superseded: false,
            started_in: Phase::Steady,
            ended_in: Phase::Steady,
            phase: Phase::Steady,
            attempts: 1,
            reused: true,
            user: 7,
            iteration: 3,
            due_ns,
            start_ns: due_ns + 3_000,
            first_byte_ns: Some(due_ns + 70_000 + number % 4_096),
            end_ns: due_ns + 75_000 + number % 8_192,
            unread_ns: 0,
            connection: None,
            bytes_sent: 120,
            bytes_received: 156,
        }));
        if number % 4_096 == 0
            && let Ok(Event::Rows(chunk)) = events.try_recv()
        {
            recycler.chunk(chunk);
        }
    }
    Ok(())
}
