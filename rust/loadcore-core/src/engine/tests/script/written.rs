//! Requests that are all the same are written once.

use super::*;

/// Calls of one form: the URL, and a header of its own.
const CALLS: [(&str, Option<&str>); 12] = [
    ("/a", None),
    ("/a", None),
    ("/b", None),
    ("/b", None),
    ("/a", Some("1")),
    ("/a", None),
    ("http://other/a", None),
    ("/a b", None),
    ("/a", None),
    ("/gives", None),
    ("/a", None),
    ("/a", Some("2")),
];

/// What is sent for these calls, all of one form or each of its own, and the rows.
fn sent(headers: &Value, is_one_form: bool) -> (Vec<String>, Vec<(String, Outcome, u16)>) {
    let mut plan = scripted();
    plan["http"]["cookies"] = json!(true);
    plan["scenarios"][0]["headers"] = headers.clone();
    let log = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&log);
    let fake = FakeTransport::new(move |request, _| {
        let text = String::from_utf8_lossy(request).into_owned();
        let cookie = if text.starts_with("GET /gives") { "Set-Cookie: a=1\r\n" } else { "" };
        let head = format!("HTTP/1.1 200 OK\r\n{cookie}Content-Length: 0\r\n\r\n");
        seen.borrow_mut().push(text);
        Some(Reply::raw(ms(10), head.as_bytes(), crate::transport::fake::Then::Keep))
    });
    let outcomes = drive(&plan, fake, async move |code, _| {
        code.say(Command::Join { user: 1 });
        code.say(Command::Begin { user: 1 });
        for (url, header) in CALLS {
            let call = code.send(1, url, |call, form| {
                "all".clone_into(&mut form.name);
                if is_one_form {
                    call.form = 0;
                    // A form that none of them is of.
                    form.number = u32::from(form.number != 0);
                }
                if let Some(value) = header {
                    call.headers.push(b"X-Own", value.as_bytes());
                }
            });
            let _ = ended(call.1).await;
        }
        code.say(Command::Finish);
    });
    let rows = outcomes.rows.iter().map(|row| (row.step.clone(), row.outcome, row.status)).collect();
    (log.take(), rows)
}

/// What is written once is sent byte for byte as what is written each time: with other URLs, with headers of a call's own,
/// to another host, after a cookie has come, and where the scenario's headers vary.
#[test]
fn what_is_written_once_is_sent_as_ever() {
    for headers in [json!([]), json!([["X-All", "1"]]), json!([["X-Number", "{$counter}"]])] {
        let (once, rows) = sent(&headers, true);
        assert_eq!(once.len(), CALLS.len() - 1, "{headers}: all but the one that cannot be sent");
        assert_eq!((once, rows), sent(&headers, false), "{headers}");
    }
}
