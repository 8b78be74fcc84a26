//! The keys of grants in the file of keys that root keeps for a user. A line that this program has written is changed
//! with the grants for which it stands, and no other line is.

#[cfg(any(test, fuzzing))]
pub(super) mod properties;

use super::edit_file::FileEdit;
use super::key::GivenKey;
use crate::desired::sshd::KEYS_FILE;
use crate::host::keys;
use crate::host::keys::line::{Key, Line};
use crate::host::keys::managed::{DIRECTORY, read};
use crate::host::sshd::effective::Settings;
use crate::host::sshd::logins::Sshd;
use crate::host::zone::{moment, zone};
use crate::report::Error;
use crate::writing::target::Target;
use jiff::Zoned;
use jiff::tz::{Dst, TimeZone};
use pam_sftpjail::account::Account;
use pam_sftpjail::config::{Config, ConfigError};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::grants::{Fingerprint, Grant, Moment};
use pam_sftpjail::name::UserName;
use std::path::Path;

/// How a line of this program ends.
const MARK: &str = " sftpjail-grant";

/// sshd reads it as the user.
const MODE: u32 = 0o644;

/// For how long the key of a guest is let in after the last of its grants, in seconds. sshd says nothing of a key that
/// has ended; with one that has not, the module refuses the login and says why.
const REFUSED_WITH_REASON: i64 = 14 * 24 * 3600;

/// The file with the keys of these grants: each line of this program's gets the end of its grants, or goes with the last
/// of them. `new`: a key to let in. `is_guest`: whether the user has grants and nothing else.
pub(super) fn edit(
    user: &UserName,
    grants: &[Grant],
    new: Option<&GivenKey>,
    is_guest: bool,
) -> Result<FileEdit, Error> {
    let failed = |error: ConfigError| Error::new(&error, error.fix());
    read(user).map_err(failed)?;
    let target = Target::ours(&Path::new(DIRECTORY).join(user))?;
    let before = target.read()?;
    let lines = Lines { grants, is_guest, zone: zone() };
    let after =
        lines.synchronised(before.as_deref().unwrap_or_default(), new.and_then(|key| key.public.as_deref()));
    Ok(FileEdit { target, before, after, mode: MODE })
}

/// The error: sshd does not look for this user's keys there, so that the key would let nobody in.
pub(super) fn must_be_read(
    user: &UserName,
    config: &Config,
    settings: Option<&Settings>,
) -> Result<(), Error> {
    let path = Path::new(DIRECTORY).join(user);
    let account =
        Account::lookup(user.as_str(), config).map_err(|refusal| Error::new(&refusal, refusal.fix()))?;
    let Some(settings) = settings else {
        let what = format!("sshd does not say whether it reads {}", escaped(&path));
        return Err(Error::new(what, "see why: sshd -t"));
    };
    match keys::files(settings, &account).contains(&path) || asks_for_them(settings) {
        true => Ok(()),
        false => Err(unread(user)),
    }
}

fn unread(user: &UserName) -> Error {
    let path = Path::new(DIRECTORY).join(user);
    Error::new(
        format!("sshd does not read {}, so the key would not let {user} in", escaped(&path)),
        "run `sftpjail setup --managed-keys` first, or give the fingerprint of the key only, and put the key where sshd \
         reads it",
    )
}

/// Whether sshd runs `sftpjail keys`.
fn asks_for_them(settings: &Settings) -> bool {
    settings.get("AuthorizedKeysCommand").is_some_and(is_keys)
}

fn is_keys(command: &str) -> bool {
    let mut words = command.split_whitespace();
    let program = words.next().and_then(|path| Path::new(path).file_name());
    program.is_some_and(|name| name == "sftpjail") && words.next() == Some("keys")
}

/// The same for an account that is not there yet, of whose groups sshd knows nothing. The error: no line of sshd's is
/// about the keys that root keeps. What such a line comes to, [`must_be_read`] finds out.
pub(super) fn must_be_named(sshd_config: Option<&Path>, user: &UserName) -> Result<(), Error> {
    // Why sshd does not answer, is found out then, too.
    let Ok(mut sshd) = Sshd::find(sshd_config) else { return Ok(()) };
    let is_about_them = |keyword: &str, value: &str| match keyword {
        "authorizedkeysfile" => value.contains(DIRECTORY),
        "authorizedkeyscommand" => is_keys(value),
        _ => false,
    };
    let is_named = sshd.config.settings.iter().any(|setting| is_about_them(&setting.keyword, &setting.value));
    // Options of the running sshd's count as well.
    let usual = sshd.connections.first().cloned();
    let settings = usual.and_then(|usual| sshd.settings(user.as_str(), &usual).ok());
    let is_set = settings.is_some_and(|settings| {
        asks_for_them(&settings) || settings.all(KEYS_FILE).any(|files| files.contains(DIRECTORY))
    });
    if is_named || is_set { Ok(()) } else { Err(unread(user)) }
}

