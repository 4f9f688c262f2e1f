//! Writes a corpus from the wire suite into the folder that is given: each case that is not long, under both limits.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use loadcore_core_fuzz::{HEAD, SMALL_LIMITS};
use serde::Deserialize;
use serde_json::Value;

/// Longer cases teach a fuzzer little.
const LONGEST: usize = 2_000;

/// What a seed needs of a case.
#[derive(Deserialize)]
struct Case {
    id: String,
    #[serde(default)]
    request: String,
    response: Value,
}

fn main() -> Result<(), Box<dyn Error>> {
    let corpus = PathBuf::from(env::args().nth(1).ok_or("usage: seed FOLDER")?);
    fs::create_dir_all(&corpus)?;
    let suite = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../tests/wire");
    for folder in [suite.clone(), suite.join("generated")] {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "jsonl") {
                for line in fs::read_to_string(path)?.lines() {
                    write_seeds(&corpus, &serde_json::from_str(line)?)?;
                }
            }
        }
    }
    Ok(())
}

fn write_seeds(corpus: &std::path::Path, case: &Case) -> Result<(), Box<dyn Error>> {
    // A list is a long case in its own notation.
    let Value::String(text) = &case.response else { return Ok(()) };
    let response = text.chars().map(|character| u8::try_from(u32::from(character))).collect::<Result<Vec<u8>, _>>()?;
    if response.len() > LONGEST {
        return Ok(());
    }
    let request = if case.request == "HEAD" { HEAD } else { 0 };
    for (name, options) in [("default", request), ("small", request | SMALL_LIMITS)] {
        // Cut in the middle.
        let cut = u8::try_from(response.len() / 2).unwrap_or(u8::MAX);
        fs::write(corpus.join(format!("{}-{name}", case.id)), [&[options, cut], &response[..]].concat())?;
    }
    Ok(())
}
