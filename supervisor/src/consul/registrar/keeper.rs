//! The newest wish for one service comes in, calls to Consul go out, one at a time: register, then update; again after a failure, as
//! long as it is worth something; and never longer than a withdrawal can wait.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::desk::{Desk, Pending, Wish};
use super::{CheckStatus, Report, answer};
use crate::config::Service;
use crate::consul::client::Client;
use crate::consul::error::{CallError, Remedy};
use crate::consul::trouble::Trouble;
use crate::event::{Wake, WithdrawalId};

/// No call takes longer, however long the TTL.
const CALL_LONGEST: Duration = Duration::from_secs(5);
/// No call is given less, however short the TTL.
const CALL_SHORTEST: Duration = Duration::from_millis(500);
/// A call under way when its service is withdrawn may so long come to its end, so that Consul hears both in their order.
pub const GRACE: Duration = Duration::from_millis(700);
/// For the withdrawal itself: together with [`GRACE`] well within [`super::WITHDRAW_LIMIT`].
const DEREGISTER_LIMIT: Duration = Duration::from_secs(1);
/// Between a failure and the next try, at first; doubled each time.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const PAUSE_LONGEST: Duration = Duration::from_secs(5);
/// The pause after a refusal: somebody has to do something first.
const PAUSE_REFUSED: Duration = Duration::from_secs(30);
/// A withdrawal that Consul did not hear is tried so often more; who has no agent for minutes will hardly get the same one back.
const DEREGISTER_TRIES: u32 = 60;

/// What Consul has of the service, as far as is known.
#[derive(Debug)]
enum Standing {
    /// Nothing, and nothing was wanted yet.
    Absent,
    /// Nothing, though it was announced or has passed: whatever is known next registers it.
    Missing,
    /// This.
    Registered(Arc<Service>),
}

/// Whether a call may still be heard that was given up: one that waits in a socket of an agent that stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Echo {
    None,
    Possible,
}

/// What is tried again.
#[derive(Debug)]
enum Work {
    Wish(Wish),
    Deregister { tries: u32 },
}

#[derive(Debug)]
struct Again {
    work: Work,
    at: Instant,
    pause: Duration,
}

/// One service's task.
#[derive(Debug)]
pub struct Keeper {
    id: Arc<str>,
    client: Client,
    wakes: mpsc::Sender<Wake>,
    standing: Standing,
    echo: Echo,
    again: Option<Again>,
    trouble: Trouble,
}

impl Keeper {
    /// For the service `id`.
    pub fn new(id: Arc<str>, client: Client, wakes: mpsc::Sender<Wake>) -> Self {
        Self {
            id,
            client,
            wakes,
            standing: Standing::Absent,
            echo: Echo::None,
            again: None,
            trouble: Trouble::default(),
        }
    }

