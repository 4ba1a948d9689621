//! The control socket: HTTP/1.1 over a unix socket in, commands to the loop out.

/// What the loop can be asked, and what it answers.
pub mod command;
