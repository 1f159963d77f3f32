//! Scalable vector graphics.

mod measure;
mod nest;
mod pen;
mod sketch;

use self::pen::{Pen, Style, number};
use super::colours;
use super::drawing::{Drawing, Figure, Point, Shape};
use super::text::markup;

const FRAME: Style = Style { size: 12.0, bold: true, italic: false, colour: colours::MUTED };

/// How many components a picture names for those who cannot see it.
const NAMED: usize = 50;

/// A drawing as an SVG document. It needs no fonts, styles or scripts, and is read on light and on dark pages.
///
/// Elements of the classes `component`, `connector`, `member`, `export`, `frame` and `arrow` have names in `data-name`, or
/// in `data-from` and `data-to`.
///
/// It is drawn in columns from left to right. What gets far wider than high is folded: it goes on in a row below, as a
/// text does.
pub fn svg(drawing: &Drawing) -> String {
    document(drawing, None)
}

/// The same, folded so that it is at most so many pixels wide; wider where a box, or one with those that have to be beside
/// it, is wider.
pub fn svg_within(drawing: &Drawing, width: f64) -> String {
    document(drawing, Some(width))
}

fn document(drawing: &Drawing, most: Option<f64>) -> String {
    let sketches: Vec<_> = drawing.figures.iter().map(|figure| sketch::sketch(&figure.shape)).collect();
    let titles: Vec<_> = drawing.frames.iter().map(|frame| FRAME.width(&frame.label)).collect();
    let nested = nest::nest(drawing, &sketches, &titles, most);
    let mut pen = Pen::default();
    let (width, height) = (number(nested.size.0), number(nested.size.1));
    let summary = format!("Graph of {}", drawing.summary());
    pen.raw(&format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-label="{summary}" font-family="Helvetica, Arial, sans-serif">"#
    ));
    pen.raw(&format!("\n<title>{summary}</title>\n<desc>{}</desc>\n", markup(&description(drawing))));
    // What lies in others stands before them, and is drawn after them.
    for (frame, (at, size)) in drawing.frames.iter().zip(&nested.frames).rev() {
        pen.raw(&format!(r#"<g class="frame" data-name="{}">"#, markup(&frame.name)));
        pen.rect(*at, *size, 8.0, colours::frame(frame.depth), &format!(r#" stroke="{}""#, colours::LINE));
        pen.text((at.0 + 12.0, at.1 + 19.0), &frame.label, FRAME, "start");
        pen.raw("</g>\n");
    }
    for (arrow, ways) in drawing.arrows.iter().zip(&nested.arrows) {
        let (from, to) = (markup(&point(drawing, arrow.from, true)), markup(&point(drawing, arrow.to, false)));
        pen.raw(&format!(r#"<g class="arrow" data-from="{from}" data-to="{to}"><title>{from} → {to}</title>"#));
        pen.arrow(ways);
        pen.raw("</g>\n");
    }
    for ((figure, sketch), (x, y)) in drawing.figures.iter().zip(&sketches).zip(&nested.figures) {
        let (class, name, x, y) = (class(figure), markup(&figure.name), number(*x), number(*y));
        pen.raw(&format!(
            r#"<g class="{class}" data-name="{name}" transform="translate({x} {y})"><title>{name}</title>"#
        ));
        pen.raw(&sketch.markup);
        pen.raw("</g>\n");
    }
    pen.raw("</svg>\n");
    pen.finish()
}

fn class(figure: &Figure) -> &'static str {
    match figure.shape {
        Shape::Component(_) => "component",
        Shape::Connector(_) => "connector",
        Shape::Member(_) => "member",
        Shape::Export { .. } => "export",
    }
}

/// The name of a figure, with that of its port.
fn point(drawing: &Drawing, point: Point, begins: bool) -> String {
    let figure = &drawing.figures[point.figure];
    match (&figure.shape, point.port) {
        (Shape::Component(component), Some(port)) => {
            let ports = if begins { &component.outports } else { &component.inports };
            format!("{}.{}", figure.name, ports[port].name)
        }
        _ => figure.name.clone(),
    }
}

/// The components, for those who cannot see the picture.
fn description(drawing: &Drawing) -> String {
    let components: Vec<_> = drawing.figures.iter().filter(|figure| class(figure) == "component").collect();
    let mut names: Vec<_> = components.iter().take(NAMED).map(|figure| figure.name.clone()).collect();
    if components.len() > NAMED {
        names.push(format!("and {} more", components.len() - NAMED));
    }
    names.join(", ")
}
