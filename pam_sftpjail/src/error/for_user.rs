//! What a user is shown where a login is refused.
#![forbid(unsafe_code)]

use super::Refusal;
use std::borrow::Cow;

impl Refusal {
    /// The sentence for the user: what to do, and nothing about the system.
    pub fn for_user(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Ended { for_user, .. } => {
                return Cow::Owned(format!(
                    "Your access ended on {for_user}. \
                     Please ask the administrator of this server if you still need it."
                ));
            }
            Self::NoGrant { .. } => {
                "SFTP is not possible: no folder of this server is open to you now. \
                 Please ask its administrator."
            }
            Self::HomeSpelling { .. }
            | Self::HomePath { .. }
            | Self::HomeOwner { .. }
            | Self::Guard { .. }
            | Self::Denied { .. } => {
                "SFTP is not possible: your home directory is missing or not safe to use. \
                 Please ask the administrator of this server to check it."
            }
            Self::Full { .. } => {
                "SFTP is not possible: your home directory is full. \
                 Please ask the administrator of this server to make room in it."
            }
            Self::LoginName { .. } | Self::NoSuchUser { .. } | Self::Name { .. } => {
                "SFTP is not possible: this account name cannot be used for it. \
                 Please ask the administrator of this server."
            }
            Self::Empty { .. } => {
                "SFTP is not possible: the folder of this account is missing. \
                 Please ask the administrator of this server to make it again."
            }
            Self::TooManySessions { .. } => {
                "SFTP is not possible: you have as many open connections as you are allowed. \
                 Close one and try again."
            }
            Self::OtherJail { .. } => {
                "SFTP is not possible while your older connections are open. \
                 Close them and try again."
            }
            _ => {
                "SFTP is not possible because of a problem on this server. \
                 Please tell its administrator. Your account and your files have not been changed."
            }
        })
    }
}