    /// Works until it is closing or `leave` says that the desk is gone, which it is asked when the service is gone from Consul.
    pub async fn run(
        mut self,
        desk: &Desk,
        closing: &CancellationToken,
        leave: impl Fn(&Desk) -> bool,
    ) {
        loop {
            let due = self.again.as_ref().map(|again| again.at);
            let retry = async {
                match due {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // What is new comes before what is tried again, and before the end.
                biased;
                () = desk.filled() => {
                    let Pending { withdrawal, wish } = desk.clear();
                    self.again = None;
                    if let Some(withdrawal) = withdrawal {
                        self.withdraw(withdrawal).await;
                    }
                    if let Some(wish) = wish && !closing.is_cancelled() {
                        self.work(desk, Work::Wish(wish), PAUSE).await;
                    }
                }
                () = closing.cancelled() => return,
                () = retry => if let Some(Again { work, pause, .. }) = self.again.take() {
                    self.work(desk, work, pause).await;
                }
            }
            let is_gone = matches!(self.standing, Standing::Absent) && self.again.is_none();
            if is_gone && leave(desk) {
                return;
            }
        }
    }

    /// Deregisters, and answers whatever came of it.
    async fn withdraw(&mut self, withdrawal: WithdrawalId) {
        self.standing = Standing::Absent;
        self.trouble = Trouble::default();
        let echo = std::mem::replace(&mut self.echo, Echo::None);
        // A registration that is heard after the withdrawal would stay for ever.
        if self.deregister(0).await.is_continue() || echo == Echo::Possible {
            self.try_again(Work::Deregister { tries: 1 }, PAUSE_LONGEST);
        }
        answer(&self.wakes, Arc::clone(&self.id), withdrawal).await;
    }

    async fn deregister(&self, tries: u32) -> ControlFlow<()> {
        let id = &self.id;
        match self.client.deregister(id, DEREGISTER_LIMIT).await {
            Ok(()) => info!("service {id} is deregistered from Consul"),
            Err(error) => match error.remedy() {
                Remedy::Register => debug!("Consul had no service {id} to deregister"),
                Remedy::Correct => info!("service {id} is not deregistered: Consul {error}"),
                Remedy::Retry => {
                    if tries == 0 {
                        info!("service {id} is not deregistered yet: Consul {error}");
                    }
                    return ControlFlow::Continue(());
                }
            },
        }
        ControlFlow::Break(())
    }

    /// One try, given up shortly after a withdrawal.
    async fn work(&mut self, desk: &Desk, work: Work, pause: Duration) {
        let withdrawal = async {
            desk.withdrawal().await;
            sleep(GRACE).await;
        };
        tokio::select! {
            biased;
            () = self.once(work, pause) => {}
            () = withdrawal => self.echo = Echo::Possible,
        }
    }

    async fn once(&mut self, work: Work, pause: Duration) {
        let id = Arc::clone(&self.id);
        let wish = match work {
            Work::Deregister { tries } => {
                if self.deregister(tries).await.is_continue() && tries < DEREGISTER_TRIES {
                    self.try_again(Work::Deregister { tries: tries + 1 }, PAUSE_LONGEST);
                }
                return;
            }
            Work::Wish(wish) => wish,
        };
        let Err(error) = self.fulfil(&wish).await else {
            self.echo = Echo::None;
            self.trouble
                .settle(format_args!("Consul takes service {id} again"));
            return;
        };
        if matches!(error, CallError::Late(_)) {
            self.echo = Echo::Possible;
        }
        self.trouble
            .tell(format_args!("service {id} is not up to date"), &error);
        match error.remedy() {
            Remedy::Retry => self.try_again(Work::Wish(wish), pause),
            Remedy::Register | Remedy::Correct => self.try_again(Work::Wish(wish), PAUSE_REFUSED),
        }
    }

    /// Later, if it will still be worth something then.
    fn try_again(&mut self, work: Work, pause: Duration) {
        let at = Instant::now() + pause;
        if let Work::Wish(Wish::Report {
            service, at: known, ..
        }) = &work
            && at > *known + worth(service)
        {
            return;
        }
        self.again = Some(Again {
            work,
            at,
            pause: (pause * 2).min(PAUSE_LONGEST),
        });
    }

    async fn fulfil(&mut self, wish: &Wish) -> Result<(), CallError> {
        match wish {
            Wish::Announce(service) if self.has(service) => Ok(()),
            Wish::Announce(service) => {
                let status = service.initial_status.map(CheckStatus::from);
                self.register(service, status).await
            }
            Wish::Report {
                service, report, ..
            } => self.report(service, report).await,
        }
    }

    async fn report(&mut self, service: &Arc<Service>, report: &Report) -> Result<(), CallError> {
        let wanted = match (report.status, &self.standing) {
            (CheckStatus::Passing, _) | (_, Standing::Missing) => !self.has(service),
            // It need not be registered to say that it is not well.
            (CheckStatus::Warning | CheckStatus::Critical, Standing::Absent) => return Ok(()),
            // Its new shape, if it has one, is for its first pass.
            (CheckStatus::Warning | CheckStatus::Critical, Standing::Registered(_)) => false,
        };
        if wanted {
            self.register(service, Some(report.status)).await?;
        }
        match self.update(service, report).await {
            Err(CallError::Unknown(said)) => {
                info!(
                    "Consul has forgotten service {} and is told again: {said}",
                    self.id
                );
                self.register(service, Some(report.status)).await?;
                self.update(service, report).await
            }
            other => other,
        }
    }

    async fn register(
        &mut self,
        service: &Arc<Service>,
        status: Option<CheckStatus>,
    ) -> Result<(), CallError> {
        // It is not known any more what Consul has, until it has answered.
        self.standing = Standing::Missing;
        self.client
            .register(service, status, limit(service))
            .await?;
        info!("service {} is registered in Consul", self.id);
        self.standing = Standing::Registered(Arc::clone(service));
        Ok(())
    }

    async fn update(&self, service: &Service, report: &Report) -> Result<(), CallError> {
        let Report { status, output } = report;
        let limit = limit(service);
        self.client.update(&self.id, *status, output, limit).await
    }

    fn has(&self, service: &Service) -> bool {
        matches!(&self.standing, Standing::Registered(known) if **known == *service)
    }
}

/// How long one call may take: a second one must still be in time for the TTL.
fn limit(service: &Service) -> Duration {
    (service.ttl / 2).clamp(CALL_SHORTEST, CALL_LONGEST)
}

/// How long a result may be told late: Consul believes it for a TTL from then on.
fn worth(service: &Service) -> Duration {
    service.ttl / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_withdrawal_is_answered_in_time_even_if_a_call_hangs() {
        assert!(GRACE + DEREGISTER_LIMIT < super::super::WITHDRAW_LIMIT);
    }
}
