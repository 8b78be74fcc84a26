//! What must hold of every time that an admin types: what is shown and what is written of it are the same moment.

use super::End;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use pam_sftpjail::escape::is_plain;

pub fn ends(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap_or(TimeZone::UTC);
    for zone in [TimeZone::UTC, berlin] {
        let now = Timestamp::from_second(1_795_779_015).unwrap_or_default().to_zoned(zone);
        match End::parse(text, &now) {
            Ok(end) => {
                assert!(end.at.timestamp() > now.timestamp(), "{text:?}");
                assert!(end.note.iter().all(|note| is_plain(note)), "{text:?}");
                for again in [end.shown(), end.written()] {
                    let read = End::parse(&again, &now).map(|end| end.at).map_err(|error| error.to_string());
                    assert_eq!(read.as_ref(), Ok(&end.at), "{text:?}: {again}");
                }
            }
            Err(error) => assert!(is_plain(&error.to_string()), "{text:?}: {error}"),
        }
    }
}
