//! stub
pub fn append_basic(_: &[u8], _: &mut Vec<u8>) {}
