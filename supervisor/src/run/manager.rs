//! What the loop does comes in, what our own service manager (systemd) is told of it goes out, from a task beside the loop. It wants signs of
//! life where the loop comes to each wake; that is asked of the loop itself, through its mailbox.

use std::time::Duration;

use flightline_link::notify::{Manager, Said};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{debug, error};

use crate::event::Wake;

/// What waits to be told; of more the newest is lost. A manager that does not read for so long has other troubles.
const WAITING: usize = 64;

/// The loop's way to the manager: says nothing to anybody where there is none.
#[derive(Debug)]
pub(super) struct Voice {
    sender: Option<mpsc::Sender<Said>>,
    /// The last status.
    shown: String,
}

impl Voice {
    /// To the manager that the environment names, if it names one. To be called within the runtime.
    pub(super) fn start(wakes: mpsc::Sender<Wake>) -> Self {
        match Manager::of_environment() {
            Ok(Some(manager)) => {
                let (sender, said) = mpsc::channel(WAITING);
                tokio::spawn(tell(manager, said, wakes));
                Self::over(Some(sender))
            }
            Ok(None) => Self::over(None),
            Err(error) => {
                error!("the service manager of NOTIFY_SOCKET cannot be told anything: {error}");
                Self::over(None)
            }
        }
    }

    fn over(sender: Option<mpsc::Sender<Said>>) -> Self {
        Self {
            sender,
            shown: String::new(),
        }
    }

    /// Whether anybody listens.
    pub(super) fn is_heard(&self) -> bool {
        self.sender.is_some()
    }

    /// Shows how things stand, if it is news and few words wait: half of the room is for those that a manager acts upon. What is
    /// not shown is news at the next wake. Never waits.
    pub(super) fn show(&mut self, status: String) {
        let sender = self.sender.as_ref();
        let is_idle = sender.is_some_and(|sender| sender.capacity() > WAITING / 2);
        if is_idle && status != self.shown {
            self.shown.clone_from(&status);
            self.say(Said::Status(status));
        }
    }

    /// Never waits.
    pub(super) fn say(&self, said: Said) {
        if let Some(sender) = &self.sender
            && let Err(lost) = sender.try_send(said)
        {
            debug!("the service manager was not told: {lost}");
        }
    }
}

async fn tell(manager: Manager, mut said: mpsc::Receiver<Said>, wakes: mpsc::Sender<Wake>) {
    // Half of what it wants, as its manual has it.
    let beat = manager.watchdog().map(|watchdog| watchdog / 2);
    let beats = async {
        let Some(beat) = beat else {
            return std::future::pending().await;
        };
        let mut beats = interval(beat);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beats.tick().await;
            if turns(&wakes, beat).await {
                deliver(&manager, Said::Alive).await;
            }
        }
    };
    let words = async {
        while let Some(one) = said.recv().await {
            deliver(&manager, one).await;
        }
    };
    tokio::select! {
        () = words => {}
        () = beats => {}
    }
}

async fn deliver(manager: &Manager, said: Said) {
    if let Err(error) = manager.tell(&[said]).await {
        debug!("the service manager does not listen: {error}");
    }
}

/// Whether the loop comes to a wake within `limit`.
async fn turns(wakes: &mpsc::Sender<Wake>, limit: Duration) -> bool {
    let (reply, answer) = oneshot::channel();
    let asked = async {
        wakes.send(Wake::Turn { reply }).await.ok()?;
        answer.await.ok()
    };
    timeout(limit, asked)
        .await
        .is_ok_and(|answer| answer.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_does_not_come_to_its_mail_is_not_alive() {
        let (wakes, mut mailbox) = mpsc::channel(1);
        let limit = Duration::from_secs(1);
        assert!(!turns(&wakes, limit).await);
        // A full mailbox is no other case.
        assert!(!turns(&wakes, limit).await);
        mailbox.recv().await.unwrap();
        let answering = tokio::spawn(async move {
            while let Some(wake) = mailbox.recv().await {
                if let Wake::Turn { reply } = wake {
                    // Who asked may have gone.
                    reply.send(()).ok();
                }
            }
        });
        assert!(turns(&wakes, limit).await);
        drop(wakes);
        answering.await.unwrap();
    }

    #[test]
    fn what_a_manager_acts_upon_has_room_behind_any_number_of_statuses() {
        let (sender, mut said) = mpsc::channel(WAITING);
        let mut voice = Voice::over(Some(sender));
        for number in 0..2 * WAITING {
            voice.show(number.to_string());
        }
        voice.say(Said::Ready);
        let waiting: Vec<_> = std::iter::from_fn(|| said.try_recv().ok()).collect();
        assert_eq!(waiting.last(), Some(&Said::Ready));
        // What could not be shown is still news.
        voice.show((2 * WAITING - 1).to_string());
        assert!(said.try_recv().is_ok());
    }

    #[tokio::test]
    async fn where_there_is_no_manager_nothing_is_said() {
        let voice = Voice::over(None);
        voice.say(Said::Ready);
        assert!(!voice.is_heard());
    }
}
