//! Users that a script drives during the run: all that users with code of their own need.

mod compiled;
mod continuing;
mod held;
mod phases;
mod streams;
mod turns;
mod written;

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::task::{Context, Poll, Waker};

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use super::*;
use crate::driver::script::{
    Answer, BodyFraming, Call, Command, Form, Holds, Iterate, MayContinue, Notice, RequestKey, Script, ScriptEnd,
    ScriptPart, Settled,
};

/// A script whose code is tasks of the test, by virtual time.
#[derive(Default)]
pub(super) struct Code {
    commands: RefCell<VecDeque<Command>>,
    waker: RefCell<Option<Waker>>,
    keys: Cell<u32>,
    forms: Cell<u32>,
    waiting: RefCell<HashMap<RequestKey, oneshot::Sender<Box<Call>>>>,
    /// What has come of answers that are handed over in pieces.
    came: RefCell<HashMap<RequestKey, streams::Came>>,
    /// What else it learned, with the millisecond.
    told: RefCell<Vec<(u64, String)>>,
    /// Which scripts iterations were left to, and what they were.
    scripts: RefCell<Vec<(u32, ScriptPart)>>,
    /// Iterations that are due: the user, and its row.
    due: RefCell<VecDeque<(u32, String)>>,
    is_due: Notify,
    /// What users may begin by themselves, and the edition of the loads.
    leave: RefCell<HashMap<u32, Option<MayContinue>>>,
    edition: Cell<u32>,
}

impl Script for Rc<Code> {
    fn poll_command(&self, cx: &mut Context<'_>) -> Poll<Command> {
        self.waker.replace(Some(cx.waker().clone()));
        self.commands.borrow_mut().pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn notice(&self, notice: Notice) {
        match notice {
            Notice::Ended(call) => {
                if let Some(waiting) = self.waiting.borrow_mut().remove(&call.key) {
                    let _ = waiting.send(call);
                }
            }
            Notice::Opened(head) => self.came.borrow_mut().entry(head.request).or_default().open(*head),
            Notice::Piece(piece) => self.came.borrow_mut().entry(piece.request).or_default().add(&piece),
            Notice::Iterate(Iterate { user, iteration, script, part, due_ns, variables, may_continue, .. }) => {
                self.leave.borrow_mut().insert(user, may_continue);
                self.scripts.borrow_mut().push((script, part));
                self.told.borrow_mut().push((due_ns / 1_000_000, format!("iterate {user} {iteration}")));
                let row: Vec<_> = variables.iter().map(|(_, value)| String::from_utf8_lossy(value)).collect();
                self.due.borrow_mut().push_back((user, row.join(",")));
                self.is_due.notify_one();
            }
            Notice::Interrupted { user } => self.told.borrow_mut().push((0, format!("interrupted {user}"))),
            Notice::Stopping => self.told.borrow_mut().push((0, "stopping".to_owned())),
            Notice::Closed => self.told.borrow_mut().push((0, "closed".to_owned())),
        }
    }

    fn edition(&self, edition: u32) {
        self.edition.set(edition);
    }
}

impl Code {
    pub(super) fn say(&self, command: Command) {
        self.commands.borrow_mut().push_back(command);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Sends a request of a user; `change` says what is not usual about it.
    pub(super) fn send(
        &self,
        user: u32,
        url: &str,
        change: impl FnOnce(&mut Call, &mut Form),
    ) -> (RequestKey, oneshot::Receiver<Box<Call>>) {
        let key = RequestKey { slot: self.keys.replace(self.keys.get() + 1), generation: 1 };
        let name = url.split('?').next().unwrap_or_default().to_owned();
        let mut form = Form { name, method: "GET".to_owned(), ..Form::default() };
        let mut call = Call { key, user, url: url.to_owned(), ..Call::default() };
        call.form = self.forms.replace(self.forms.get() + 1);
        form.number = call.form;
        change(&mut call, &mut form);
        let (sender, receiver) = oneshot::channel();
        self.waiting.borrow_mut().insert(key, sender);
        self.say(Command::Form(Box::new(form)));
        self.say(Command::Send(Box::new(call)));
        (key, receiver)
    }

    /// The next iteration that is due.
    async fn iteration(&self) -> (u32, String) {
        loop {
            if let Some(due) = self.due.borrow_mut().pop_front() {
                return due;
            }
            self.is_due.notified().await;
        }
    }

    pub(super) async fn get(&self, user: u32, url: &str) -> Result<Answer, Outcome> {
        ended(self.send(user, url, |_, _| ()).1).await
    }

    /// Ends an iteration that is complete.
    fn complete(&self, user: u32) {
        self.say(Command::End { user, end: ScriptEnd::Complete, next_ns: None });
    }
}

pub(super) async fn ended(ended: oneshot::Receiver<Box<Call>>) -> Result<Answer, Outcome> {
    let answer = ended.await.expect("a call").answer;
    if answer.has_arrived() { Ok(answer) } else { Err(answer.outcome) }
}

/// Until the run is so old.
async fn at(began: Instant, millisecond: u64) {
    sleep_until(began + ms(millisecond)).await;
}

/// A plan whose users are the script's.
pub(super) fn scripted() -> Value {
    let mut plan = plan(json!({"kind": "script"}), json!([]));
    plan["scenarios"][0]["script"] = json!(true);
    plan
}

/// Runs a plan whose scenario has this code. A panic in it ends the run, and fails the test.
pub(super) fn drive<F: Future<Output = ()> + 'static>(
    plan: &Value,
    fake: FakeTransport,
    begin: impl FnOnce(Rc<Code>, Instant) -> F,
) -> Outcomes {
    drive_with(plan, fake, |code, _| begin(code, Instant::now()))
}

/// The same, with the control of the run.
fn drive_with<F: Future<Output = ()> + 'static>(
    plan: &Value,
    fake: FakeTransport,
    begin: impl FnOnce(Rc<Code>, Control) -> F,
) -> Outcomes {
    let panicked = Rc::new(RefCell::new(None));
    let kept = Rc::clone(&panicked);
    let code = Rc::<Code>::default();
    let told = Rc::clone(&code);
    let mut outcomes = simulate_scripts(fake.clone(), plan, fake, Share::WHOLE, move |control| {
        let user = tokio::task::spawn_local(begin(Rc::clone(&code), control.clone()));
        tokio::task::spawn_local(async move {
            if let Err(error) = user.await {
                kept.replace(Some(error));
                control.interrupt();
            }
        });
        vec![Some(Rc::new(code) as Rc<dyn Script>)]
    });
    if let Some(error) = panicked.take() {
        std::panic::resume_unwind(error.into_panic());
    }
    outcomes.told = told.told.take();
    outcomes
}

