//! How an admin puts a user into a group, or removes one from it: a command where this host's own files have both, and
//! otherwise a sentence with the services that may have them. usermod and gpasswd change these files only.

use crate::host::accounts::Accounts;
use crate::host::groups;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix, Name};
use pam_sftpjail::nss::Group;
use pam_sftpjail::nss::switch::{Database, Line};

/// Puts the user into the group.
pub(crate) fn added(user: &str, group: &str) -> Fix {
    let join = Command::new("usermod -aG").arg(Name(group)).arg(Name(user));
    let is_local_user = Accounts::of_this_host().is_ok_and(|all| all.names().any(|name| name == user));
    match groups::local_list(group) {
        Ok(Some(_)) if is_local_user => join.into(),
        Ok(None) if is_local_user && matches!(Group::by_name(group), Ok(None)) => {
            Command::new("groupadd --system").arg(Name(group)).and(&join).into()
        }
        _ => format!("put {} into the group {}{}", escaped(user), escaped(group), elsewhere()).into(),
    }
}

/// Removes the user, who need not exist, from the group's list of members.
pub(crate) fn removed(user: &str, group: &str) -> Fix {
    match groups::local_list(group) {
        Ok(Some(members)) if members.iter().any(|member| member == user) => {
            Command::new("gpasswd -d").arg(Name(user)).arg(Name(group)).into()
        }
        _ => format!("remove {} from the group {}{}", escaped(user), escaped(group), elsewhere()).into(),
    }
}

/// Where to do that.
fn elsewhere() -> String {
    match Line::of(Database::Group) {
        Ok(line) => format!(" in the service that has it ({line})"),
        Err(_) => " in the service that has it".to_owned(),
    }
}
