//! Whose session it is. All operations of a session share one [`Who`], because its last log entry may be the first that
//! names the user.

use crate::host::syslog::session_entry::NO_ADDRESS;
use jiff::Timestamp;
use std::cell::{Cell, OnceCell};
use std::rc::Rc;

/// A session, as its operations name it.
#[derive(Debug)]
pub(crate) struct Who {
    pub(crate) host: Rc<str>,
    /// The host in the form in which [`super::join`] compares it.
    pub(crate) host_key: u64,
    pub(crate) pid: u32,
    /// The time of its first entry in the log.
    pub(crate) first: Timestamp,
    client: OnceCell<Client>,
    /// No more of its entries are expected.
    is_over: Cell<bool>,
    /// Whether a summary has counted it.
    is_counted: Cell<bool>,
}

/// The user and address of a session, as in the log, unescaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) user: String,
    pub(crate) address: String,
}

impl Client {
    /// Whether it is a session of `sftpjail probe`, or of another program of root's that runs `sshd -i` behind a pipe.
    pub(crate) fn is_probe(&self) -> bool {
        self.address == NO_ADDRESS
    }
}

impl Who {
    /// `client`: `None` where the session's beginning is not in the log.
    pub(crate) fn new(
        (host, host_key): (Rc<str>, u64),
        pid: u32,
        client: Option<Client>,
        first: Timestamp,
    ) -> Self {
        let client = client.map_or_else(OnceCell::new, OnceCell::from);
        let (is_over, is_counted) = (Cell::new(false), Cell::new(false));
        Self { host, host_key, pid, first, client, is_over, is_counted }
    }

    /// `None`: unknown, so far or for ever.
    pub(crate) fn client(&self) -> Option<&Client> {
        self.client.get()
    }

    /// The end of a session names its client. It does not change one that is known.
    pub(crate) fn end(&self, client: Option<Client>) {
        if let Some(client) = client {
            let _is_known = self.client.set(client);
        }
        self.is_over.set(true);
    }

    /// Whether nothing more will be known of it.
    pub(crate) fn is_known(&self) -> bool {
        self.is_over.get() || self.client.get().is_some()
    }

    /// Whether this is the first call: a session counts once.
    pub(crate) fn is_first_count(&self) -> bool {
        !self.is_counted.replace(true)
    }
}