fn of_second(outcomes: &Outcomes, which: fn(&(u32, u32)) -> u32) -> Vec<u32> {
    outcomes.seconds.values().map(which).collect()
}

/// Two users join during the run, and one leaves: what it has under way is given up, and it is active no more.
#[test]
fn users_join_and_leave() {
    let outcomes = drive(&scripted(), answers_after(100), async |code, began| {
        code.say(Command::Join { user: 7 });
        at(began, 1_500).await;
        code.say(Command::Join { user: 9 });
        assert_eq!(code.get(9, "/a").await.expect("an answer").status, 200);
        let (_, gone) = code.send(7, "/b", |_, _| ());
        at(began, 1_650).await;
        code.say(Command::Leave { user: 7 });
        assert_eq!(ended(gone).await.expect_err("no answer"), Outcome::Interrupted);
        // It is gone, and so are its requests.
        assert_eq!(code.get(7, "/c").await.expect_err("no user"), Outcome::Interrupted);
        at(began, 2_500).await;
        code.say(Command::Finish);
    });
    assert_eq!(of_second(&outcomes, |(active, _)| *active), [1, 1, 0]);
    let rows: Vec<_> = outcomes.rows.iter().map(|row| (row.user, &*row.step, row.outcome, row.error)).collect();
    assert_eq!(rows, [(9, "/a", Outcome::Ok, false), (7, "/b", Outcome::Interrupted, false)]);
    assert_eq!(outcomes.end.reason, EndReason::Finished);
}

