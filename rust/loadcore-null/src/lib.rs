//! A bare epoll server: one thread, answers made beforehand, nothing else. What is measured against it is the client.
//!
//! [`NullTarget`] gives each path that begins with a number the answer of that number. The benches' server shares its
//! connections and its reader of requests, and makes its answers itself.

mod connection;
mod request;
mod server;

pub use connection::{Connection, Fate};
pub use request::{Request, first};
pub use server::{NullTarget, listen};
