//! HTTP/1.1: requests written ([`encode`]), responses read ([`Decoder`]), and both over a connection ([`Exchange`]).
//!
//! Whatever loadcore knows of the bytes of HTTP/1.1 is in here. The codec knows no socket and no clock.

mod decode;
pub(crate) mod encode;
mod excerpt;
mod exchange;

pub use decode::{Decoder, Progress, SeenHeads};
pub(crate) use exchange::Exchange;