/// A scenario without steps: its load model says when an iteration is due, and the script what it does. An iteration
/// that the script gives up has failed.
#[test]
fn a_plan_without_steps() {
    let mut plan = plan(
        json!({"kind": "iterations", "users": 2, "iterations": 2, "scope": "per_user", "max_duration_ns": 60_000_000_000_u64}),
        json!([]),
    );
    plan["scenarios"][0]["script"] = json!(true);
    plan["feeders"] = json!([{"name": "rows", "order": "sequential", "at_end": "recycle", "source": {"kind": "rows", "columns": ["id"], "rows": [["a"], ["b"]]}}]);
    plan["scenarios"][0]["feeders"] = json!(["rows"]);
    let told = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::clone(&told);
    let outcomes = drive(&plan, answers_after(10), async move |code, _| {
        let mut begun = 0;
        let mut users = Vec::new();
        while begun < 4 {
            let (user, row) = code.iteration().await;
            begun += 1;
            let (code, is_complete) = (Rc::clone(&code), begun != 2);
            users.push(tokio::task::spawn_local(async move {
                assert!(code.get(user, &format!("/a?{row}")).await.is_ok());
                sleep(ms(50)).await;
                assert!(code.get(user, "/b").await.is_ok());
                let end = if is_complete { ScriptEnd::Complete } else { ScriptEnd::Failed };
                code.say(Command::End { user, end, next_ns: None });
            }));
        }
        for user in users {
            user.await.expect("no panic");
        }
        code.say(Command::Finish);
        kept.replace(code.told.borrow().clone());
    });
    assert_eq!(outcomes.count(ScenarioEvent::IterationStarted), 4);
    assert_eq!(outcomes.count(ScenarioEvent::IterationCompleted), 3);
    assert_eq!(outcomes.count(ScenarioEvent::IterationFailed), 1);
    let steps: Vec<_> = outcomes.of("/b").map(|row| (row.user, row.due_ms % 10, row.lag_ms)).collect();
    assert_eq!(steps.len(), 4);
    // Each user kept its connection.
    assert_eq!((outcomes.rows.len(), outcomes.fake.connections()), (8, 2));
    assert_eq!(told.borrow()[..2], [(0, "iterate 0 0".to_owned()), (0, "iterate 1 0".to_owned())]);
}

/// A plan that has steps and a script, or neither, is refused; as is a script that is not given.
#[test]
fn plans_that_make_no_sense() {
    let problems = |plan: &Value| {
        let plan: Plan = serde_json::from_value(plan.clone()).expect("a readable plan");
        let problems = Engine::new(plan, Share::WHOLE).expect_err("a plan that is refused");
        problems.into_iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect::<Vec<_>>()
    };
    let mut both = scripted();
    both["scenarios"][0]["steps"] = json!([get("a")]);
    assert_eq!(problems(&both), ["scenarios[0].steps: a scenario that is driven by a script has no steps"]);
    let neither = plan(json!({"kind": "script"}), json!([get("a")]));
    assert_eq!(
        problems(&neither),
        ["scenarios[0].load: only a script can say who joins and leaves, and the scenario has none"]
    );
    assert_eq!(problems(&scripted()), ["scenarios[0].script: `main` is driven by a script, and none is given"]);
}

/// A request to an origin that the plan does not name goes over a connection of its own, without what proves who asks.
#[test]
fn a_new_origin() {
    let heads = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&heads);
    let fake = FakeTransport::new(move |request, _| {
        let text = String::from_utf8_lossy(request).into_owned();
        let lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        seen.borrow_mut().push(lines.join("|"));
        Some(Reply::ok(ms(10), "hello"))
    });
    let mut plan = scripted();
    plan["auth"] = json!([{"name": "key", "way": {"kind": "bearer", "token": {"text": "t"}}}]);
    plan["scenarios"][0]["auth"] = json!("key");
    plan["scenarios"][0]["base_url"] = json!("http://fake/v1");
    plan["scenarios"][0]["headers"] = json!([["X-A", "1"], ["X-B", "2"]]);
    let outcomes = drive(&plan, fake, async |code, _| {
        code.say(Command::Join { user: 0 });
        assert_eq!(code.get(0, "/a?x=1").await.expect("an answer").body(), b"hello");
        let (_, away) = code.send(0, "http://other:8080/b", |call, _| call.headers.push(b"x-b", b"3"));
        assert!(ended(away).await.is_ok());
        let refused = code.send(0, "ftp://other/", |_, form| form.name = "bad".to_owned()).1;
        assert_eq!(ended(refused).await.expect_err("nothing to send to"), Outcome::RequestInvalid);
        code.say(Command::Finish);
    });
    assert_eq!(
        *heads.borrow(),
        [
            "GET /v1/a?x=1 HTTP/1.1|Host: fake|X-A: 1|X-B: 2|Authorization: Bearer t",
            "GET /b HTTP/1.1|Host: other:8080|X-A: 1|x-b: 3",
        ]
    );
    assert_eq!(outcomes.fake.connections(), 2);
    assert_eq!(outcomes.outcomes(), BTreeMap::from([("ok", 2), ("request_invalid", 1)]));
    let why = outcomes.samples.iter().find(|sample| sample.step == "bad").map(|sample| sample.reason.clone());
    assert_eq!(why.as_deref(), Some("the URL `ftp://other/` does not begin with http:// or https://"));
}

