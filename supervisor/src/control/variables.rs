//! Variables set through the control socket come in; the environment of processes started later, and the templates of a reload, read
//! them. They outlive a reload.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// Variables at once: each process gets all of them.
pub const COUNT: usize = 1024;
/// Bytes of one name, value and what stands between and behind them: more in one piece, and the kernel starts no process (32 pages).
pub const ENTRY: usize = 128 * 1024;
/// Bytes of all of them: half of what the kernel gives arguments and environment together under the usual stack limit of 8 MiB is
/// left to the rest.
pub const TOTAL: usize = 1024 * 1024;

/// Characters of a name in a complaint about it.
const SHOWN: usize = 64;

/// Bytes that the kernel adds to each name and value: `=` and NUL.
const BETWEEN: usize = 2;

/// What was set so far. Reading takes no copy.
#[derive(Debug, Default)]
pub struct Variables {
    set: Mutex<Arc<BTreeMap<String, String>>>,
}

/// Why variables were not set. None was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VariablesError {
    /// A process could not be given it.
    #[error("{0:?} cannot name a variable: a name is not empty and holds no `=` and no NUL")]
    Name(String),
    /// A process could not be given it.
    #[error("the value of {0:?} holds a NUL")]
    Value(String),
    /// A process could not be started with it.
    #[error("{0:?} and its value are longer than {ENTRY} bytes")]
    Entry(String),
    /// No room.
    #[error("more than {COUNT} variables would be set")]
    Count,
    /// No room.
    #[error("the variables would take more than {TOTAL} bytes")]
    Total,
}

impl Variables {
    /// Sets all of `changes`, or none. `None` is an empty value: nothing is ever unset.
    ///
    /// # Errors
    /// When one cannot be a variable, or when all together would take too much.
    pub fn set(&self, changes: BTreeMap<String, Option<String>>) -> Result<(), VariablesError> {
        let mut held = self.lock();
        let mut next = BTreeMap::clone(&held);
        for (name, value) in changes {
            let value = value.unwrap_or_default();
            check(&name, &value)?;
            next.insert(name, value);
        }
        if next.len() > COUNT {
            return Err(VariablesError::Count);
        }
        if next
            .iter()
            .map(|(name, value)| size(name, value))
            .sum::<usize>()
            > TOTAL
        {
            return Err(VariablesError::Total);
        }
        *held = Arc::new(next);
        Ok(())
    }

    /// What is set now.
    pub fn now(&self) -> Arc<BTreeMap<String, String>> {
        Arc::clone(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Arc<BTreeMap<String, String>>> {
        self.set
            .lock()
            .expect("nothing that can panic runs under this lock")
    }
}

fn size(name: &str, value: &str) -> usize {
    name.len() + value.len() + BETWEEN
}

/// The beginning of a name that a client chose.
pub(super) fn shown(name: &str) -> String {
    name.chars().take(SHOWN).collect()
}

fn check(name: &str, value: &str) -> Result<(), VariablesError> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(VariablesError::Name(shown(name)));
    }
    if size(name, value) > ENTRY {
        return Err(VariablesError::Entry(shown(name)));
    }
    if value.contains('\0') {
        return Err(VariablesError::Value(shown(name)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, value: &str) -> BTreeMap<String, Option<String>> {
        [(name.to_owned(), Some(value.to_owned()))].into()
    }

    #[test]
    fn what_is_set_stays_and_the_last_wins() {
        let variables = Variables::default();
        variables.set(one("A", "1=2")).unwrap();
        variables.set([("B".to_owned(), None)].into()).unwrap();
        let before = variables.now();
        variables.set(one("A", "3")).unwrap();
        assert_eq!(before["A"], "1=2");
        assert_eq!(variables.now()["A"], "3");
        assert_eq!(variables.now()["B"], "");
    }

    #[test]
    fn what_no_process_could_get_is_refused_and_nothing_is_set() {
        let variables = Variables::default();
        let long = "x".repeat(ENTRY);
        for (name, value) in [
            ("", "x"),
            ("a=b", "x"),
            ("a\0", "x"),
            ("Z", "\0"),
            ("Z", &long),
        ] {
            let mut changes = one(name, value);
            changes.insert("A".to_owned(), None);
            assert!(variables.set(changes).is_err(), "{name:?}");
        }
        assert!(variables.now().is_empty());
        let error = variables.set(one(&long, "")).unwrap_err();
        assert!(error.to_string().len() < 200, "{error}");
    }

    #[test]
    fn count_and_bytes_have_a_limit() {
        let variables = Variables::default();
        let many = |from: usize, to| (from..to).map(|n| (format!("N{n}"), None)).collect();
        variables.set(many(0, COUNT)).unwrap();
        assert_eq!(
            variables.set(many(COUNT, COUNT + 1)),
            Err(VariablesError::Count)
        );
        assert_eq!(variables.set(many(0, 2)), Ok(()));

        let variables = Variables::default();
        let long = "x".repeat(ENTRY - 16);
        let room = TOTAL / ENTRY;
        for n in 0..room {
            variables.set(one(&format!("N{n}"), &long)).unwrap();
        }
        assert_eq!(
            variables.set(one("one more", &long)),
            Err(VariablesError::Total)
        );
    }
}
