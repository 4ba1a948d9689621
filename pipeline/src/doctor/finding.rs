//! What is found, how bad it is, whose it is to mend; and the exit code of all findings together.

use crate::cli::Exit;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Good to know.
    Note,
    /// A promise is weaker than it could be, or will not hold much longer.
    Warning,
    /// A promise does not hold, or nothing works at all.
    Error,
}

impl Severity {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Who is to mend it: the exit code tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A setting, here or on a server: 78.
    Settings,
    /// A service that is away or ill: 69.
    Service,
}

/// Whether warnings count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// Only errors do: advice does not stop a start script.
    Errors,
    /// Warnings do, too.
    Warnings,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What was found, for programs: these words do not change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// As it is written.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

codes! {
    /// No answer in time.
    Unanswered = "unanswered",
    /// Messages are not acknowledged at all.
    AtMostOnce = "at_most_once",
    /// Messages come again while they are being stored.
    AckWaitShort = "ack_wait_short",
    /// The server stops delivering before the sinks are busy.
    AckPendingSmall = "ack_pending_small",
    /// Somebody else listens where a worker would.
    PortTaken = "port_taken",
    /// A worker runs here.
    WorkerRuns = "worker_runs",
    /// A folder cannot be written to.
    FolderUnwritable = "folder_unwritable",
    /// The disk is nearly full.
    DiskFull = "disk_full",
    /// Too few files may be open.
    OpenFiles = "open_files",
    /// A certificate ends soon, or has ended.
    CertificateEnds = "certificate_ends",
    /// No NATS server takes us.
    NatsUnreachable = "nats_unreachable",
    /// The server stores nothing.
    JetStreamMissing = "jetstream_missing",
    /// Whether it stores anything cannot be seen.
    JetStreamUnseen = "jetstream_unseen",
    /// The server has defects that lose data, or lacks what is configured.
    ServerOld = "server_old",
    /// The server that answers.
    Server = "server",
    /// Two clocks disagree.
    ClockSkew = "clock_skew",
    /// Messages of usual size are refused.
    MaxPayload = "max_payload",
    /// A power failure loses acknowledged messages.
    SyncInterval = "sync_interval",
    /// Whether it does cannot be seen.
    SyncUnseen = "sync_unseen",
    /// Two replicas outlive the loss of none.
    ReplicasEven = "replicas_even",
    /// The stream is lost with the server's process.
    StorageMemory = "storage_memory",
    /// The stream will be created.
    StreamAbsent = "stream_absent",
    /// The stream as it stands.
    Stream = "stream",
    /// What an outage leaves behind is removed before it is read.
    RetentionShort = "retention_short",
    /// A full stream throws its oldest messages away.
    DiscardOld = "discard_old",
    /// Without a consumer nothing is kept.
    InterestRetention = "interest_retention",
    /// A work queue takes no ack-all.
    WorkQueueAckAll = "work_queue_ack_all",
    /// The stream cannot be divided safely.
    LanesUnsafe = "lanes_unsafe",
    /// A publisher's second try is stored twice.
    DuplicateWindow = "duplicate_window",
    /// What is read is not in the stream.
    SubjectsUncaptured = "subjects_uncaptured",
    /// What is read is in another stream.
    SubjectsElsewhere = "subjects_elsewhere",
    /// The consumer will be created.
    ConsumerAbsent = "consumer_absent",
    /// The consumer as it stands.
    Consumer = "consumer",
    /// It is no pull consumer.
    ConsumerPush = "consumer_push",
    /// It acks otherwise than this configuration needs.
    AckPolicy = "ack_policy",
    /// The server gives messages up.
    MaxDeliver = "max_deliver",
    /// It takes a part of the stream.
    ConsumerFilter = "consumer_filter",
    /// The server removes it when it is idle.
    ConsumerIdleLimit = "consumer_idle_limit",
    /// Messages wait and nobody reads them.
    NobodyReads = "nobody_reads",
    /// The sinks cannot follow.
    AckPendingFull = "ack_pending_full",
    /// The dead-letter stream will be created.
    LettersAbsent = "letters_absent",
    /// Dead letters wait.
    LettersWait = "letters_wait",
    /// Dead letters do not live long.
    LettersShort = "letters_short",
    /// Dead letters are not captured.
    LettersUncaptured = "letters_uncaptured",
    /// The store does not answer.
    SinkUnreachable = "sink_unreachable",
    /// It answers, and cannot store.
    SinkFailing = "sink_failing",
    /// It does not let us write.
    SinkRefused = "sink_refused",
    /// Its database or bucket is missing.
    SinkMissing = "sink_missing",
    /// It cannot be written to as configured.
    SinkMisconfigured = "sink_misconfigured",
    /// It is slow.
    SinkSlow = "sink_slow",
    /// The store that answers.
    Sink = "sink",
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What, for programs.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// Whose to mend.
    pub cause: Cause,
    /// Of what: `stream TELEMETRY`.
    pub about: String,
    /// What was seen.
    pub found: String,
    /// What it means for the promises.
    pub means: String,
    /// What to do: a key or a command.
    pub cure: String,
}

