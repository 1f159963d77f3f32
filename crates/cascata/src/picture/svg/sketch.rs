//! Figures by themselves: how large they are, where their ports are, and what they look like.

use super::measure::width;
use super::pen::{Pen, Style};
use crate::picture::colours;
use crate::picture::drawing::{Component, Port, Shape};

/// A figure by itself.
pub(super) struct Sketch {
    pub(super) width: f64,
    pub(super) height: f64,
    /// How far below the top arrows arrive, by inport.
    pub(super) inlets: Vec<f64>,
    /// How far below the top arrows begin, by outport.
    pub(super) outlets: Vec<f64>,
    /// SVG, with the left upper corner at 0.
    pub(super) markup: String,
}

const TITLE: Style = Style { size: 13.0, bold: true, italic: false, colour: colours::INK };
const CLASS: Style = Style { size: 11.0, bold: false, italic: false, colour: colours::MUTED };
const PORT: Style = Style { size: 12.0, bold: false, italic: false, colour: colours::INK };
const VALUE: Style = Style { size: 11.0, bold: false, italic: false, colour: colours::MUTED };
const NOTE: Style = Style { size: 10.0, bold: false, italic: false, colour: colours::MUTED };
const PERSIST: Style = Style { size: 12.0, bold: false, italic: true, colour: colours::INK };
const BADGE: Style = Style { size: 10.0, bold: false, italic: false, colour: colours::INK };

/// Space between a text and the border of its box.
const INSET: f64 = 10.0;
const HEAD: f64 = 38.0;
const ROW: f64 = 19.0;
const NOTES: f64 = 13.0;
const BADGES: f64 = 19.0;
/// Between inports and outports.
const BETWEEN: f64 = 26.0;
/// Between a name and its value.
const SPACE: f64 = 5.0;

/// Draws a figure.
pub(super) fn sketch(shape: &Shape) -> Sketch {
    match shape {
        Shape::Component(component) => of_component(component),
        Shape::Connector(how) => connector(how),
        Shape::Member(label) => pill(label, colours::PAPER, true),
        Shape::Export { label, .. } => pill(label, colours::EXPORT, false),
    }
}

fn of_component(component: &Component) -> Sketch {
    let Component { inports, outports, persists, .. } = component;
    let badges = component.whereabouts();
    let (title, class) = (component.title(), &component.class);
    let left = inports.iter().map(port_width).fold(0.0, f64::max);
    let right = outports.iter().map(port_width).fold(0.0, f64::max);
    let ports = left + right + if inports.is_empty() || outports.is_empty() { 0.0 } else { BETWEEN };
    let heads = TITLE.width(&title).max(CLASS.width(class));
    let others = persists.iter().map(port_width).chain(badges.iter().map(|(text, _)| BADGE.width(text) + 12.0));
    let width = others.fold(heads.max(ports), f64::max) + 2.0 * INSET;
    let mut pen = Pen::default();
    let mut y = HEAD + 5.0;
    let (mut inlets, mut outlets) = (Vec::new(), Vec::new());
    let mut body = Pen::default();
    for row in 0..inports.len().max(outports.len()) {
        let mut height = ROW;
        if let Some(port) = inports.get(row) {
            body.port((INSET, y), port, PORT);
            inlets.push(y + ROW / 2.0);
            if !port.notes.is_empty() {
                height += NOTES;
            }
        }
        if let Some(port) = outports.get(row) {
            body.text((width - INSET, y + 13.5), &port.label, PORT, "end");
            outlets.push(y + ROW / 2.0);
        }
        y += height;
    }
    if !persists.is_empty() {
        body.rule((1.0, y + 3.0), width - 2.0);
        y += 6.0;
        for persist in persists {
            body.port((INSET, y), persist, PERSIST);
            y += ROW;
        }
    }
    let mut x = INSET;
    if !badges.is_empty() {
        y += 3.0;
    }
    for (text, worker) in &badges {
        let wide = BADGE.width(text) + 12.0;
        if x > INSET && x + wide > width - INSET {
            (x, y) = (INSET, y + BADGES);
        }
        body.rect((x, y), (wide, 16.0), 8.0, worker.map_or(colours::HEAD, colours::worker), "");
        body.text((x + 6.0, y + 11.5), text, BADGE, "start");
        x += wide + 4.0;
    }
    if !badges.is_empty() {
        y += BADGES;
    }
    let height = y + 4.0;
    pen.outline((width, height), 5.0, colours::PAPER, "");
    let colour = component.lone_worker().map_or(colours::HEAD, colours::worker);
    pen.head((width, HEAD), 5.0, colour);
    pen.text((width / 2.0, 16.5), &title, TITLE, "middle");
    pen.text((width / 2.0, 31.0), class, CLASS, "middle");
    pen.append(&body);
    inlets.iter().for_each(|&inlet| pen.dot((0.0, inlet)));
    outlets.iter().for_each(|&outlet| pen.dot((width, outlet)));
    Sketch { width, height, inlets, outlets, markup: pen.finish() }
}

fn connector(how: &str) -> Sketch {
    let label = "group connector";
    let (width, height) = (NOTE.width(label).max(CLASS.width(how)) + 28.0, 34.0);
    let mut pen = Pen::default();
    pen.outline((width, height), height / 2.0, colours::CONNECTOR, "4 3");
    pen.text((width / 2.0, 14.5), label, NOTE, "middle");
    pen.text((width / 2.0, 27.0), how, Style { colour: colours::INK, ..CLASS }, "middle");
    Sketch { width, height, inlets: vec![height / 2.0], outlets: vec![height / 2.0], markup: pen.finish() }
}

fn pill(label: &str, fill: &str, dashed: bool) -> Sketch {
    let (width, height) = (CLASS.width(label) + 20.0, 20.0);
    let mut pen = Pen::default();
    pen.outline((width, height), height / 2.0, fill, if dashed { "4 3" } else { "" });
    pen.text((width / 2.0, 14.0), label, Style { colour: colours::INK, ..CLASS }, "middle");
    Sketch { width, height, inlets: vec![height / 2.0], outlets: vec![height / 2.0], markup: pen.finish() }
}

fn port_width(port: &Port) -> f64 {
    let value = port.value.as_ref().map_or(0.0, |value| SPACE + VALUE.width(value));
    let notes = NOTE.width(&port.notes.join(" · "));
    (PORT.width(&port.label) + value).max(notes)
}

impl Style {
    pub(super) fn width(&self, text: &str) -> f64 {
        width(text, self.size, self.bold)
    }
}

impl Pen {
    /// A port with its value and, below, its notes.
    fn port(&mut self, (x, y): (f64, f64), port: &Port, style: Style) {
        self.text((x, y + 13.5), &port.label, style, "start");
        if let Some(value) = &port.value {
            self.text((x + style.width(&port.label) + SPACE, y + 13.5), value, VALUE, "start");
        }
        if !port.notes.is_empty() {
            self.text((x, y + ROW + 7.5), &port.notes.join(" · "), NOTE, "start");
        }
    }
}
