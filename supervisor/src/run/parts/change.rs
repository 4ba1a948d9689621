//! A new configuration in place of the present one, and the end: nothing here waits but the last words.

use tokio::net::TcpListener;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::opened::{Opened, Opener};
use super::{FAREWELL, Parts, Refresh, Registrations, Telemetry, shared};
use crate::config::Config;
use crate::consul::registrar::Registrar;
use crate::event::WithdrawalId;
use crate::run::prepare::Prepared;
use crate::telemetry::server::{self, Pages};

impl Parts {
    /// What opens the rest of a new configuration, beside the loop.
    pub fn opener(&self) -> Opener {
        let next = self.next.as_ref().map(|next| &*next.prepared.config);
        Opener::besides(self.shared.clone(), &self.config, next)
    }

    /// Whether a configuration needs something to be open that neither it nor anything else has opened: what was open when it was read
    /// may have gone since.
    pub fn lacks(&self, opened: &Opened) -> bool {
        let Opened {
            prepared,
            listener,
            server,
        } = opened;
        let has = |is: &dyn Fn(&Config) -> bool| {
            let next = self.next.as_ref().map(|next| &*next.prepared.config);
            is(&self.config) || next.is_some_and(is)
        };
        let address =
            |config: &Config| config.telemetry.as_ref().map(|telemetry| telemetry.address);
        let wanted = address(&prepared.config);
        let unheard =
            wanted.is_some() && listener.is_none() && !has(&|config| address(config) == wanted);
        let socket = &prepared.config.control;
        unheard || (server.is_none() && !has(&|config| config.control == *socket))
    }

    /// A configuration was accepted; it is taken with [`Parts::install`]. What waited to be taken never is, but for what it has opened.
    pub fn expect(&mut self, mut opened: Opened) {
        if let Some(former) = self.next.take() {
            opened.inherit(former);
        }
        self.next = Some(opened);
    }

    /// Takes what was accepted last.
    pub fn install(&mut self) -> Registrations {
        let Some(opened) = self.next.take() else {
            return Registrations::Stand;
        };
        let Opened {
            prepared,
            listener,
            server,
        } = opened;
        let Prepared { config, client, .. } = prepared;
        let before = std::mem::replace(&mut self.config, config);
        if before.logging != self.config.logging
            && let Err(error) = self.log.change(&self.config.logging)
        {
            error!("the log stays as it is: {error}");
        }
        let registrations = if before.consul == self.config.consul {
            self.watch(Refresh::Changed);
            Registrations::Stand
        } else {
            self.client = client;
            self.change_consul(&before);
            self.watch(Refresh::All);
            Registrations::Renew
        };
        self.change_telemetry(listener);
        let (old, new) = (self.own_service(&before), self.own_service(&self.config));
        if registrations == Registrations::Renew || old != new {
            // Under its one id it is the same service at another place; without telemetry it is none.
            if let (Some(old), None) = (old, new) {
                self.registrar.withdraw(&old, WithdrawalId::UNAWAITED);
            }
            self.beat();
        }
        self.publish_from(before.nats.as_ref());
        match server {
            // Clients of ContainerPilot count these lines: one for each configuration.
            None => self.control.announce(),
            Some(server) => {
                let old = std::mem::replace(&mut self.control, server);
                self.tasks.spawn(old.stop());
            }
        }
        registrations
    }

    /// Another Consul is told that nothing is here any more. At the same one the services stay: they are told of anew by who comes, and
    /// nobody sees them go.
    fn change_consul(&mut self, before: &Config) {
        self.shared
            .metrics
            .notes_skipped(self.registrar.notes_skipped());
        self.shared.metrics.registrar_restarted();
        let next = Registrar::start(self.client.clone(), self.wakes.clone());
        let old = std::mem::replace(&mut self.registrar, next);
        let address = |config: &Config| config.consul.as_ref().map(|consul| consul.address.clone());
        if address(before) != address(&self.config) {
            let services = before.jobs.iter().filter_map(|job| job.service.as_ref());
            services.for_each(|service| old.withdraw(service, WithdrawalId::UNAWAITED));
            if let Some(own) = self.own_service(before) {
                old.withdraw(&own, WithdrawalId::UNAWAITED);
            }
        }
        self.tasks.spawn(old.finish(FAREWELL));
    }

    /// Serves what is declared on `listener`, if that is another than before.
    pub(super) fn change_telemetry(&mut self, listener: Option<TcpListener>) {
        let wanted = self.config.telemetry.as_ref();
        let metrics = wanted.map_or(&[][..], |telemetry| &telemetry.metrics);
        if let Err(error) = self.shared.metrics.declare(metrics) {
            error!("{error}");
        }
        let address = wanted.map(|telemetry| telemetry.address);
        if self.telemetry.as_ref().map(|running| running.address) == address {
            return;
        }
        if let Some(old) = self.telemetry.take() {
            old.stop.cancel();
        }
        let (Some(address), Some(listener)) = (address, listener) else {
            return;
        };
        let stop = CancellationToken::new();
        let pages = Pages {
            metrics: self.shared.metrics.clone(),
            status: self.status.subscribe(),
        };
        self.tasks
            .spawn(server::serve(listener, pages, stop.clone()));
        self.telemetry = Some(Telemetry { address, stop });
    }

    /// Says the last words to everybody, and closes by `deadline`.
    pub async fn close(mut self, deadline: Instant) {
        self.beat = None;
        self.watches.clear();
        if let Some(telemetry) = self.telemetry.take() {
            telemetry.stop.cancel();
        }
        let publisher = self.shared.outlet().take();
        let publishing = async {
            if let Some(publisher) = publisher {
                shared::say_left(publisher.drain(deadline).await);
            }
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let (_, control, _) = tokio::join!(
            publishing,
            timeout_at(deadline, self.control.stop()),
            self.registrar.finish(left)
        );
        self.tasks.close();
        if control.is_err() || timeout_at(deadline, self.tasks.wait()).await.is_err() {
            warn!("something did not close in time");
        }
    }
}
