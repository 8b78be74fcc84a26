//! Reads what is granted to a member, and once more when the session has its record.

use crate::denied_by::DeniedBy;
use crate::error::Refusal;
use crate::escape::escaped;
use crate::grants::{self, Grant};
use crate::name::UserName;
use crate::plan::Plan;

/// The grants in the user's file.
pub(super) fn of(user: &UserName) -> Result<Vec<Grant>, Refusal> {
    grants::load(user).map_err(|error| match error.exhaustion() {
        Some(errno) => Refusal::Exhausted { errno },
        None if error.is_denied() => {
            Refusal::Denied { path: escaped(error.path()).to_string(), by: DeniedBy::process() }
        }
        None => Refusal::Grants { name: user.as_str().to_owned(), why: error.to_string(), fix: error.fix() },
    })
}

/// Refuses a plan with grants that were changed after they were read. Who takes one back changes the file, and then ends
/// the sessions that have a record. So whoever has a record before the file is read again is ended, or reads the new one.
pub(super) fn still(plan: &Plan) -> Result<(), Refusal> {
    match plan.grants.is_empty() || of(&plan.user)? == plan.granted {
        true => Ok(()),
        false => Err(Refusal::GrantsChanged { name: plan.user.clone() }),
    }
}
