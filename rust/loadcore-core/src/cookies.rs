//! stub
#[derive(Debug, Default)]
pub struct Jar;