/// What the lines of keys go by.
struct Lines<'g> {
    /// All of the user's.
    grants: &'g [Grant],
    is_guest: bool,
    /// sshd's.
    zone: TimeZone,
}

impl Lines<'_> {
    /// Lines of others stay byte for byte: a comment may have another encoding.
    fn synchronised(&self, text: &[u8], new: Option<&str>) -> Vec<u8> {
        let mut after = Vec::new();
        let mut has_new = false;
        for bytes in text.split_inclusive(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(bytes);
            let Some(Key { key_type, encoded, comment, .. }) = key_of(&line) else {
                after.extend(bytes);
                continue;
            };
            has_new |= new.is_some_and(|new| new.split(' ').nth(1) == Some(encoded));
            match format!(" {comment}").strip_suffix(MARK) {
                None => after.extend(bytes),
                Some(comment) => {
                    let public = format!("{key_type} {encoded}{comment}");
                    after.extend(self.written(&public).unwrap_or_default().bytes());
                }
            }
        }
        if let Some(line) = new.filter(|_| !has_new).and_then(|new| self.written(new)) {
            if !after.is_empty() && !after.ends_with(b"\n") {
                after.push(b'\n');
            }
            after.extend(line.bytes());
        }
        after
    }

    /// The line for a key; `None`: there is none.
    fn written(&self, public: &str) -> Option<String> {
        let mut words = public.split(' ');
        let own = Fingerprint::of_key(words.next()?, words.next()?)?;
        let of_key = |grant: &&Grant| grant.key.is_some_and(|key| key == own);
        let ends: Vec<_> =
            self.grants.iter().filter(of_key).map(|grant| grant.until.map(Moment::epoch)).collect();
        let last = ends.iter().copied().collect::<Option<Vec<_>>>();
        let expiry = match last {
            // One has no end.
            None => String::new(),
            Some(ends) => {
                let end = ends.into_iter().max()?;
                format!(",expiry-time=\"{}\"", expiry(end + self.refused_for(&own, end), &self.zone)?)
            }
        };
        Some(format!("restrict{expiry} {public}{MARK}\n"))
    }

    /// For how long after this end the key is let in, in seconds: not at all, if it would open anything.
    fn refused_for(&self, key: &Fingerprint, end: i64) -> i64 {
        let has_ended = |grant: &Grant| {
            grant.key.is_some_and(|other| other != *key)
                || grant.until.is_some_and(|until| until.epoch() <= end)
        };
        match self.is_guest && self.grants.iter().all(has_ended) {
            true => REFUSED_WITH_REASON,
            false => 0,
        }
    }
}

fn key_of(line: &str) -> Option<Key<'_>> {
    match Line::parse(line) {
        Line::Key(key) => Some(key),
        _ => None,
    }
}

