//! Promise: the five configurations of `autopilotpattern/nodejs-example`, written anew in `fixtures/data/supervisor/reference`, run as they
//! are: PID 1 of a container, as `/bin/containerpilot`, with no argument, and with a real Consul 1.8 that one of its own jobs is (0.7,
//! which the images had, can no longer be had as a package). What each of them needs, and where it is held:
//!
//! | What | Where |
//! |---|---|
//! | 1. `CONTAINERPILOT`, no arguments, PID 1, `/bin/containerpilot`, working folder `/` | all; `./bin/containerpilot` in `frontend` |
//! | 2. Template: bare numbers, names of jobs, `default` inside quotes, `{{ .X }}` with and without blanks | all; a job's name in `sensor`; `CONSUL` left out in all but `smartthings` |
//! | 3. JSON5: bare keys, single quotes, arrays over lines | all |
//! | 4. `localhost:8500`, `::1` first, an agent that comes late | all; three seconds late in `serializer` |
//! | 5. Keys of jobs; commands split at blanks, arrays with `=` | all |
//! | 6. Defaults: never restarted, first IPv4, socket | `frontend` (never), all (`10.5.0.2`, `/var/run`) |
//! | 7. Checked without being registered | `sensor` |
//! | 8. `changed`: at first, again, while one is dealt with | `frontend`, `sensor` (two watches) |
//! | 9. `pkill` without anybody to tell | `frontend` (after), `smartthings` (before, and then with) |
//! | 10. Register, update, deregister, query; tags verbatim; ids | all; tags in `frontend`; an agent that forgot in `traefik` |
//! | 11. Telemetry on the chosen address, as `containerpilot` with tags and version, TTL 15 s | all; scraped by Prometheus in `frontend` and `serializer` |
//! | 12. `-putmetric`, ten a second, undeclared names, exponents, an empty value | `serializer` |
//! | 13. None of ours is found by `pkill node` | all (`is_tidy`) |
//! | 14. The application reads the file, too | `applications_can_read_each_file`; its variable in `frontend` |
//! | 15. `docker stop`: in time, deregistered first, the agent last | all (`stops_in_order`) |
//! | 16. Nobody dead is left lying | all (`is_tidy`); an orphan in `frontend` |

/// A container for each of them.
#[path = "reference/rig.rs"]
mod rig;

#[path = "reference/frontend.rs"]
mod frontend;
#[path = "reference/sensor.rs"]
mod sensor;
#[path = "reference/serializer.rs"]
mod serializer;
#[path = "reference/smartthings.rs"]
mod smartthings;
#[path = "reference/traefik.rs"]
mod traefik;

/// As `node-piloted` does it: plain variables are replaced, and the rest has to be JSON5.
#[test]
fn applications_can_read_each_file() {
    let watched = [
        (frontend::CONFIG, vec!["serializer"]),
        (sensor::CONFIG, vec!["serializer", "nats"]),
        (serializer::CONFIG, vec!["influxdb"]),
        (smartthings::CONFIG, vec!["nats"]),
        (traefik::CONFIG, Vec::new()),
    ];
    for (config, watched) in watched {
        let mut text = config.to_owned();
        for (name, value) in [("PORT", "8000"), ("SENSOR_TYPE", "humidity")] {
            for pattern in [format!("{{{{.{name}}}}}"), format!("{{{{ .{name} }}}}")] {
                text = text.replace(&pattern, value);
            }
        }
        let read: serde_json::Value = json5::from_str(&text).unwrap();
        assert_eq!(read["consul"], "localhost:8500");
        let watches = read["watches"].as_array().cloned().unwrap_or_default();
        let names: Vec<_> = watches
            .iter()
            .map(|watch| watch["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, watched);
    }
}
