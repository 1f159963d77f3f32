//! How wide texts are, without a font to ask: at most as wide as this in the sans-serif fonts that are usual.

/// Widths of the printable characters of ASCII in hundredths of the font size: the greater one of DejaVu Sans, which is
/// wide, and Liberation Sans, whose letters are as wide as Arial's.
const ASCII: [u8; 95] = [
    32, 40, 46, 84, 64, 95, 78, 28, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34, 84,
    84, 84, 53, 102, 69, 69, 72, 77, 67, 61, 78, 76, 30, 50, 67, 57, 87, 75, 79, 67, 79, 72, 67, 62, 74, 69, 99, 69,
    67, 69, 39, 34, 39, 84, 56, 50, 61, 64, 56, 64, 62, 36, 64, 64, 28, 28, 58, 28, 98, 64, 61, 64, 64, 42, 53, 40, 64,
    60, 82, 60, 60, 53, 64, 34, 64, 84,
];

/// How much wider bold letters are.
const BOLD: f64 = 1.16;

/// The width of a text.
pub(super) fn width(text: &str, size: f64, bold: bool) -> f64 {
    let hundredths: f64 = text.chars().map(hundredths).sum();
    hundredths / 100.0 * size * if bold { BOLD } else { 1.0 }
}

fn hundredths(character: char) -> f64 {
    let number = u32::from(character);
    match number {
        0x20..=0x7E => ASCII.get(number as usize - 0x20).copied().map_or(100.0, f64::from),
        0x7F..0x370 => 80.0,
        0x370..0x1100 => 105.0,
        // What is written in squares, and pictures.
        _ => 130.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_as_wide_as_its_letters() {
        assert_eq!(width("", 12.0, false), 0.0);
        assert!((width("il", 100.0, false) - 56.0).abs() < 1e-9);
        assert!(width("Mi", 12.0, true) > width("Mi", 12.0, false));
        assert!(width("日本", 10.0, false) >= 20.0);
    }
}
