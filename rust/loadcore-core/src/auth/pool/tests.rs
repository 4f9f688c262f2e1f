//! The life of tokens, in virtual time.

use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

#[expect(clippy::unnecessary_wraps, reason = "it is handed to `fetched`, as `refused` is")]
fn granted(token: &str, seconds: u64, refresh: Option<&str>) -> Result<Granted, Refusal> {
    Ok(Granted {
        access_token: token.to_owned(),
        expires_in_ns: Some(seconds * SECOND),
        refresh_token: refresh.map(str::to_owned),
    })
}

fn refused(by_server: bool) -> Result<Granted, Refusal> {
    Err(Refusal { reason: "invalid_grant".to_owned(), by_server, retry_after_ns: None })
}

/// A pool of one token, fetched at 0.
fn one_token(seconds: u64, refresh: Option<&str>) -> Pool {
    let mut pool = Pool::new(Some(1), Share::WHOLE, 8 * SECOND, "Bearer ", 1);
    let Acquired::Fetch(fetch) = pool.acquire(0, 0) else { panic!("no fetch") };
    pool.fetched(fetch.slot, granted("t1", seconds, refresh), 0).unwrap();
    pool
}

/// What was acquired, in short.
fn told(acquired: &Acquired<'_>) -> String {
    match acquired {
        Acquired::Token(token) => String::from_utf8_lossy(token.value).into_owned(),
        Acquired::Fetch(Fetch { how: How::Grant, .. }) => "grant".to_owned(),
        Acquired::Fetch(Fetch { how: How::Refresh(token), .. }) => format!("refresh by {token}"),
        Acquired::Wait(_) => "wait".to_owned(),
        Acquired::Failed { reason, .. } => format!("failed: {reason}"),
    }
}

/// The first user fetches, others wait, and then all have the token.
#[test]
fn one_fetch_for_all() {
    let mut pool = Pool::new(Some(1), Share::WHOLE, SECOND, "Bearer ", 1);
    assert_eq!(told(&pool.acquire(0, 0)), "grant");
    let Acquired::Wait(slot) = pool.acquire(1, 0) else { panic!("no wait") };
    let token = pool.fetched(slot, granted("t1", 60, None), SECOND).unwrap();
    assert_eq!(token.value, b"Bearer t1");
    assert_eq!(told(&pool.acquire(1, SECOND)), "Bearer t1");
    assert_eq!(told(&pool.acquire(2, SECOND)), "Bearer t1");
}

/// Each user has its own token unless they are shared; shared ones are split over workers.
#[test]
fn slots() {
    let mut own = Pool::new(None, Share::new(1, 2).unwrap(), SECOND, "Bearer ", 1);
    let slots = [1, 3, 5].map(|user| match own.acquire(user, 0) {
        Acquired::Fetch(fetch) => fetch.slot.0,
        other => panic!("{other:?}"),
    });
    assert_eq!(slots, [0, 1, 2]);
    let mut shared = Pool::new(Some(5), Share::new(1, 2).unwrap(), SECOND, "Bearer ", 1);
    assert_eq!(["grant", "grant", "wait"].map(str::to_owned), [1, 3, 5].map(|user| told(&shared.acquire(user, 0))));
    assert_eq!(Pool::new(Some(1), Share::new(1, 2).unwrap(), SECOND, "Bearer ", 1).shared, Some(1));
}

/// Before its end a token is refreshed by the one who asks first; the others continue with the old one until then.
#[test]
fn refresh_ahead() {
    let mut pool = one_token(60, Some("r1"));
    assert_eq!(told(&pool.acquire(0, 51 * SECOND)), "Bearer t1");
    assert_eq!(told(&pool.acquire(0, 54 * SECOND)), "refresh by r1");
    assert_eq!(told(&pool.acquire(1, 54 * SECOND)), "Bearer t1");
    assert_eq!(told(&pool.acquire(1, 60 * SECOND)), "wait");
    let answered = pool.fetched(TokenSlot(0), granted("t2", 60, Some("r2")), 61 * SECOND);
    assert_eq!(answered.map(|token| token.generation), Ok(2));
    assert_eq!(told(&pool.acquire(1, 61 * SECOND)), "Bearer t2");
    assert_eq!(told(&pool.acquire(1, 120 * SECOND)), "refresh by r2");
}

/// The refresh lies between the whole and three quarters of the lead before the end, and differs between users.
#[test]
fn jitter() {
    let mut pool = Pool::new(None, Share::WHOLE, 8 * SECOND, "Bearer ", 1);
    let mut times = std::collections::BTreeSet::new();
    for user in 0..50 {
        pool.acquire(user, 0);
        pool.fetched(TokenSlot(user as usize), granted("t", 100, None), 0).unwrap();
        let time = pool.slots[user as usize].token.as_ref().unwrap().refresh_at_ns;
        assert!((92 * SECOND..=94 * SECOND).contains(&time), "{time}");
        times.insert(time);
    }
    assert!(times.len() > 40);
}

