//! Templates and what they render.

use super::{Environment, Rendered, Template, TemplateError};

/// Real constructs of ContainerPilot's users, and ContainerPilot's own cases.
mod constructs;
/// Errors: what they say and where.
mod errors;
/// What Go renders.
mod golden;
/// Nothing hangs, grows without end or panics.
mod limits;
/// Where each piece of the text comes from.
mod origins;
/// Another implementation, and where it is wrong.
mod witness;

fn environment(pairs: &[(&str, &str)]) -> Environment {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

fn render(source: &str, environment: &Environment) -> Result<Rendered, TemplateError> {
    Template::parse(source)?.render(environment)
}

#[track_caller]
fn text(source: &str, environment: &Environment) -> String {
    match render(source, environment) {
        Ok(rendered) => rendered.text,
        Err(error) => panic!("{source}: {error}"),
    }
}

#[track_caller]
fn error(source: &str) -> TemplateError {
    match render(source, &environment(&[("SECRET", "hunter2")])) {
        Ok(rendered) => panic!("{source} renders {}", rendered.text),
        Err(error) => error,
    }
}
