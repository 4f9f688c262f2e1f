//! docs/reference/outcomes.md is complete and true to the code.

#![expect(clippy::expect_used, reason = "tests fail by panicking")]

use std::fs;
use std::path::Path;

use loadcore_core::record::Outcome;

/// The cells of each row of the list, without the backticks around the name.
fn rows() -> Vec<Vec<String>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/outcomes.md");
    let page = fs::read_to_string(page).expect("the page is in the repository");
    let list = page.split("\n## ").find(|section| section.starts_with("The list")).expect("the page has the list");
    let rows = list.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect())
        .collect()
}

/// Every outcome has its row, in the order of the code, and no row is left of one that is gone.
#[test]
fn the_page_lists_every_outcome() {
    let names: Vec<String> = rows().into_iter().map(|mut row| row.swap_remove(0)).collect();
    assert_eq!(names, Outcome::ALL.iter().map(|outcome| outcome.name()).collect::<Vec<_>>());
}

/// Every row says what the cause is, whether the connection is kept and how it is counted, in the page's words.
#[test]
fn every_row_is_complete() {
    for row in rows() {
        let [name, cause, connection, counted] = &row[..] else { panic!("{row:?} has not four cells") };
        assert!(cause.ends_with('.'), "{name}: {cause}");
        let kept = if name == "ok" { "reused" } else { "" };
        let is_known = ["none", "closed", "kept"].contains(&&**connection);
        assert!(if kept.is_empty() { is_known } else { connection.starts_with(kept) }, "{name}: {connection}");
        assert!(["answered", "failed", "not sent", "cut off"].contains(&&**counted), "{name}: {counted}");
        let outcome = Outcome::ALL.iter().find(|outcome| outcome.name() == name);
        assert_eq!(counted == "answered", outcome.is_some_and(|outcome| outcome.is_answered()), "{name}");
    }
}
