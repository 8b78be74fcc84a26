//! The file with which an admin keeps everybody but root out, and PAM's line that obeys it: pam_nologin(8).

use super::stack::Stack;
use crate::report::Location;
use std::path::{Path, PathBuf};

/// Where pam_nologin looks if its line has no `file=`, in this order.
const FILES: [&str; 2] = ["/var/run/nologin", "/etc/nologin"];

/// The file that is there, and the line of the account stack that refuses users because of it.
pub(crate) fn in_force(account: &Stack) -> Option<(PathBuf, &Location)> {
    account.lines.iter().find_map(|line| {
        let is_meant = line.is("pam_nologin.so") && line.refuses_on("auth_err");
        let module = line.module.as_ref().filter(|_| is_meant)?;
        let named = module.arguments.iter().find_map(|argument| argument.strip_prefix("file="));
        let files = named.map_or_else(|| FILES.to_vec(), |file| vec![file]);
        let file = files.into_iter().map(Path::new).find(|file| file.exists())?;
        Some((file.to_owned(), &line.location))
    })
}
