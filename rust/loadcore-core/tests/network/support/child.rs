//! Parts of tests that need a process of their own: with other limits, or another view of the system.

use std::env::current_exe;
use std::process::Command;

/// Runs an ignored test of this program in a child process, after the commands of a shell in `before`.
pub(crate) fn run(test: &str, before: &str, environment: &[(&str, &str)]) {
    let code = command(&["/bin/sh"], test, before, environment);
    assert_eq!(Some(0), code, "{test} failed in its own process");
}

/// The same in namespaces of its own: a network with nothing but loopback, and mounts that no other process sees. That
/// takes root; where it cannot be had, the test says so and is over.
pub(crate) fn run_in_own_network(test: &str, before: &str) {
    let unshare = ["unshare", "--mount", "--net", "/bin/sh"];
    let ready = Command::new(unshare[0]).args(&unshare[1..]).args(["-c", "ip link set lo up"]).output();
    if !ready.is_ok_and(|output| output.status.success()) {
        println!("skipped: {test} needs root and iproute2 for a network of its own");
        return;
    }
    let code = command(&unshare, test, &format!("ip link set lo up && {before}"), &[]);
    assert_eq!(Some(0), code, "{test} failed in its own network");
}

fn command(shell: &[&str], test: &str, before: &str, environment: &[(&str, &str)]) -> Option<i32> {
    let script = format!("{before} && exec \"$0\" --exact \"$1\" --ignored --nocapture --test-threads 1");
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).args(["-c", &script]).arg(current_exe().expect("this program")).arg(test);
    command.envs(environment.iter().copied()).status().expect("a shell").code()
}
