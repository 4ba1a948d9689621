//! Files are replaced as a whole, and only when they say something else.

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::sync::Arc;

use super::*;

fn render(text: &str) -> Render {
    Render {
        template: PathBuf::from("app.tmpl"),
        text: Arc::from(text),
        variables: Arc::new([("NAME".to_owned(), "x".to_owned())].into()),
        to: PathBuf::from("app.conf"),
    }
}

fn instances() -> Vec<Instance> {
    let instance = |id: &str, tags: &[&str]| Instance {
        id: id.to_owned(),
        address: "10.0.0.1".to_owned(),
        port: 80,
        tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
    };
    vec![instance("a", &["t", "u"]), instance("b", &[])]
}

#[test]
fn a_template_reaches_each_instance_and_the_variables() {
    let made = |template: &str, instances: &[Instance]| text(&render(template), instances);
    let servers = "{{ .NAME }}:{{ range instances }} {{ .ID }}={{ .Address }}:{{ .Port }}{{ range .Tags }} {{ . }}{{ end }} {{ $.NAME }};{{ else }} none{{ end }}";
    assert_eq!(
        made(servers, &instances()).unwrap(),
        "x: a=10.0.0.1:80 t u x; b=10.0.0.1:80 x;"
    );
    assert_eq!(made(servers, &[]).unwrap(), "x: none");
    let asked = "{{ len instances }} {{ (index instances 1).ID }} {{ range $i, $it := instances }}{{ $i }}{{ $it.ID }}{{ end }} {{ if instances }}some{{ end }}";
    assert_eq!(made(asked, &instances()).unwrap(), "2 b 0a1b some");
    // As Go prints structs.
    let printed = "{{ index instances 0 }} {{ printf `%T` instances }}";
    assert_eq!(
        made(printed, &instances()).unwrap(),
        "{a 10.0.0.1 80 [t u]} []template.Instance"
    );
}

#[test]
fn what_is_wrong_with_a_template_has_its_place() {
    let template = "one\n{{ range instances }}{{ .Adress }}{{ end }}";
    let error = text(&render(template), &instances()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "app.tmpl:2:25: an instance has no field Adress: it has ID, Address, Port, Tags"
    );
    assert!(text(&render(template), &[]).is_ok());
}

#[test]
fn no_template_makes_a_file_without_end() {
    let template = "{{ range instances }}{{ range loop 99999 }}{{ range loop 99999 }}x{{ end }}{{ end }}{{ end }}";
    let error = text(&render(template), &instances()).unwrap_err();
    assert!(error.to_string().contains("too much"), "{error}");
}

#[test]
fn a_file_is_replaced_only_by_another_text() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("app.conf");
    let inode = || to.metadata().unwrap().ino();
    assert_eq!(write(&to, "one").unwrap(), Written::Changed);
    let first = inode();
    assert_eq!(write(&to, "one").unwrap(), Written::Same);
    assert_eq!(inode(), first);
    assert_eq!(write(&to, "two").unwrap(), Written::Changed);
    assert_ne!(inode(), first);
    assert_eq!(fs::read_to_string(&to).unwrap(), "two");
    assert_eq!(to.metadata().unwrap().mode() & 0o777, MODE);
    // Somebody else's change is undone.
    fs::write(&to, "2wo").unwrap();
    assert_eq!(write(&to, "two").unwrap(), Written::Changed);
    fs::remove_file(&to).unwrap();
    assert_eq!(write(&to, "two").unwrap(), Written::Changed);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_link_is_replaced_and_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (to, other) = (folder.path().join("app.conf"), folder.path().join("other"));
    fs::write(&other, "kept").unwrap();
    symlink(&other, &to).unwrap();
    symlink(&other, folder.path().join(".app.conf.new")).unwrap();
    assert_eq!(write(&to, "one").unwrap(), Written::Changed);
    assert_eq!(fs::read_to_string(&other).unwrap(), "kept");
    assert!(to.symlink_metadata().unwrap().is_file());
}

#[test]
fn a_file_that_cannot_be_written_says_where_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("absent/app.conf");
    let error = write(&to, "one").unwrap_err().to_string();
    assert!(
        error.contains("absent/app.conf cannot be written"),
        "{error}"
    );
    assert!(error.contains("folder"), "{error}");
    // A folder is in its place.
    let to = folder.path().join("taken");
    fs::create_dir(&to).unwrap();
    write(&to, "one").unwrap_err();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
