//! Finds out whether the login made systemd run a user manager for the user. It would run outside of the jail.

use super::expected::Expected;
use crate::desired::manager;
use crate::host::systemd;
use crate::report::{Consequence, Finding};
use pam_sftpjail::fix::{Command, Fix, Name};
use std::collections::BTreeMap;
use std::io;

/// The user managers from before the login. `None` where systemd does not run.
pub(super) struct UserManagers(Option<io::Result<BTreeMap<u32, bool>>>);

impl UserManagers {
    /// The user managers that run now.
    pub(super) fn now() -> Self {
        Self(systemd::is_booted().then(systemd::managers))
    }

    /// The finding, once the user is logged in: logind makes a login wait until the manager runs.
    pub(super) fn finding(self, expected: &Expected) -> Finding {
        let unit = systemd::manager(expected.account.uid.as_raw());
        let check = Command::new("sftpjail check").arg(Name(expected.user.as_str()));
        let runs =
            |managers: &BTreeMap<u32, bool>| managers.get(&expected.account.uid.as_raw()) == Some(&true);
        let before = self.0.map(|before| before.and_then(|before| Ok((before, systemd::managers()?))));
        let mut consequence =
            Consequence::NotJailed("systemd runs a user manager outside of the jail".into());
        let (judgement, fix): (_, Fix) = match before {
            None => (Ok("none: systemd does not run here".into()), "".into()),
            Some(Err(error)) => {
                consequence = Consequence::Unknown("systemd does not answer".into());
                (Err(error.to_string()), "find out why systemd does not answer".into())
            }
            Some(Ok((before, now))) => match (runs(&before), runs(&now)) {
                (true, _) => (
                    Err(format!("{unit} ran before the login, outside of the jail")),
                    manager::ended(&Command::new("systemctl stop").arg(Name(&unit)).and(&check)),
                ),
                (false, true) => {
                    (Err(format!("the login started {unit}, outside of the jail")), check.into())
                }
                (false, false) => (Ok("none was started".into()), "".into()),
            },
        };
        Finding::judged("user manager", judgement, consequence, fix)
    }
}
