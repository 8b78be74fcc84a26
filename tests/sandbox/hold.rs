//! `sandbox-hold`: a sandbox with one live SFTP session, until stdin ends or this is killed. For the
//! test that kills it, and for a developer who wants to look around.

#![forbid(unsafe_code)]

use sandbox::Sandbox;
use std::io::{Read, stdin};

fn main() {
    let sb = Sandbox::new();
    sb.user("mle-sub").group("sftp").add();
    let _live = sb.sftp_live("mle-sub");
    println!("holding {}", sb.outer_pid());
    eprintln!("look around with: nsenter --target {} --all", sb.outer_pid());
    let _ended = stdin().read_to_end(&mut Vec::new());
}
