//! Text from outside, in HTML: the one way in which any gets there.

use crate::report::Outside;
use pam_sftpjail::escape::one_line;
use std::fmt::{self, Display, Write};

/// A text, of which a browser shows every character and obeys none, in elements and in attributes with quotes.
pub(super) struct Escaped(String);

/// A name, a path or the like, as it is outside.
pub(super) fn outside(text: &str) -> Escaped {
    Escaped(Outside::new(text).to_string())
}

/// A sentence of this program's, in which names are escaped for a terminal already, or a text for people, such as a
/// note.
pub(super) fn sentence(text: &str) -> Escaped {
    Escaped(one_line(text))
}

impl Display for Escaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c => f.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_obeys_nothing_and_shows_all() {
        for (text, shown) in [
            ("anna", "anna"),
            (
                "</td><script>alert(1)</script>",
                "&quot;&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;",
            ),
            ("\" onload='x'", "&quot;\\&quot; onload=&#39;x&#39;&quot;"),
            ("a&b", "&quot;a&amp;b&quot;"),
        ] {
            assert_eq!(outside(text).to_string(), shown, "{text}");
        }
        assert_eq!(
            sentence("<b>\u{202e}\n\u{1b}x").to_string().matches(['<', '\u{202e}', '\n', '\u{1b}']).count(),
            0
        );
    }
}
