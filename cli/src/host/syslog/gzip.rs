//! Decompresses logs.

use super::unreadable::Why;
use flate2::bufread::MultiGzDecoder;
use std::io::{self, BufRead, BufReader, Read};

/// The content, decompressed if the first bytes are those of gzip.
pub(super) fn decompressed<'r>(reader: impl Read + 'r) -> Result<Box<dyn Read + 'r>, Why> {
    let mut reader = BufReader::with_capacity(64 << 10, reader);
    // There is nothing that the caller could write meanwhile.
    while let Err(error) = reader.fill_buf() {
        if error.kind() != io::ErrorKind::WouldBlock {
            return Err(Why::Failed(error));
        }
    }
    let begin = reader.buffer();
    let other = match begin {
        [0x1f, 0x8b, ..] => return Ok(Box::new(MultiGzDecoder::new(reader))),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "xz",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
        [b'B', b'Z', b'h', ..] => "bzip2",
        _ => return Ok(Box::new(reader)),
    };
    Err(Why::Compressed(other))
}