/// Two requests of one user at once go over two connections, and share its cookies; the next one takes a free
/// connection.
#[test]
fn two_requests_at_once() {
    let cookies = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&cookies);
    let fake = FakeTransport::new(move |request, number| {
        let text = String::from_utf8_lossy(request).into_owned();
        seen.borrow_mut().push(text.lines().find(|line| line.starts_with("Cookie")).unwrap_or("none").to_owned());
        let head = format!("HTTP/1.1 200 X\r\nSet-Cookie: c{number}=1\r\nContent-Length: 0\r\n\r\n");
        Some(Reply::raw(ms(100), head.as_bytes(), crate::transport::fake::Then::Keep))
    });
    let mut plan = scripted();
    plan["http"]["cookies"] = json!(true);
    let outcomes = drive(&plan, fake, async |code, _| {
        code.say(Command::Join { user: 0 });
        let (_, one) = code.send(0, "/one", |_, _| ());
        let (_, two) = code.send(0, "/two", |_, _| ());
        assert!(ended(one).await.is_ok() && ended(two).await.is_ok());
        assert!(code.get(0, "/three").await.is_ok());
        code.say(Command::Finish);
    });
    let rows: Vec<_> = outcomes.rows.iter().map(|row| (&*row.step, row.due_ms, row.service_ms, row.reused)).collect();
    assert_eq!(rows, [("/one", 0, 100, false), ("/two", 0, 100, false), ("/three", 100, 100, true)]);
    assert_eq!(outcomes.fake.connections(), 2);
    assert_eq!(*cookies.borrow(), ["none", "none", "Cookie: c0=1; c1=1"]);
}

/// A body goes out piece by piece, as the script has them; the request ends with the answer to all of it.
#[test]
fn a_body_in_pieces() {
    let came = Rc::new(RefCell::new(Vec::new()));
    let (seen, began) = (Rc::clone(&came), Cell::new(None));
    let fake = FakeTransport::new(move |bytes, _| {
        let began = began.get().unwrap_or_else(|| {
            began.set(Some(Instant::now()));
            Instant::now()
        });
        let text = String::from_utf8_lossy(bytes).into_owned();
        let is_last = text.ends_with("0\r\n\r\n");
        let body = text.rsplit_once("chunked\r\n\r\n").map_or(text.clone(), |(_, body)| format!("head {body}"));
        seen.borrow_mut().push((began.elapsed().as_millis(), body));
        is_last.then(|| Reply::ok(ms(10), ""))
    });
    let outcomes = drive(&scripted(), fake, async |code, began| {
        code.say(Command::Join { user: 0 });
        let (request, answer) = code.send(0, "/up", |call, form| {
            (form.method, call.framing) = ("POST".to_owned(), BodyFraming::Pieces);
        });
        for (after_ms, piece, is_last) in [(50, "hello ", false), (100, "world, and all", false), (150, "!", true)] {
            at(began, after_ms).await;
            code.say(Command::Piece { request, bytes: piece.into(), is_last });
        }
        assert_eq!(ended(answer).await.expect("an answer").status, 200);
        // The connection is fit for another request.
        let last =
            code.send(0, "/last", |call, _| (call.framing, call.body) = (BodyFraming::Whole, b"0\r\n\r\n".into()));
        assert!(ended(last.1).await.is_ok());
        code.say(Command::Finish);
    });
    let pieces = ["head ", "6\r\nhello \r\n", "e\r\nworld, and all\r\n", "1\r\n!\r\n0\r\n\r\n"];
    let expected: Vec<_> = [0, 50, 100, 150].into_iter().zip(pieces.map(str::to_owned)).collect();
    assert_eq!(came.borrow()[..4], expected);
    let rows: Vec<_> = outcomes.rows.iter().map(|row| (row.due_ms, row.service_ms, row.reused)).collect();
    assert_eq!(rows, [(0, 160, false), (160, 10, true)]);
}