impl Finding {
    fn new(code: Code, severity: Severity, about: &str) -> Self {
        Self {
            code,
            severity,
            cause: Cause::Service,
            about: about.to_owned(),
            found: String::new(),
            means: String::new(),
            cure: String::new(),
        }
    }

    /// As it should be.
    pub(crate) fn ok(code: Code, about: &str) -> Self {
        Self::new(code, Severity::Ok, about)
    }

    /// Good to know.
    pub(crate) fn note(code: Code, about: &str) -> Self {
        Self::new(code, Severity::Note, about)
    }

    /// Weaker than it could be.
    pub(crate) fn warning(code: Code, about: &str) -> Self {
        Self::new(code, Severity::Warning, about)
    }

    /// Broken.
    pub(crate) fn error(code: Code, about: &str) -> Self {
        Self::new(code, Severity::Error, about)
    }

    pub(crate) fn found(mut self, found: impl Into<String>) -> Self {
        self.found = found.into();
        self
    }

    pub(crate) fn means(mut self, means: impl Into<String>) -> Self {
        self.means = means.into();
        self
    }

    pub(crate) fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = cure.into();
        self
    }

    /// A setting is to be changed.
    pub(crate) fn by_settings(mut self) -> Self {
        self.cause = Cause::Settings;
        self
    }
}

/// Everything that was found, in the order of the looks.
#[derive(Debug, Clone)]
pub struct Report {
    /// See [`Finding`].
    pub findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn of(findings: Vec<Finding>) -> Self {
        Self { findings }
    }

    /// The worst of them.
    pub fn severity(&self) -> Severity {
        let all = self.findings.iter().map(|finding| finding.severity);
        all.max().unwrap_or(Severity::Ok)
    }

    /// 0 while nothing that counts was found; 78 when a setting is to be changed, which no waiting mends; else 69.
    pub fn exit(&self, strictness: Strictness) -> Exit {
        let least = match strictness {
            Strictness::Errors => Severity::Error,
            Strictness::Warnings => Severity::Warning,
        };
        let counts = |cause| {
            let mut all = self.findings.iter();
            all.any(|finding| finding.severity >= least && finding.cause == cause)
        };
        if counts(Cause::Settings) {
            Exit::Config
        } else if counts(Cause::Service) {
            Exit::Unavailable
        } else {
            Exit::Ok
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn exit(findings: &[Finding], strictness: Strictness) -> Exit {
        Report::of(findings.to_vec()).exit(strictness)
    }

    #[test]
    fn the_exit_code_is_by_severity_and_by_who_can_mend_it() {
        let ill = Finding::error(Code::NatsUnreachable, "nats");
        let wrong = Finding::error(Code::AckPolicy, "consumer").by_settings();
        let weak = Finding::warning(Code::ServerOld, "nats");
        let advice = Finding::warning(Code::DiscardOld, "stream").by_settings();
        let note = Finding::note(Code::StreamAbsent, "stream").by_settings();
        use Strictness::{Errors, Warnings};
        let cases: [(&[Finding], Exit, Exit); 6] = [
            (&[], Exit::Ok, Exit::Ok),
            (std::slice::from_ref(&note), Exit::Ok, Exit::Ok),
            (std::slice::from_ref(&weak), Exit::Ok, Exit::Unavailable),
            (&[weak.clone(), advice], Exit::Ok, Exit::Config),
            (
                &[ill.clone(), weak.clone()],
                Exit::Unavailable,
                Exit::Unavailable,
            ),
            (&[ill, wrong], Exit::Config, Exit::Config),
        ];
        for (findings, errors, warnings) in cases {
            assert_eq!(exit(findings, Errors), errors, "{findings:?}");
            assert_eq!(exit(findings, Warnings), warnings, "{findings:?}");
        }
    }

    #[test]
    fn no_two_codes_are_the_same_word() {
        let words: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(words.len(), Code::ALL.len());
    }
}
