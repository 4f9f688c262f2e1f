//! Any bytes against the response decoder.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| loadcore_core_fuzz::check(input));
