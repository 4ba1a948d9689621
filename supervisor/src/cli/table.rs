//! Jobs come in, text for people goes out. What jobs print is shown with its control characters made visible: a terminal obeys them.

use std::fmt::Write as _;

use crate::control::command::{JobView, Trouble};

/// Jobs, a line each, under a line of titles.
pub(super) fn list(jobs: &[JobView]) -> String {
    let mut rows = vec![
        [
            "JOB",
            "STATE",
            "FOR",
            "PID",
            "STARTS",
            "RESTARTS LEFT",
            "LAST EXIT",
        ]
        .map(str::to_owned),
    ];
    rows.extend(jobs.iter().map(|job| {
        [
            shown(&job.name),
            shown(&job.state),
            age(job.seconds),
            or_dash(job.pid),
            job.attempt.to_string(),
            left(job),
            or_dash(job.exit),
        ]
    }));
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths);
        let line: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Jobs that are not as they should be, a line each; nothing if all are.
pub(super) fn troubles(jobs: &[JobView]) -> String {
    let mut text = String::new();
    for job in jobs {
        let Some(trouble) = job.trouble else { continue };
        let (name, age) = (shown(&job.name), age(job.seconds));
        let why = match (trouble, &job.output, job.exit) {
            (Trouble::Unhealthy | Trouble::Unready, Some(said), _) => {
                format!(": {}", shown(said.lines().next().unwrap_or_default()))
            }
            (Trouble::Down | Trouble::Failed, _, Some(exit)) => {
                format!(": its last exit was {exit}")
            }
            _ => String::new(),
        };
        writeln!(text, "{name}: {}, for {age}{why}", trouble.as_str())
            .expect("writing to a string does not fail");
    }
    text
}

/// All that is known of each job.
pub(super) fn details(jobs: &[JobView]) -> String {
    let each = jobs.iter().map(|job| {
        let mut text = format!("{}\n", shown(&job.name));
        let mut line = |title: &str, value: &str| {
            writeln!(text, "  {title:<14} {value}").expect("writing to a string does not fail");
        };
        line(
            "state",
            &format!("{}, for {}", shown(&job.state), age(job.seconds)),
        );
        line("pid", &or_dash(job.pid));
        line("starts", &job.attempt.to_string());
        line("restarts left", &left(job));
        line("last exit", &or_dash(job.exit));
        if let Some(output) = &job.output {
            for (number, said) in output.lines().enumerate() {
                line(if number == 0 { "last check" } else { "" }, &shown(said));
            }
        }
        text
    });
    each.collect::<Vec<_>>().join("\n")
}

fn left(job: &JobView) -> String {
    job.restarts_left
        .map_or_else(|| "unlimited".to_owned(), |left| left.to_string())
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The two largest units that count.
fn age(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m{}s", seconds % 60),
        3600..86400 => format!("{hours}h{}m", minutes % 60),
        _ => format!("{days}d{}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str) -> JobView {
        JobView {
            name: name.to_owned(),
            state: "healthy".to_owned(),
            pid: Some(4711),
            exit: Some(137),
            attempt: 2,
            restarts_left: Some(3),
            seconds: 3725,
            output: Some("HTTP 200\nin \u{1b}[2J3 ms".to_owned()),
            trouble: None,
        }
    }

    #[test]
    fn a_line_for_each_job_that_is_not_well_says_why() {
        let troubled = |name, trouble| JobView {
            trouble: Some(trouble),
            ..job(name)
        };
        let jobs = [
            job("well"),
            troubled("api\n", Trouble::Unhealthy),
            troubled("db", Trouble::Down),
        ];
        let expected = "\
api\\n: unhealthy, for 1h2m: HTTP 200
db: down, and waits for its next start, for 1h2m: its last exit was 137
";
        assert_eq!(troubles(&jobs), expected);
        assert_eq!(troubles(&jobs[..1]), "");
    }

    #[test]
    fn jobs_stand_in_columns() {
        let mut bare = job("b");
        (bare.pid, bare.exit, bare.restarts_left) = (None, None, None);
        let expected = "\
JOB     STATE    FOR   PID   STARTS  RESTARTS LEFT  LAST EXIT
a long  healthy  1h2m  4711  2       3              137
b       healthy  1h2m  -     2       unlimited      -
";
        assert_eq!(list(&[job("a long"), bare]), expected);
    }

    #[test]
    fn details_hold_what_the_check_said_and_no_terminal_obeys_it() {
        let expected = "\
a\\n
  state          healthy, for 1h2m
  pid            4711
  starts         2
  restarts left  3
  last exit      137
  last check     HTTP 200
                 in \\u{1b}[2J3 ms
";
        assert_eq!(details(&[job("a\n")]), expected);
    }

    #[test]
    fn ages_have_two_units() {
        for (seconds, expected) in [
            (0, "0s"),
            (59, "59s"),
            (61, "1m1s"),
            (86399, "23h59m"),
            (90000, "1d1h"),
        ] {
            assert_eq!(age(seconds), expected);
        }
    }
}
