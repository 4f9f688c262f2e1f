//! A bare epoll server: one thread, answers made beforehand, nothing else. What is measured against it is the client.
//!
//! [`NullTarget`] gives each path that begins with a number the answer of that number. The benches' server shares its
//! [`Connections`], and makes its answers itself.

mod connection;
mod connections;
mod request;
mod server;

pub use connections::{Asker, Connections, Reply};
pub use server::{NullTarget, listen};