/// As each version of sshd reads it: without `Z`, in the standard time of this host's zone, in summer, too.
fn expiry(end: i64, zone: &TimeZone) -> Option<String> {
    let at = moment(end);
    let offset = match zone.to_offset_info(at).dst() {
        Dst::No => zone.to_offset(at),
        Dst::Yes => {
            let mut transitions = zone.following(at).take(2).chain(zone.preceding(at).take(2));
            transitions.find(|transition| transition.dst() == Dst::No)?.offset()
        }
    };
    let local: Zoned = at.to_zoned(TimeZone::fixed(offset));
    Some(local.strftime("%Y%m%d%H%M%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pam_sftpjail::grants::of_text;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2hsNnlr6Xgx6pVSSVmXG0fEoLhCYeJJGiqV7fYVQPB";

    fn grants(ends: &[&str]) -> Vec<Grant> {
        let mut words = KEY.split(' ');
        let key = Fingerprint::of_key(words.next().unwrap(), words.next().unwrap()).unwrap().to_string();
        let grant = |(n, end): (usize, &&str)| {
            format!("[[grant]]\nfolder = \"/srv/{n}\"\naccess = \"read-only\"\nkey = \"{key}\"\n{end}\n")
        };
        of_text(&ends.iter().enumerate().map(grant).collect::<String>(), Path::new("x")).unwrap()
    }

    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    fn synchronised(text: &str, grants: &[Grant], new: Option<&str>) -> String {
        let lines = Lines { grants, is_guest: false, zone: berlin() };
        String::from_utf8(lines.synchronised(text.as_bytes(), new)).unwrap()
    }

    #[test]
    fn a_key_stands_there_until_the_last_of_its_grants_ends() {
        let winter = "until = 2026-12-10T18:00:00+01:00";
        let new = format!("{KEY} felix@laptop");
        let given = synchronised("# felix\n", &grants(&[winter]), Some(&new));
        let line = format!("restrict,expiry-time=\"20261210180000\" {KEY} felix@laptop sftpjail-grant\n");
        assert_eq!(given, format!("# felix\n{line}"));
        // Once is enough, and the admin's own line is the admin's.
        assert_eq!(synchronised(&given, &grants(&[winter]), Some(&new)), given);
        let own = format!("from=\"192.0.2.1\" {KEY} of the admin\n");
        assert_eq!(synchronised(&own, &grants(&[winter]), Some(&new)), own);
        // In summer, sshd counts in standard time.
        let summer = synchronised(&given, &grants(&[winter, "until = 2027-07-10T18:00:00+02:00"]), None);
        assert_eq!(summer, given.replace("20261210180000", "20270710170000"));
        let endless = synchronised(&given, &grants(&[winter, ""]), None);
        assert_eq!(endless, format!("# felix\nrestrict {KEY} felix@laptop sftpjail-grant\n"));
        // Later than any calendar goes, as people write for "never".
        let last = synchronised(&given, &grants(&["until = 9999-12-31T23:59:59-12:00"]), None);
        assert_eq!(last, given.replace("20261210180000", "99991230230000"));
        assert_eq!(synchronised(&endless, &[], None), "# felix\n");
        assert_eq!(synchronised(&own, &[], None), own);
        assert_eq!(
            synchronised("no end", &grants(&[""]), Some(KEY)),
            format!("no end\nrestrict {KEY} sftpjail-grant\n")
        );
    }

    #[test]
    fn a_key_that_an_admin_has_written_with_other_blanks_stays() {
        let given = synchronised("", &grants(&[""]), Some(KEY));
        for blank in ["  ", "\t"] {
            let other = given.replace(KEY, &KEY.replace(' ', blank));
            assert_eq!(synchronised(&other, &grants(&[""]), None), given);
            assert_eq!(synchronised(&other, &[], None), "");
        }
    }

    #[test]
    fn a_comment_in_another_encoding_stays_as_it_is() {
        let grants = grants(&[""]);
        let lines = Lines { grants: &grants, is_guest: false, zone: berlin() };
        let own = [KEY.as_bytes(), b" M\xfcller\n# caf\xe9\n"].concat();
        assert_eq!(lines.synchronised(&own, Some(KEY)), own);
    }

    #[test]
    fn a_guests_key_is_let_in_to_be_told_that_all_has_ended() {
        let is_until = |grants: &[Grant], day: &str| {
            let after = Lines { grants, is_guest: true, zone: berlin() }.synchronised(b"", Some(KEY));
            assert_eq!(
                String::from_utf8(after).unwrap(),
                format!("restrict,expiry-time=\"{day}180000\" {KEY} sftpjail-grant\n")
            );
        };
        let end = "until = 2026-12-10T18:00:00+01:00";
        is_until(&grants(&[end]), "20261224");
        // With a folder that goes on for every key, it would open that one.
        let of_all = |key: &str| {
            let text = "[[grant]]\nfolder = \"/srv/all\"\naccess = \"read-only\"\n".to_owned() + key;
            [grants(&[end]), of_text(&text, Path::new("x")).unwrap()].concat()
        };
        is_until(&of_all(""), "20261210");
        is_until(&of_all("until = 2026-12-10T17:00:00+01:00\n"), "20261224");
        is_until(&of_all(&format!("key = \"SHA256:{}\"\n", "A".repeat(43))), "20261224");
    }
}
