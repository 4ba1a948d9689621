//! The fields of a mapping: names, paths, or tables of both.

use crate::config::check::pick::{PATH_EXAMPLE, json_path};
use crate::config::check::{Checker, Section, quoted};
use crate::config::origin::Origin;
use crate::config::raw::{Field, Fields};
use crate::config::spot::{Key, Spot};
use crate::config::{FieldKind, JsonPath, MappedField};

/// The fields of a mapping, with unique names.
pub(super) fn fields(check: &mut Checker, section: &Section, raw: Key<Fields>) -> Vec<MappedField> {
    let Some(Spot {
        at: place,
        value: Some(fields),
    }) = raw
    else {
        return Vec::new();
    };
    let path = section.key("fields");
    let mut found = Vec::new();
    match fields {
        Fields::Names(list) => {
            let spot = Some(Spot {
                at: place,
                value: Some(list),
            });
            for (at, text) in check.list(section, "fields", &spot) {
                match named(&text) {
                    Ok(field) => found.push(field),
                    Err(error) => check.say(
                        at,
                        format!("`{path}`: {} {error}", quoted(&text, place)),
                        PATH_EXAMPLE,
                    ),
                }
            }
        }
        Fields::Table(table) => {
            for (name, spot) in table {
                let section = Section {
                    path: format!("{path}.{name}"),
                    at: Some(spot.at),
                };
                if let Some(field) = spot.value {
                    found.extend(full(check, &section, spot.at, name, field));
                }
            }
        }
    }
    for (number, field) in found.iter().enumerate() {
        if found
            .iter()
            .take(number)
            .any(|other| other.name == field.name)
        {
            check.say(
                Some(place),
                format!("`{path}` has \"{}\" twice", field.name),
                "give each its own name: { name = \"$.path\" }",
            );
        }
    }
    found
}

/// `value` or `$.data.value`: the last key is the field's name.
fn named(text: &str) -> Result<MappedField, String> {
    let path = if text.starts_with('$') {
        json_path(text)?
    } else {
        JsonPath(vec![text.to_owned()])
    };
    Ok(MappedField {
        name: path.0.last().cloned().unwrap_or_default(),
        path,
        kind: FieldKind::Auto,
    })
}

fn full(
    check: &mut Checker,
    section: &Section,
    place: Origin,
    name: String,
    field: Field,
) -> Option<MappedField> {
    let kinds = [
        ("auto", FieldKind::Auto),
        ("float", FieldKind::Float),
        ("integer", FieldKind::Integer),
        ("string", FieldKind::String),
        ("boolean", FieldKind::Boolean),
    ];
    let (path, kind) = match field {
        Field::Path(text) => {
            let at = place;
            (
                Some(Spot {
                    at,
                    value: Some(text),
                }),
                None,
            )
        }
        Field::Full(full) => (full.path, full.kind),
    };
    if name.is_empty() {
        check.say(
            Some(place),
            "a field has no name",
            "write { name = \"$.path\" }",
        );
    }
    let kind = check
        .optional_choice(section, "kind", &kind, &kinds)
        .unwrap_or(FieldKind::Auto);
    let own_path = JsonPath(vec![name.clone()]);
    let path = match path {
        None => own_path,
        path => check.parsed(section, "path", &path, PATH_EXAMPLE, json_path)?,
    };
    Some(MappedField { name, path, kind })
}
