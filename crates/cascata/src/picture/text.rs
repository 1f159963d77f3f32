//! Texts that come from users, made fit for pictures.

/// How many characters of a name or value a picture shows.
const MOST: usize = 40;

/// A text in one line, not too long, without characters that XML forbids or that would turn what stands beside it.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(MOST + 1).map(fit).collect();
    if let Some((rest, _)) = shown.char_indices().nth(MOST) {
        let (last, _) = shown.char_indices().nth(MOST - 1).unwrap_or((rest, ' '));
        shown.truncate(last);
        shown.push('…');
    }
    shown
}

/// A text of any length for an attribute or element of XML, or an HTML-like label.
pub(super) fn markup(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars().map(fit) {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn fit(character: char) -> char {
    match character {
        '\n' | '\r' | '\t' => ' ',
        '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => '\u{FFFD}',
        '\u{FFFE}' | '\u{FFFF}' => '\u{FFFD}',
        other if other.is_control() => '\u{FFFD}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        assert_eq!(shown(&"é".repeat(40)), "é".repeat(40));
        assert_eq!(shown(&"é".repeat(41)), format!("{}…", "é".repeat(39)));
    }

    #[test]
    fn a_text_becomes_one_line_of_what_xml_may_hold() {
        assert_eq!(shown("a\nb\t\u{0}\u{1b}\u{202E}\u{FFFF}"), "a b \u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}");
        assert_eq!(markup("<\"a\" & 'b'>\n"), "&lt;&quot;a&quot; &amp; 'b'&gt; ");
    }
}
