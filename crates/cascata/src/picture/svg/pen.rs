//! Writes SVG.

use std::fmt::Write;

use crate::picture::colours;
use crate::picture::layout::{Part, Way};
use crate::picture::text::markup;

/// What a text looks like.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) size: f64,
    pub(super) bold: bool,
    pub(super) italic: bool,
    pub(super) colour: &'static str,
}

/// Elements, one after the other. They have no identifiers and no style sheet, which would meet those of other pictures
/// on the same page.
#[derive(Default)]
pub(super) struct Pen {
    svg: String,
}

impl Pen {
    pub(super) fn finish(self) -> String {
        self.svg
    }

    pub(super) fn append(&mut self, other: &Self) {
        self.svg.push_str(&other.svg);
    }

    pub(super) fn raw(&mut self, svg: &str) {
        self.svg.push_str(svg);
    }

    pub(super) fn text(&mut self, (x, y): (f64, f64), text: &str, style: Style, anchor: &str) {
        let (x, y, size) = (number(x), number(y), number(style.size));
        let weight = if style.bold { r#" font-weight="bold""# } else { "" };
        let slant = if style.italic { r#" font-style="italic""# } else { "" };
        let anchor = if anchor == "start" { String::new() } else { format!(r#" text-anchor="{anchor}""#) };
        let (colour, text) = (style.colour, markup(text));
        self.put(format_args!(
            r#"<text x="{x}" y="{y}" font-size="{size}"{weight}{slant}{anchor} fill="{colour}">{text}</text>"#
        ));
    }

    /// The box of a figure.
    pub(super) fn outline(&mut self, size: (f64, f64), radius: f64, fill: &str, dashes: &str) {
        let dashes = if dashes.is_empty() { String::new() } else { format!(r#" stroke-dasharray="{dashes}""#) };
        self.rect((0.0, 0.0), size, radius, fill, &format!(r#" stroke="{}"{dashes}"#, colours::LINE));
    }

    pub(super) fn rect(&mut self, at: (f64, f64), size: (f64, f64), radius: f64, fill: &str, more: &str) {
        let (x, y, width, height) = (number(at.0), number(at.1), number(size.0), number(size.1));
        let radius = number(radius);
        self.put(format_args!(
            r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}" fill="{fill}"{more}/>"#
        ));
    }

    /// The head of a box: round above, and inside of its outline.
    pub(super) fn head(&mut self, (width, height): (f64, f64), radius: f64, fill: &str) {
        let (right, bottom, inner, round) =
            (number(width - 0.5), number(height), number(width - radius), number(radius - 0.5));
        let (r, below) = (number(radius), number(radius));
        self.put(format_args!(
            r#"<path d="M0.5 {bottom}V{below}A{round} {round} 0 0 1 {r} 0.5H{inner}A{round} {round} 0 0 1 {right} {below}V{bottom}Z" fill="{fill}"/>"#
        ));
    }

    pub(super) fn rule(&mut self, (x, y): (f64, f64), width: f64) {
        let (x, y, width) = (number(x), number(y), number(width));
        self.put(format_args!(r#"<path d="M{x} {y}h{width}" stroke="{}"/>"#, colours::HEAD));
    }

    /// A port.
    pub(super) fn dot(&mut self, (x, y): (f64, f64)) {
        let (x, y) = (number(x), number(y));
        self.put(format_args!(r#"<circle cx="{x}" cy="{y}" r="2.6" fill="{}"/>"#, colours::LINE));
    }

    /// An arrow along ways that follow each other.
    pub(super) fn arrow(&mut self, ways: &[Way]) {
        let mut path = String::new();
        let mut end = (0.0, 0.0);
        for way in ways {
            end = way.from;
            path += &format!("M{} {}", number(end.0), number(end.1));
            for part in &way.parts {
                match *part {
                    Part::Line(x) => {
                        end.0 = x;
                        path += &format!("H{}", number(x));
                    }
                    Part::Plumb(y) => {
                        end.1 = y;
                        path += &format!("V{}", number(y));
                    }
                    Part::Curve(points) => {
                        end = points[2];
                        let points = points.map(|(x, y)| format!("{} {}", number(x), number(y)));
                        path += &format!("C{}", points.join(" "));
                    }
                }
            }
        }
        self.put(format_args!(r#"<path d="{path}" fill="none" stroke="{}" stroke-width="1.3"/>"#, colours::LINE));
        let (x, y) = (number(end.0), number(end.1));
        self.put(format_args!(r#"<path d="M{x} {y}l-8 -3.6v7.2z" fill="{}"/>"#, colours::LINE));
    }

    fn put(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.svg.write_fmt(element);
    }
}

/// A number with one digit after the point at most.
pub(super) fn number(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    // There is a zero below zero.
    format!("{}", if rounded == 0.0 { 0.0 } else { rounded })
}
