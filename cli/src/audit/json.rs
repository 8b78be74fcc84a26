//! Operations and gaps as JSON Lines: one document a line.

use super::gaps::{Kind, Tally};
use super::operation::Operation;
use super::queue::Event;
use super::row::Row;
use crate::report::Outside;
use crate::report::json::{VERSION, line};
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, Write};

/// An operation.
#[derive(Serialize)]
struct OperationLine<'a> {
    version: u32,
    kind: &'static str,
    time: String,
    host: &'a str,
    pid: u32,
    /// `null` where the session has no beginning in the log.
    user: Option<&'a str>,
    address: Option<&'a str>,
    operation: &'static str,
    path: Cow<'a, str>,
    /// Hexadecimal, where `path` is not UTF-8 and so not exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
    /// The path as in the log, where `path` is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    jail_path: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_bytes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<u64>,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
    /// Whether internal-sftp cut the log entry.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

/// All gaps of a kind.
#[derive(Serialize)]
struct GapLine<'a> {
    version: u32,
    kind: &'static str,
    gap: &'static str,
    count: u64,
    message: String,
    fix: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    examples: Vec<&'a str>,
}

/// Writes an operation; `time` is RFC 3339.
pub(crate) fn operation(row: &Row, time: String, out: &mut impl Write) -> io::Result<()> {
    let Event { who, operation, .. } = &row.event;
    let client = who.client();
    let Operation { verb, detail, bytes, cut, .. } = operation;
    let (result, status) = row.result();
    let target = row.target();
    let document = OperationLine {
        version: VERSION,
        kind: "operation",
        time,
        host: &who.host,
        pid: who.pid,
        user: client.map(|client| client.user.as_str()),
        address: client.map(|client| client.address.as_str()),
        operation: verb.name(),
        path: String::from_utf8_lossy(row.path()),
        path_bytes: Outside::of_bytes(row.path()).bytes(),
        jail_path: row.path.as_ref().map(|_| String::from_utf8_lossy(&operation.path)),
        target: target.map(String::from_utf8_lossy),
        target_bytes: target.and_then(|target| Outside::of_bytes(target).bytes()),
        detail: Some(detail.as_str()).filter(|detail| !detail.is_empty()),
        read: bytes.map(|(read, _)| read),
        written: bytes.map(|(_, written)| written),
        result,
        status,
        cut: *cut,
    };
    line(&document, out)
}

/// Writes the gaps of a kind.
pub(crate) fn gap(kind: Kind, tally: &Tally, out: &mut impl Write) -> io::Result<()> {
    let Tally { count, examples } = tally;
    let document = GapLine {
        version: VERSION,
        kind: "gap",
        gap: kind.key(),
        count: *count,
        message: kind.message(*count),
        fix: kind.fix(),
        examples: examples.iter().map(String::as_str).filter(|example| !example.is_empty()).collect(),
    };
    line(&document, out)
}
