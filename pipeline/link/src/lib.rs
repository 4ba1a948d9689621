//! Connections as both the pipeline and the supervisor make them: who we are, how it is protected, what is never logged.

/// The words of an error, with its causes.
pub mod chain;
/// Which failures of many are worth a line.
pub mod trouble;
/// A secret that is read when it is needed.
pub mod secret;
/// Certificates and the client's part of TLS.
pub mod tls;
/// One question over HTTP to a program of this machine.
pub mod exchange;
/// What a process tells the service manager that started it.
pub mod notify;
/// NATS: servers, login, options.
pub mod nats;
