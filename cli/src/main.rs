//! `sftpjail`, started. All that it does is in the crate beside it, which the fuzz targets call too.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    sftpjail::main()
}
