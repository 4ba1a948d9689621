//! Signals come in, wakes go out.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::event::{Received, SignalEvent, Wake};

/// The handlers, in place from the moment this is made.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hangup: Signal,
    user1: Signal,
    user2: Signal,
}

impl Signals {
    /// Installs the handlers. Must be called within the runtime.
    ///
    /// # Errors
    /// When the system refuses one.
    pub fn install() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
        })
    }

    /// Hands them on until nobody listens.
    pub async fn forward(mut self, wakes: mpsc::Sender<Wake>) {
        loop {
            let received = tokio::select! {
                _ = self.terminate.recv() => Received::Terminate,
                _ = self.interrupt.recv() => Received::Terminate,
                // Without a handler it would leave the jobs behind.
                _ = self.quit.recv() => Received::Terminate,
                _ = self.hangup.recv() => Received::Event(SignalEvent::Hangup),
                _ = self.user1.recv() => Received::Reopen,
                _ = self.user2.recv() => Received::Event(SignalEvent::User2),
            };
            if wakes.send(Wake::Signal(received)).await.is_err() {
                return;
            }
        }
    }
}