/// A short-lived token is refreshed at half of its life at the earliest, and one without an end never.
#[test]
fn odd_lifetimes() {
    let mut short = one_token(4, None);
    assert_eq!(told(&short.acquire(0, 2 * SECOND - 1)), "Bearer t1");
    assert_eq!(told(&short.acquire(0, 2 * SECOND)), "grant");
    let mut endless = Pool::new(Some(1), Share::WHOLE, 8 * SECOND, "Bearer ", 1);
    endless.acquire(0, 0);
    let answer = Granted { access_token: "t".to_owned(), expires_in_ns: None, refresh_token: None };
    endless.fetched(TokenSlot(0), Ok(answer), 0).unwrap();
    assert_eq!(told(&endless.acquire(0, u64::MAX - 1)), "Bearer t");
}

/// A token that is good for no time serves the one who fetched it, and no one else.
#[test]
fn expired_on_arrival() {
    let mut pool = Pool::new(Some(1), Share::WHOLE, SECOND, "Bearer ", 1);
    pool.acquire(0, 0);
    assert_eq!(pool.fetched(TokenSlot(0), granted("t1", 0, None), 1).unwrap().value, b"Bearer t1");
    assert_eq!(told(&pool.acquire(1, 1)), "grant");
}

/// After a failure there is no fetch for a while, twice as long each time; then one does.
#[test]
fn back_off() {
    let mut pool = Pool::new(Some(1), Share::WHOLE, SECOND, "Bearer ", 1);
    let mut now = 0;
    let mut waits = Vec::new();
    for _ in 0..8 {
        assert_eq!(told(&pool.acquire(0, now)), "grant");
        pool.failed(TokenSlot(0), "connect_refused", now);
        let Acquired::Failed { retry_at_ns, reason, is_invited: false } = pool.acquire(1, now) else {
            panic!("no failure")
        };
        assert_eq!(reason, "connect_refused");
        assert!(matches!(pool.acquire(1, retry_at_ns - 1), Acquired::Failed { .. }));
        waits.push((pool.slots[0].retry_at_ns - now) / (SECOND / 100));
        now = pool.slots[0].retry_at_ns;
    }
    for (wait, least) in waits.iter().zip([100, 200, 400, 800, 1600, 3000, 3000, 3000]) {
        assert!((least..=least * 5 / 4).contains(wait), "{waits:?}");
    }
}

/// A server that says when to come again is asked then, within bounds, however often it has failed before.
#[test]
fn retry_after() {
    let mut pool = Pool::new(Some(1), Share::WHOLE, SECOND, "Bearer ", 1);
    let mut now = 0;
    for (says, least) in [(3, 3), (0, 1), (3, 3), (3600, 30), (5, 5)] {
        assert_eq!(told(&pool.acquire(0, now)), "grant");
        let refusal = Refusal { retry_after_ns: Some(says * SECOND), ..Refusal::default() };
        pool.fetched(TokenSlot(0), Err(refusal), now).unwrap_err();
        let Acquired::Failed { retry_at_ns, is_invited: true, .. } = pool.acquire(1, now) else { panic!("no failure") };
        assert!((least * SECOND..=least * SECOND * 5 / 4).contains(&(retry_at_ns - now)), "{says} s");
        now = retry_at_ns;
    }
}

/// A token that could not be refreshed serves on until its end.
#[test]
fn failed_refresh_keeps_the_token() {
    let mut pool = one_token(60, Some("r1"));
    assert_eq!(told(&pool.acquire(0, 55 * SECOND)), "refresh by r1");
    pool.failed(TokenSlot(0), "timeout_headers", 55 * SECOND);
    assert_eq!(told(&pool.acquire(0, 55 * SECOND)), "Bearer t1");
    assert_eq!(told(&pool.acquire(0, 57 * SECOND)), "refresh by r1");
}

/// A refresh token that the server refuses is not used again: the grant is, and at once.
#[test]
fn refused_refresh_token() {
    let mut pool = one_token(60, Some("r1"));
    assert_eq!(told(&pool.acquire(0, 70 * SECOND)), "refresh by r1");
    assert_eq!(pool.fetched(TokenSlot(0), refused(true), 70 * SECOND), Err("invalid_grant".to_owned()));
    assert_eq!(told(&pool.acquire(0, 70 * SECOND)), "grant");
    pool.fetched(TokenSlot(0), refused(true), 70 * SECOND).unwrap_err();
    assert_eq!(told(&pool.acquire(0, 70 * SECOND)), "failed: invalid_grant");
}

