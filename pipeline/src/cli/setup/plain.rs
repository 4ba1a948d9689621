//! One HTTP request to InfluxDB without TLS, for the two calls that influxdb2 does not have. `https://` is refused in words.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use url::form_urlencoded;

use crate::cli::Failure;
use crate::cli::setup::{Done, refused, unavailable};
use crate::config::{Influx, InfluxAuth};

/// The most of an answer that is read: it is shown to a person.
const ANSWER_LIMIT: usize = 64 << 10;

/// Creates a database of InfluxDB 1; one that is there stays as it is, also in how long it keeps data.
pub(super) async fn create_database(
    influx: &Influx,
    db: &str,
    retention: Option<Duration>,
) -> Result<Done, Failure> {
    let name = db.replace('\\', "\\\\").replace('"', "\\\"");
    let statement = match retention {
        Some(retention) => format!(
            "CREATE DATABASE \"{name}\" WITH DURATION {}s",
            retention.as_secs().max(1)
        ),
        None => format!("CREATE DATABASE \"{name}\""),
    };
    let by_hand = format!("run this on the server instead: {statement}");
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("q", &statement)
        .finish();
    let (status, answer) = post(
        influx,
        "query",
        "application/x-www-form-urlencoded",
        form,
        &by_hand,
    )
    .await?;
    // InfluxDB 1 answers 200 with an `error` inside when a statement fails.
    let error = serde_json::from_str::<serde_json::Value>(&answer)
        .ok()
        .and_then(|answer| {
            Some(
                answer["error"]
                    .as_str()
                    .or(answer["results"][0]["error"].as_str())?
                    .to_owned(),
            )
        });
    match error {
        None if status.is_success() => Ok(format!("database {db} is there")),
        Some(error) => Err(unavailable(influx, format!("database {db}: {error}"))),
        None => Err(unavailable(
            influx,
            format!("database {db}: answer {status}"),
        )),
    }
}

/// Creates an organisation of InfluxDB 2.
pub(super) async fn create_org(influx: &Influx, org: &str) -> Result<(), Failure> {
    let by_hand = format!("create it with the influx command: influx org create --name '{org}'");
    let body = serde_json::json!({ "name": org }).to_string();
    let (status, answer) = post(influx, "api/v2/orgs", "application/json", body, &by_hand).await?;
    if status.is_success() {
        return Ok(());
    }
    let hint = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "; only an operator token may create one"
        }
        _ => "",
    };
    let why = format!(
        "organisation {org} cannot be created: {status} {}{hint}",
        answer.trim()
    );
    Err(unavailable(influx, why))
}

async fn post(
    influx: &Influx,
    path: &str,
    content_type: &str,
    body: String,
    by_hand: &str,
) -> Result<(StatusCode, String), Failure> {
    if influx.url.scheme() != "http" {
        return Err(refused(format!(
            "setup does not do this over https; {by_hand}"
        )));
    }
    let base = influx.url.as_str().trim_end_matches('/');
    let mut request =
        Request::post(format!("{base}/{path}")).header(header::CONTENT_TYPE, content_type);
    if let Some(value) = authorization(influx)? {
        request = request.header(header::AUTHORIZATION, value);
    }
    let request = request
        .body(Full::new(Bytes::from(body)))
        .map_err(|_| refused("the secret has characters that HTTP does not take"))?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client
        .request(request)
        .await
        .map_err(|error| unavailable(influx, causes(&error)))?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER_LIMIT)
        .collect()
        .await
        .map_err(|error| unavailable(influx, error))?;
    Ok((
        status,
        String::from_utf8_lossy(&body.to_bytes()).into_owned(),
    ))
}

fn authorization(influx: &Influx) -> Result<Option<String>, Failure> {
    let read = |secret: &flightline_link::secret::Secret| {
        secret
            .read()
            .map_err(|error| refused(format!("the secret cannot be read: {error}")))
    };
    Ok(match &influx.auth {
        InfluxAuth::None => None,
        InfluxAuth::Basic { user, password } => {
            let pair = format!("{user}:{}", read(password)?);
            Some(format!("Basic {}", STANDARD.encode(pair)))
        }
        InfluxAuth::Token(token) => Some(format!("Token {}", read(token)?)),
    })
}

/// An error with what caused it: hyper's own text is only "client error (Connect)".
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
