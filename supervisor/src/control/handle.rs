//! A request comes in, its effect and an answer go out: variables are set and metrics handed over here, everything else is asked of the
//! loop under a deadline.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::{Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Deps;
use super::command::{Action, Command, Maintenance, Reload, SignalBody, signal};
use super::reply::Reply;
use super::route::{Route, Verb};
use crate::event::{Values, Wake};

/// Bytes of a request's body.
pub(super) const BODY: usize = 1024 * 1024;
/// How long a client may take to send it.
const BODY_TIME: Duration = Duration::from_secs(5);
/// Metrics in one request: more than any configuration declares.
const METRICS: usize = 1024;
/// How long the loop may take. It never waits for anything, so that this is a loop in trouble, or a reload whose files are slow.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// Answers one request, and counts it.
pub(super) async fn handle(request: Request<Incoming>, deps: &Deps) -> Response<Full<Bytes>> {
    let route = Route::of(request.uri().path());
    let (label, voice) = (route.label(), route.voice());
    let reply = reply(route, request, deps).await;
    if let Reply::Failed { status, reason } = &reply {
        tracing::debug!("control: {label} was answered with {status}: {reason}");
    }
    (deps.counted)(label, reply.status().as_u16());
    reply.into_response(voice)
}

async fn reply(route: Route, request: Request<Incoming>, deps: &Deps) -> Reply {
    if let Some(right) = route.method()
        && request.method() != right
    {
        return Reply::Method(right);
    }
    let outcome = match route {
        Route::Unknown => Err(Reply::failed(StatusCode::NOT_FOUND, "Not Found")),
        Route::Ping => Ok(Reply::Done),
        Route::Environ(_) => set_variables(request, deps).await,
        Route::Metric => push_metrics(request, deps).await,
        Route::Reload => match how_much(request.uri().query()) {
            Ok(reload) => Ok(ask(deps, Command::Reload(reload)).await),
            Err(refused) => Err(refused),
        },
        Route::MaintenanceEnable => Ok(ask(deps, Command::Maintenance(Maintenance::Enter)).await),
        Route::MaintenanceDisable => Ok(ask(deps, Command::Maintenance(Maintenance::Exit)).await),
        Route::Jobs => Ok(ask(deps, Command::List).await),
        Route::Job(name) => Ok(ask(deps, Command::Status(name)).await),
        Route::Act(name, verb) => act(name, verb, request, deps).await,
    };
    outcome.unwrap_or_else(|refused| refused)
}

async fn set_variables(request: Request<Incoming>, deps: &Deps) -> Result<Reply, Reply> {
    let changes: BTreeMap<String, Option<String>> = json(request).await?;
    match deps.variables.set(changes) {
        Ok(()) => Ok(Reply::Done),
        Err(error) => Err(Reply::unusable(error.to_string())),
    }
}

async fn push_metrics(request: Request<Incoming>, deps: &Deps) -> Result<Reply, Reply> {
    let typed: BTreeMap<String, Value> = json(request).await?;
    if typed.len() > METRICS {
        return Err(Reply::unusable(format!(
            "more than {METRICS} metrics at once"
        )));
    }
    let mut values = Values::new();
    for (name, value) in typed {
        let text = match value {
            Value::String(text) => text,
            // Through a float, as ContainerPilot has it: 1.0 is `1`.
            Value::Number(number) => number.as_f64().unwrap_or(f64::NAN).to_string(),
            // No value spoils its neighbours: this one is refused, logged and counted like any other text that is no number.
            other => other.to_string(),
        };
        values.insert(name, text);
    }
    (deps.metrics)(&values);
    Ok(Reply::Done)
}

async fn act(
    name: String,
    verb: Verb,
    request: Request<Incoming>,
    deps: &Deps,
) -> Result<Reply, Reply> {
    let action = match verb {
        Verb::Start => Action::Start,
        Verb::Stop => Action::Stop,
        Verb::Restart => Action::Restart,
        Verb::Signal => {
            let body: SignalBody = json(request).await?;
            let named = signal(&body.signal);
            Action::Signal(named.map_err(|error| Reply::unusable(error.to_string()))?)
        }
    };
    Ok(ask(deps, Command::Job { name, action }).await)
}

/// `?hard=1` touches every job.
fn how_much(query: Option<&str>) -> Result<Reload, Reply> {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut reload = Reload::Changed;
    for (_, value) in pairs.filter(|(key, _)| key == "hard") {
        reload = match value.as_ref() {
            "1" | "true" => Reload::Everything,
            "0" | "false" => Reload::Changed,
            _ => return Err(Reply::unusable("`hard` is 1 or 0: write /v3/reload?hard=1")),
        };
    }
    Ok(reload)
}

async fn ask(deps: &Deps, command: Command) -> Reply {
    let (reply, answer) = oneshot::channel();
    let asked = async {
        deps.wakes
            .send(Wake::Control { command, reply })
            .await
            .ok()?;
        answer.await.ok()
    };
    let unavailable = |reason: &str| Reply::failed(StatusCode::SERVICE_UNAVAILABLE, reason);
    match timeout(ANSWER_TIME, asked).await {
        Ok(Some(answer)) => answer.into(),
        Ok(None) => unavailable("the supervisor is ending"),
        Err(_) => {
            unavailable("the supervisor did not answer within 10 s; it may still do what was asked")
        }
    }
}

async fn json<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Reply> {
    let body = body(request.into_body()).await?;
    serde_json::from_slice(&body)
        .map_err(|error| Reply::unusable(format!("the body cannot be taken: {error}")))
}

async fn body(incoming: Incoming) -> Result<Bytes, Reply> {
    let too_large = || {
        Reply::failed(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is longer than {BODY} bytes"),
        )
    };
    if incoming.size_hint().lower() > BODY as u64 {
        return Err(too_large());
    }
    match timeout(BODY_TIME, Limited::new(incoming, BODY).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(Reply::failed(
            StatusCode::BAD_REQUEST,
            format!("the body cannot be read: {error}"),
        )),
        Err(_) => Err(Reply::failed(
            StatusCode::REQUEST_TIMEOUT,
            format!("the body did not come within {BODY_TIME:?}"),
        )),
    }
}
