//! A bare epoll server for measuring clients: one thread, fixed answers, nothing else.
//!
//! `nullsrv [--port N] [--freeze LENGTH_MS/PERIOD_MS]` prints one JSON line when it listens. What is answered is asked
//! for by the path, see [`answer`]. With `--freeze` the server does nothing during the first part of each period.

mod answer;
mod held;
mod server;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use server::{Freeze, Server};

fn main() -> ExitCode {
    match options().and_then(|(port, freeze)| serve(port, freeze).map_err(|error| error.to_string())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            #[expect(clippy::print_stderr, reason = "its error")]
            {
                eprintln!("nullsrv: {message}");
            }
            ExitCode::FAILURE
        }
    }
}

fn serve(port: u16, freeze: Option<Freeze>) -> io::Result<()> {
    let mut server = Server::new(port, freeze)?;
    let line = serde_json::json!({"url": format!("http://{}", server.address()?), "pid": std::process::id()});
    #[expect(clippy::print_stdout, reason = "how it says where it listens")]
    {
        println!("{line}");
    }
    server.run()
}

fn options() -> Result<(u16, Option<Freeze>), String> {
    let (mut port, mut freeze) = (0, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--port" => port = value.parse().map_err(|_| format!("no port: {value}"))?,
            "--freeze" => freeze = Some(freeze_of(&value).ok_or_else(|| format!("not LENGTH_MS/PERIOD_MS: {value}"))?),
            _ => return Err(format!("unknown option {name}")),
        }
    }
    Ok((port, freeze))
}

fn freeze_of(text: &str) -> Option<Freeze> {
    let (length, period) = text.split_once('/')?;
    let (length, period): (u64, u64) = (length.parse().ok()?, period.parse().ok()?);
    (length < period).then(|| Freeze { length: Duration::from_millis(length), period: Duration::from_millis(period) })
}
