//! Parts of tests that need a process of their own: with other limits, or other views of the system.

use std::env::current_exe;
use std::process::Command;

/// Runs an ignored test of this program in a child process, after the commands of a shell in `before`, and fails if it fails.
pub(crate) fn run(test: &str, before: &str, environment: &[(&str, &str)]) {
    assert_eq!(Some(0), code(test, before, environment), "{test} failed in its own process");
}

/// The same; gives the exit code of the commands or the test.
pub(crate) fn code(test: &str, before: &str, environment: &[(&str, &str)]) -> Option<i32> {
    let script = format!("{before} && exec \"$0\" --exact \"$1\" --ignored --nocapture --test-threads 1");
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &script]).arg(current_exe().expect("this program")).arg(test);
    command.envs(environment.iter().copied()).status().expect("a shell").code()
}
