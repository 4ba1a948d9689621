//! Files that follow a watch: their templates are read and tried before anything runs.

use std::fs;
use std::path::Path;

use crate::config::Config;
use crate::config::explain::explain;
use crate::config::load::{Look, load};
use crate::config::testing::{addresses, env, report};
use crate::template::Environment;

/// A configuration with one watch of this `render`, in a folder with a template of this text.
fn loaded_with(
    template: &str,
    render: &str,
    env: &Environment,
) -> Result<(Config, String), String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("db.tmpl"), template).unwrap();
    loaded_in(folder.path(), render, env)
}

fn loaded_in(folder: &Path, render: &str, env: &Environment) -> Result<(Config, String), String> {
    let path = folder.join("app.json5");
    let render = render.replace("IN/", &format!("{}/", folder.display()));
    let text = format!("{{consul: 'c', watches: [{{name: 'db', interval: 3, render: {render}}}]}}");
    fs::write(&path, text).unwrap();
    load(&path, env, &addresses(), Look::AtThisMachine)
        .map(|loaded| {
            let said = explain(&loaded.path, &loaded.config, &loaded.findings);
            (loaded.config, said)
        })
        .map_err(|error| error.to_string())
}

const ONE: &str = "[{template: 'IN/db.tmpl', to: 'IN/db.conf'}]";

fn wrong(template: &str, render: &str) -> String {
    loaded_with(template, render, &Environment::new()).unwrap_err()
}

#[test]
fn a_template_is_read_with_the_variables_of_the_file_and_without_those_of_processes() {
    let variables = env(&[("PASSPHRASE", "1"), ("CONTAINERPILOT_APP_PID", "7")]);
    let (config, said) = loaded_with("{{ .PASSPHRASE }}", ONE, &variables).unwrap();
    let [render] = &*config.watches[0].render else {
        panic!("{said}");
    };
    assert_eq!(&*render.text, "{{ .PASSPHRASE }}");
    assert_eq!(*render.variables, env(&[("PASSPHRASE", "1")]));
    assert!(said.contains("db, every 3s, writes "), "{said}");
    assert!(said.contains("/db.conf"), "{said}");
    // Values may be secrets.
    let shown = format!("{config:?}");
    assert!(
        shown.contains("db.conf") && !shown.contains("PASSPHRASE"),
        "{shown}"
    );
}

#[test]
fn a_template_is_tried_with_and_without_instances() {
    let said = wrong("one\n{{ range instances }}{{ .Adress }}{{ end }}", ONE);
    assert!(said.contains("db.tmpl:2:25"), "{said}");
    assert!(said.contains("no field Adress"), "{said}");
    let said = wrong("{{ (index instances 0).ID }}", ONE);
    assert!(said.contains("behind the end"), "{said}");
    let said = wrong("{{ if }}", ONE);
    assert!(said.contains("db.tmpl:1:"), "{said}");
}

#[test]
fn a_template_that_is_not_there_or_no_file_is_refused() {
    let said = wrong("", "[{template: 'IN/absent', to: 'IN/db.conf'}]");
    assert!(
        said.contains("render[0].template` cannot be read"),
        "{said}"
    );
    let said = wrong("", "[{template: 'IN/', to: 'IN/db.conf'}]");
    assert!(said.contains("it is no file"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("db.tmpl"), b"\xff").unwrap();
    let said = loaded_in(folder.path(), ONE, &Environment::new()).unwrap_err();
    assert!(said.contains("cannot be read"), "{said}");
}

#[test]
fn each_file_has_one_template_which_is_another_file() {
    let twice = "[{template: 'IN/db.tmpl', to: 'IN/a'}, {template: 'IN/db.tmpl', to: 'IN/a'}]";
    let said = wrong("", twice);
    assert!(said.contains("is written by another `render`"), "{said}");
    let said = wrong("", "[{template: 'IN/db.tmpl', to: 'IN/db.tmpl'}]");
    assert!(said.contains("is its own template"), "{said}");
    let said = wrong("", "[{template: 'IN/db.tmpl', to: '/'}]");
    assert!(said.contains("is no file"), "{said}");
    let said = wrong("", "[{template: 'IN/db.tmpl', to: ''}]");
    assert!(said.contains("is empty"), "{said}");
}

#[test]
fn a_configuration_itself_knows_no_instances() {
    let said = report("{jobs: [{{ range instances }}{{ end }}]}");
    assert!(said.contains("no instances are known"), "{said}");
    assert!(said.contains("let a watch `render`"), "{said}");
}
