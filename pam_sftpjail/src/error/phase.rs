//! The phases of a login in which it can be refused.
#![forbid(unsafe_code)]

/// The hook that answers with a refusal; libpam expects other codes in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// `pam_sm_acct_mgmt`
    Account,
    /// `pam_sm_open_session` and `pam_sm_close_session`
    Session,
}

impl Phase {
    /// The word in log lines, as pam_syslog(3) writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Session => "session",
        }
    }
}
