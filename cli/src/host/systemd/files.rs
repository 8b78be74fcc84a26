//! Reads systemd's unit files and drop-ins. Where one cannot be read, there may be more than was seen: that is an error,
//! and never none.

use super::manager;
use crate::report::{Error, Location};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

/// The directories of system units: systemd.unit(5). Files of an earlier one win.
const UNIT_PATH: [&str; 13] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
];

/// The unit of which user managers are instances.
const TEMPLATE: &str = "user@.service";

/// The file of user@.service, if there is one.
pub(crate) fn template() -> Result<Option<PathBuf>, Error> {
    first(TEMPLATE)
}

/// The file of a unit that systemd reads, if there is one.
fn first(unit: &str) -> Result<Option<PathBuf>, Error> {
    for directory in UNIT_PATH {
        let path = Path::new(directory).join(unit);
        if present(&path, path.metadata())?.is_some() {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// A setting of a unit's `[Service]` in a file.
pub(crate) struct Setting {
    pub(crate) location: Location,
    /// As written, on one line. An empty one resets all values before it.
    pub(crate) value: String,
}

/// Every setting of this name for the user manager of a uid or, without a uid, for all of them. The order is
/// that in which systemd reads them.
pub(crate) fn settings(uid: Option<u32>, name: &str) -> Result<Vec<Setting>, Error> {
    in_files(&files(uid)?, name)
}

/// The files of a uid's user manager, in the order in which systemd reads them.
pub(crate) fn files(uid: Option<u32>) -> Result<Vec<PathBuf>, Error> {
    let own = uid.map(|uid| first(&manager(uid))).transpose()?.flatten();
    let unit = own.map_or_else(template, |own| Ok(Some(own)))?;
    Ok(unit.into_iter().chain(drop_ins(uid)?).collect())
}

/// The drop-ins of a uid's user manager, in the order in which systemd reads them: sorted by name, whatever
/// their directories are. Of files with the same name, it reads one.
pub(crate) fn drop_ins(uid: Option<u32>) -> Result<Vec<PathBuf>, Error> {
    let mut found: BTreeMap<OsString, PathBuf> = BTreeMap::new();
    for unit in uid.map(manager).iter().map(String::as_str).chain([TEMPLATE, "service"]) {
        for directory in UNIT_PATH {
            for entry in entries(&Path::new(directory).join(format!("{unit}.d")))? {
                if entry.path().extension().is_some_and(|ending| ending == "conf") {
                    found.entry(entry.file_name()).or_insert(entry.path());
                }
            }
        }
    }
    Ok(found.into_values().collect())
}

/// The settings of this name in these files.
pub(super) fn in_files(files: &[PathBuf], name: &str) -> Result<Vec<Setting>, Error> {
    let mut found = Vec::new();
    for file in files {
        let text = present(file, fs::read(file))?.unwrap_or_default();
        let values = values(&String::from_utf8_lossy(&text), name).into_iter();
        found.extend(
            values.map(|(line, value)| Setting { location: Location::single(file.clone(), line), value }),
        );
    }
    Ok(found)
}

/// The values of a setting of `[Service]`, each with the number of the line on which it begins. A backslash at the end
/// of a line continues it; comments in between are skipped.
pub(crate) fn values(text: &str, name: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut whole = String::new();
    // The number of the first line of `whole`.
    let mut first = None;
    let mut is_service = false;
    for (i, line) in text.lines().enumerate() {
        if line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        if let Some(begun) = line.strip_suffix('\\') {
            whole += begun;
            whole.push(' ');
            first.get_or_insert(i + 1);
            continue;
        }
        whole += line;
        let line = std::mem::take(&mut whole);
        let number = first.take().unwrap_or(i + 1);
        let line = line.trim();
        if line.starts_with('[') {
            is_service = line == "[Service]";
        } else if let Some((key, value)) = line.split_once('=').filter(|_| is_service) {
            if key.trim_end() == name {
                found.push((number, value.trim_start().to_owned()));
            }
        }
    }
    found
}

/// The uids whose user managers have files of their own.
pub(crate) fn uids_with_files() -> Result<BTreeSet<u32>, Error> {
    let mut uids = BTreeSet::new();
    for directory in UNIT_PATH {
        uids.extend(entries(Path::new(directory))?.iter().filter_map(|entry| {
            let name = entry.file_name();
            let instance = name.to_str()?.strip_prefix("user@")?;
            let uid = instance.strip_suffix(".service").or_else(|| instance.strip_suffix(".service.d"))?;
            uid.parse::<u32>().ok()
        }));
    }
    Ok(uids)
}

fn entries(directory: &Path) -> Result<Vec<DirEntry>, Error> {
    let read = directory.read_dir().and_then(Iterator::collect::<io::Result<Vec<_>>>);
    Ok(present(directory, read)?.unwrap_or_default())
}

/// What was read at a path. `None`: systemd finds nothing there either.
pub(super) fn present<T>(path: &Path, read: io::Result<T>) -> Result<Option<T>, Error> {
    let is_none = |error: &io::Error| {
        let errno = Errno::from_io_error(error);
        matches!(errno, Some(Errno::NOENT | Errno::NOTDIR | Errno::ISDIR | Errno::LOOP))
    };
    match read {
        Err(error) if is_none(&error) => Ok(None),
        read => read.map(Some).map_err(|error| Error::with(path, "be read", &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_systemd_reads_them() {
        let text = "[Unit]\nExecCondition=/no\n[Service]\n# ExecCondition=/no\nExecCondition = /a \\\n# no\n  b\nExecCondition=\n";
        assert_eq!(values(text, "ExecCondition"), [(5, "/a    b".to_owned()), (8, String::new())]);
    }
}