/// A request that is given up has a row that says so, and is not an error. Its user continues.
#[test]
fn a_cancel() {
    let fake = FakeTransport::new(|request, _| (!request.starts_with(b"GET /slow")).then(|| Reply::ok(ms(10), "")));
    let outcomes = drive(&scripted(), fake, async |code, began| {
        code.say(Command::Join { user: 0 });
        let (request, slow) = code.send(0, "/slow", |_, _| ());
        at(began, 30).await;
        code.say(Command::Cancel { request });
        assert_eq!(ended(slow).await.expect_err("no answer"), Outcome::Interrupted);
        // Nothing is under way under this number any more.
        code.say(Command::Cancel { request });
        assert!(code.get(0, "/fast").await.is_ok());
        code.say(Command::Finish);
    });
    let rows: Vec<_> =
        outcomes.rows.iter().map(|row| (&*row.step, row.outcome, row.error, row.service_ms, row.reused)).collect();
    assert_eq!(rows, [("/slow", Outcome::Interrupted, false, 30, false), ("/fast", Outcome::Ok, false, 10, false)]);
    assert_eq!(outcomes.ended_ms, 40);
}

/// The script says when the run is over: what is under way may end, and nothing else is waited for.
#[test]
fn an_end_that_the_script_decides() {
    let outcomes = drive(&scripted(), answers_after(100), async |code, began| {
        code.say(Command::Join { user: 0 });
        code.say(Command::Begin { user: 0 });
        let (_, last) = code.send(0, "/a", |_, _| ());
        at(began, 50).await;
        code.say(Command::Finish);
        assert!(ended(last).await.is_ok());
        code.complete(0);
    });
    assert_eq!((outcomes.end.reason, outcomes.end.error.clone()), (EndReason::Finished, None));
    assert_eq!((outcomes.ended_ms, outcomes.rows.len()), (100, 1));
    assert_eq!(outcomes.count(ScenarioEvent::IterationCompleted), 1);
}

/// A run that is stopped from outside tells the script, and ends when that has.
#[test]
fn a_stop_is_told() {
    let outcomes = drive_with(&scripted(), answers_after(10), async |code, control| {
        code.say(Command::Join { user: 0 });
        sleep(ms(500)).await;
        control.stop();
        sleep(ms(100)).await;
        assert!(code.get(0, "/logout").await.is_ok());
        assert_eq!(*code.told.borrow(), [(0, "stopping".to_owned())]);
        code.say(Command::Finish);
    });
    assert_eq!((outcomes.end.reason, outcomes.ended_ms), (EndReason::Stopped, 610));
    assert_eq!(outcomes.of("/logout").map(|row| row.phase).collect::<Vec<_>>(), [Phase::RampDown]);
}

/// Names that hold an id do not fill the memory: beyond 500, steps that are met at run time are counted by pattern, or as
/// one.
#[test]
fn too_many_names() {
    let outcomes = drive(&scripted(), answers_after(1), async |code, _| {
        code.say(Command::Join { user: 0 });
        for id in 0..505 {
            assert!(code.get(0, &format!("/items/{id}")).await.is_ok());
        }
        for url in ["/items/0", "/v1/other"] {
            assert!(code.get(0, url).await.is_ok());
        }
        code.say(Command::Finish);
    });
    assert_eq!((outcomes.rows.len(), outcomes.steps.len()), (507, 502));
    assert_eq!(outcomes.errors_of("/items/499"), (1, 0));
    assert_eq!(outcomes.errors_of("/items/0"), (2, 0));
    assert_eq!(outcomes.errors_of("/items/*"), (5, 0));
    assert_eq!(outcomes.errors_of("(other steps)"), (1, 0));
}
