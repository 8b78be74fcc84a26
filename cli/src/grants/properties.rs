//! What must hold of the files that these verbs change, and of the times that they understand.

pub use super::edit::properties::edited_grants;
pub use super::end::properties::ends;
pub use super::key_file::properties::key_files;
