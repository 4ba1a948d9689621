//! Organisation and bucket of InfluxDB 2: found, or created. influxdb2 can panic on an answer it does not know, so each of its
//! calls runs in a task of its own.

use std::time::Duration;

use influxdb2::api::buckets::ListBucketsRequest;
use influxdb2::api::organization::ListOrganizationRequest;
use influxdb2::models::health::Status;
use influxdb2::models::retention_rule::Type;
use influxdb2::models::{PostBucketRequest, RetentionRule};
use influxdb2::{Client, ClientBuilder, RequestError};

use crate::cli::Failure;
use crate::cli::setup::{Done, plain, refused, unavailable};
use crate::config::{Influx, InfluxAuth};

/// Sees to it that `org` has `bucket`. A bucket that is there keeps its retention.
pub(super) async fn ensure(
    influx: &Influx,
    org: &str,
    bucket: &str,
    retention: Option<Duration>,
) -> Result<Done, Failure> {
    let rules = rules(retention)?;
    let client = client(influx, org)?;
    healthy(influx, &client).await?;
    let (org_id, org_done) = match find_org(influx, &client, org).await? {
        Some(id) => (id, "found"),
        None => {
            plain::create_org(influx, org).await?;
            let id = find_org(influx, &client, org).await?;
            let missing = || {
                unavailable(
                    influx,
                    format!("organisation {org} was created and is not there"),
                )
            };
            (id.ok_or_else(missing)?, "created")
        }
    };
    let kept = match retention {
        _ if has_bucket(influx, &client, &org_id, bucket).await? => "found",
        retention => {
            let request = PostBucketRequest {
                retention_rules: rules,
                ..PostBucketRequest::new(org_id, bucket.to_owned())
            };
            let work = client.clone();
            call(influx, "create the bucket", async move {
                work.create_bucket(Some(request)).await
            })
            .await?;
            match retention {
                Some(_) => "created with that retention",
                None => "created, data is kept for ever",
            }
        }
    };
    Ok(format!(
        "organisation {org} {org_done}, bucket {bucket} {kept}"
    ))
}

/// The retention as InfluxDB wants it.
fn rules(retention: Option<Duration>) -> Result<Vec<RetentionRule>, Failure> {
    let Some(retention) = retention else {
        return Ok(Vec::new());
    };
    let seconds = i32::try_from(retention.as_secs())
        .map_err(|_| refused("--retention is longer than the 68 years that can be asked for: leave it out to keep data for ever"))?;
    Ok(vec![RetentionRule::new(Type::Expire, seconds)])
}

fn client(influx: &Influx, org: &str) -> Result<Client, Failure> {
    if !matches!(influx.url.path(), "" | "/") {
        return Err(refused(format!(
            "setup cannot keep the path of {}; run it against the server itself, without the proxy",
            influx.url
        )));
    }
    if influx.url.scheme() == "https" && !cfg!(feature = "setup-https") {
        return Err(refused(
            "setup over https needs a build with the feature setup-https (cargo build --features setup-https), or run it \
             against http:// on the server's own host; every other command speaks https",
        ));
    }
    let token = match &influx.auth {
        InfluxAuth::Token(token) => token
            .read()
            .map_err(|error| refused(format!("the token cannot be read: {error}")))?,
        InfluxAuth::None => String::new(),
        InfluxAuth::Basic { .. } => {
            return Err(refused(
                "setup of InfluxDB 2 needs a token, not user and password",
            ));
        }
    };
    // It panics on a URL without a host, which the configuration's check has refused.
    ClientBuilder::new(influx.url.as_str(), org, token)
        .build()
        .map_err(|error| unavailable(influx, error))
}

async fn healthy(influx: &Influx, client: &Client) -> Result<(), Failure> {
    let work = client.clone();
    let health = call(
        influx,
        "ask for its health",
        async move { work.health().await },
    )
    .await?;
    match health.status {
        Status::Pass => Ok(()),
        Status::Fail => Err(unavailable(
            influx,
            format!(
                "it says that it is not healthy: {}",
                health.message.unwrap_or_default()
            ),
        )),
    }
}

async fn find_org(influx: &Influx, client: &Client, org: &str) -> Result<Option<String>, Failure> {
    let request = ListOrganizationRequest {
        org: Some(org.to_owned()),
        ..ListOrganizationRequest::default()
    };
    let work = client.clone();
    let listed = attempt(async move { work.list_organizations(request).await }).await;
    match listed {
        // That is how it says that there is none of this name.
        Err(Trouble::Answered(RequestError::Http { status, .. })) if status.as_u16() == 404 => {
            Ok(None)
        }
        Err(trouble) => Err(trouble.failure(influx, "look for the organisation")),
        Ok(listed) => {
            let found = listed.orgs.into_iter().find(|found| found.name == org);
            Ok(found.and_then(|found| found.id))
        }
    }
}

async fn has_bucket(
    influx: &Influx,
    client: &Client,
    org_id: &str,
    bucket: &str,
) -> Result<bool, Failure> {
    let request = ListBucketsRequest {
        name: Some(bucket.to_owned()),
        org_id: Some(org_id.to_owned()),
        ..ListBucketsRequest::default()
    };
    let work = client.clone();
    let listed = attempt(async move { work.list_buckets(Some(request)).await }).await;
    match listed {
        Err(Trouble::Answered(RequestError::Http { status, .. })) if status.as_u16() == 404 => {
            Ok(false)
        }
        Err(trouble) => Err(trouble.failure(influx, "look for the bucket")),
        Ok(listed) => Ok(listed.buckets.iter().any(|found| found.name == bucket)),
    }
}

/// Why a call of influxdb2 gave nothing.
enum Trouble {
    Answered(RequestError),
    Panicked,
}

impl Trouble {
    fn failure(self, influx: &Influx, what: &str) -> Failure {
        match self {
            Self::Answered(RequestError::Http { status, text }) => {
                let hint = match status.as_u16() {
                    401 => "; is the token right?",
                    403 => "; may the token do this?",
                    _ => "",
                };
                unavailable(
                    influx,
                    format!("cannot {what}: {status} {}{hint}", text.trim()),
                )
            }
            Self::Answered(error) => unavailable(influx, format!("cannot {what}: {error}")),
            Self::Panicked => unavailable(
                influx,
                format!("cannot {what}: the answer is not that of an InfluxDB 2"),
            ),
        }
    }
}

async fn attempt<T: Send + 'static>(
    work: impl Future<Output = Result<T, RequestError>> + Send + 'static,
) -> Result<T, Trouble> {
    match tokio::spawn(work).await {
        Ok(answer) => answer.map_err(Trouble::Answered),
        Err(_) => Err(Trouble::Panicked),
    }
}

async fn call<T: Send + 'static>(
    influx: &Influx,
    what: &str,
    work: impl Future<Output = Result<T, RequestError>> + Send + 'static,
) -> Result<T, Failure> {
    attempt(work)
        .await
        .map_err(|trouble| trouble.failure(influx, what))
}
