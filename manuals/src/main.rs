//! `sftpjail-manuals SOURCES DIRECTORY DATE`: writes the manual pages and the completions of the shells into DIRECTORY,
//! as they are below PREFIX. SOURCES has what clap does not know, a Markdown file for each page, and pages that are
//! written by hand, which stay as they are. DATE is that of the pages, such as 2026-11-28.
#![forbid(unsafe_code)]

mod completions;
mod markdown;
mod page;
mod roff;
mod synopsis;

use clap::Command;
use std::ffi::OsString;
use std::fmt::Display;
use std::fs;
use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let [sources, directory, date] = &arguments[..] else {
        return Err(io::Error::other("usage: sftpjail-manuals SOURCES DIRECTORY DATE"));
    };
    let (sources, share) = (Path::new(sources), Path::new(directory).join("share"));
    let date = date.to_str().ok_or_else(|| io::Error::other("DATE is not UTF-8"))?;
    // A page of a verb that is gone does not stay.
    if share.exists() {
        fs::remove_dir_all(&share).map_err(|error| at(&share, &error))?;
    }
    let mut program = sftpjail::command().disable_help_subcommand(true);
    // It gives each verb its full name, and the options that all have.
    program.build();
    // clap wants names that are there until the end.
    let program: &'static Command = Box::leak(Box::new(program));
    write_page(program, sources, &share, date)?;
    for verb in program.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        write_page(verb, sources, &share, date)?;
    }
    by_hand(sources, &share)?;
    completions::scripts(program).iter().try_for_each(|(path, script)| write(&share.join(path), script))
}

/// The page of the program or of a verb.
fn write_page(command: &'static Command, sources: &Path, share: &Path, date: &str) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let file = sources.join(format!("{name}.md"));
    let text = fs::read_to_string(&file).map_err(|error| at(&file, &error))?;
    let sections = markdown::sections(&text).map_err(|error| at(&file, &error))?;
    write(&share.join(format!("man/man8/{name}.8")), &page::page(command, name, &sections, date)?)
}

/// Copies the pages that are written by hand.
fn by_hand(sources: &Path, share: &Path) -> io::Result<()> {
    for entry in sources.read_dir().map_err(|error| at(sources, &error))? {
        let path = entry?.path();
        let section = path.extension().and_then(|extension| extension.to_str());
        if let (Some(section @ ("5" | "8")), Some(name)) = (section, path.file_name()) {
            let text = fs::read_to_string(&path).map_err(|error| at(&path, &error))?;
            write(&share.join(format!("man/man{section}")).join(name), &text)?;
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    path.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| at(path, &error))
}

fn at(path: &Path, what: &dyn Display) -> io::Error {
    io::Error::other(format!("{}: {what}", path.display()))
}
