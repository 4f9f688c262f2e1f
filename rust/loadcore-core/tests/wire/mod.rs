//! The cases of `tests/wire`, as its README describes them.

use std::fs;
use std::path::{Path, PathBuf};

use loadcore_core::plan::Limits;
use serde::Deserialize;

/// One response and the required result.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) id: String,
    #[expect(dead_code, reason = "for readers of the data")]
    source: String,
    #[serde(default = "get")]
    pub(crate) request: String,
    response: Text,
    #[serde(default)]
    pub(crate) then: Then,
    #[serde(default)]
    pub(crate) limits: Limits,
    #[serde(default = "ok")]
    pub(crate) outcome: String,
    #[serde(default = "two_hundred")]
    pub(crate) status: Option<u16>,
    #[serde(default)]
    body: Text,
    reusable: Option<bool>,
    #[serde(default)]
    pub(crate) interim: u8,
    #[serde(default)]
    pub(crate) surplus: usize,
    pub(crate) keep_alive_timeout: Option<u16>,
    pub(crate) headers: Option<Vec<(Text, Text)>>,
    pub(crate) stops_by: Option<usize>,
}

/// What follows a response that the server has sent as far as the case says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Then {
    /// Silence, until the time is up.
    #[default]
    Open,
    /// The server closes.
    Fin,
    /// The server resets.
    Rst,
}

/// Bytes, written as text with one character a byte.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Text {
    Plain(String),
    Parts(Vec<Part>),
}

/// A piece of a long text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Part {
    Plain(String),
    Repeated { repeat: String, times: usize },
}

impl Case {
    pub(crate) fn response(&self) -> Vec<u8> {
        self.response.bytes()
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        self.body.bytes()
    }

    pub(crate) fn reusable(&self) -> bool {
        self.reusable.unwrap_or(self.outcome == "ok")
    }
}

impl Text {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Plain(text) => latin1(text),
            Self::Parts(parts) => parts.iter().flat_map(Part::bytes).collect(),
        }
    }
}

impl Part {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Plain(text) => latin1(text),
            Self::Repeated { repeat, times } => latin1(repeat).repeat(*times),
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::Plain(String::new())
    }
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(character).expect("a character of the suite is a byte")).collect()
}

fn get() -> String {
    "GET".to_owned()
}

fn ok() -> String {
    "ok".to_owned()
}

#[expect(clippy::unnecessary_wraps, reason = "the default of an optional field")]
fn two_hundred() -> Option<u16> {
    Some(200)
}

/// All cases, in the order of their files.
pub(crate) fn cases() -> Vec<Case> {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/wire");
    let mut files: Vec<PathBuf> = [suite.clone(), suite.join("generated")]
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("the suite is in the repository"))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.sort();
    files.iter().flat_map(|file| cases_of(file)).collect()
}

fn cases_of(file: &Path) -> Vec<Case> {
    let text = fs::read_to_string(file).expect("a readable file");
    let numbered = text.lines().enumerate();
    numbered
        .map(|(index, line)| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{}:{}: {error}", file.display(), index + 1))
        })
        .collect()
}