/// Without a new refresh token the old one stays.
#[test]
fn refresh_token_is_kept() {
    let mut pool = one_token(10, Some("r1"));
    pool.acquire(0, 10 * SECOND);
    pool.fetched(TokenSlot(0), granted("t2", 10, None), 10 * SECOND).unwrap();
    assert_eq!(told(&pool.acquire(0, 20 * SECOND)), "refresh by r1");
}

/// However many requests with a token are rejected, it is replaced once.
#[test]
fn rejected_once() {
    let mut pool = one_token(600, Some("r1"));
    assert_eq!(pool.rejected(TokenSlot(0), 1, SECOND), Rejected::Retry);
    assert_eq!(pool.rejected(TokenSlot(0), 1, SECOND), Rejected::Retry);
    assert_eq!(told(&pool.acquire(0, SECOND)), "refresh by r1");
    assert_eq!(told(&pool.acquire(1, SECOND)), "wait");
    pool.fetched(TokenSlot(0), granted("t2", 600, None), SECOND).unwrap();
    assert_eq!(pool.rejected(TokenSlot(0), 1, SECOND), Rejected::Retry);
    assert_eq!(told(&pool.acquire(1, SECOND)), "Bearer t2");
}

/// An API that rejects every token gets one replacement in a while, not one for each request.
#[test]
fn no_storm_of_replacements() {
    let mut pool = one_token(600, None);
    pool.rejected(TokenSlot(0), 1, SECOND);
    pool.acquire(0, SECOND);
    pool.fetched(TokenSlot(0), granted("t2", 600, None), SECOND).unwrap();
    assert_eq!(pool.rejected(TokenSlot(0), 2, 2 * SECOND), Rejected::Stands);
    assert_eq!(told(&pool.acquire(0, 2 * SECOND)), "Bearer t2");
    assert_eq!(pool.rejected(TokenSlot(0), 2, 20 * SECOND), Rejected::Retry);
}

/// When the fetching user stops, the next one fetches.
#[test]
fn abandoned() {
    let mut pool = Pool::new(Some(1), Share::WHOLE, SECOND, "Bearer ", 1);
    pool.acquire(0, 0);
    assert_eq!(told(&pool.acquire(1, 0)), "wait");
    pool.abandoned(TokenSlot(0));
    assert_eq!(told(&pool.acquire(1, 0)), "grant");
}

/// Neither tokens nor refresh tokens are shown.
#[test]
fn debug_shows_no_tokens() {
    let mut pool = one_token(1, Some("r1"));
    let acquired = format!("{:?}", pool.acquire(0, 0));
    let fetch = format!("{:?}", pool.acquire(0, SECOND));
    let pool = format!("{pool:?}");
    assert!([&acquired, &fetch, &pool].iter().all(|shown| !shown.contains("t1") && !shown.contains("r1")));
}

proptest! {
    /// Whatever happens, at most one fetch is under way for a slot, no one waits for nothing, and no token is handed
    /// out after its end.
    #[test]
    fn one_fetch_at_a_time(events in prop::collection::vec((0_u8..6, 0_u32..3, 0_u64..20), 1..200)) {
        let mut pool = Pool::new(Some(1), Share::WHOLE, 4 * SECOND, "Bearer ", 1);
        let (mut now, mut under_way, mut expires_at, mut generation) = (0, false, 0, 0);
        for (event, user, seconds) in events {
            now += seconds * SECOND / 4;
            match event {
                0..=2 => match pool.acquire(user, now) {
                    Acquired::Fetch(_) => {
                        prop_assert!(!under_way);
                        under_way = true;
                    }
                    Acquired::Wait(_) => prop_assert!(under_way),
                    Acquired::Token(token) => {
                        prop_assert!(now < expires_at);
                        generation = token.generation;
                    }
                    Acquired::Failed { retry_at_ns, .. } => prop_assert!(now < retry_at_ns && !under_way),
                },
                3 if under_way => {
                    pool.fetched(TokenSlot(0), granted("t", seconds, Some("r")), now).unwrap();
                    // Counted from when it was asked for, so never later than this.
                    expires_at = now + seconds * SECOND;
                    under_way = false;
                }
                4 if under_way => {
                    pool.fetched(TokenSlot(0), refused(user == 0), now).unwrap_err();
                    under_way = false;
                }
                5 => {
                    pool.rejected(TokenSlot(0), generation, now);
                }
                _ => {}
            }
        }
    }
}
