//! The checks of a login, and who gets their results.

use crate::error::Refusal;
use crate::fix::Fix;
use std::fmt::{self, Display};

/// The checks of a login, in this order. `Display` is the name of the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Check {
    Account,
    Profile,
    Name,
    HomeSpelling,
    HomePath,
    HomeOwner,
    Volume,
    Grant,
    Guard,
    JailRoot,
    Kernel,
    Log,
    Sessions,
}

impl Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Account => "account",
            Self::Profile => "profile",
            Self::Name => "name",
            Self::HomeSpelling => "home",
            Self::HomePath => "home path",
            Self::HomeOwner => "home owner",
            Self::Volume => "volume",
            Self::Grant => "grant",
            Self::Guard => "guard",
            Self::JailRoot => "jail root",
            Self::Kernel => "kernel",
            Self::Log => "log",
            Self::Sessions => "sessions",
        })
    }
}

/// The result of a check.
#[derive(Clone)]
pub enum CheckResult<'a> {
    /// The evidence.
    Passed(&'a dyn Display),
    /// The evidence and what gives the fix: most logins do not ask, and it may look around on the host. An admin should
    /// know it, but nobody is refused.
    Warned(&'a dyn Display, &'a dyn Fn() -> Fix),
    /// The login is refused.
    Failed(&'a Refusal),
}

/// Gets every result. `sftpjail check` prints them; a login logs them with the argument `debug`.
pub type Observer<'o> = &'o mut dyn FnMut(Check, CheckResult<'_>);

/// Reports a result to the observer, and returns it.
pub(super) fn observed<T: Display>(
    check: Check,
    result: Result<T, Refusal>,
    observe: Observer<'_>,
) -> Result<T, Refusal> {
    match &result {
        Ok(evidence) => observe(check, CheckResult::Passed(evidence)),
        Err(refusal) => observe(check, CheckResult::Failed(refusal)),
    }
    result
}
