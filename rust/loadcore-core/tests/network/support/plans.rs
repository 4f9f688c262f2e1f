//! Plans as the compiler would write them.

use loadcore_core::plan::Plan;
use serde_json::{Value, json};

const MS: u64 = 1_000_000;

/// One user that sends `GET /0`, `GET /1`, and so on: one request in each iteration, whatever became of the one before.
pub(crate) fn gets(base_url: &str, iterations: u32) -> Value {
    plan(base_url, iterations, &[get("/{$iteration}")])
}

/// One user that takes these steps in each iteration.
pub(crate) fn plan(base_url: &str, iterations: u32, steps: &[Value]) -> Value {
    let load = json!({
        "kind": "iterations", "users": 1, "iterations": iterations, "scope": "per_user",
        "max_duration_ns": 60_000 * MS,
    });
    json!({
        "version": 1, "name": "network", "seed": 1, "graceful_stop_ns": 1000 * MS,
        "http": {
            "timeouts": {"connect_ns": 5000 * MS, "total_ns": 10_000 * MS}, "max_redirects": 0, "cookies": false,
        },
        "scenarios": [{"name": "main", "base_url": base_url, "load": load, "steps": steps}],
    })
}

/// A GET step.
pub(crate) fn get(url: &str) -> Value {
    json!({"kind": "request", "name": "step", "method": "GET", "url": url})
}

/// A step that sends this many bytes of body.
pub(crate) fn post(url: &str, bytes: usize) -> Value {
    let body = json!({"kind": "text", "text": "x".repeat(bytes)});
    json!({"kind": "request", "name": "step", "method": "POST", "url": url, "body": body})
}

/// Changes how many users there are.
pub(crate) fn with_users(mut plan: Value, users: u32) -> Value {
    plan["scenarios"][0]["load"]["users"] = json!(users);
    plan
}

/// Changes the timeout of whole exchanges.
pub(crate) fn with_total_ms(mut plan: Value, ms: u64) -> Value {
    plan["http"]["timeouts"]["total_ns"] = json!(ms * MS);
    plan
}

/// Changes the connect timeout.
pub(crate) fn with_connect_ms(mut plan: Value, ms: u64) -> Value {
    plan["http"]["timeouts"]["connect_ns"] = json!(ms * MS);
    plan
}

/// The plan as the engine takes it.
pub(crate) fn typed(plan: &Value) -> Plan {
    serde_json::from_value(plan.clone()).expect("a readable plan")
}
