//! Mermaid's flowcharts.

use super::colours;
use super::drawing::{Arrow, Component, Drawing, Figure, Point, Port, Shape};

/// A drawing as a Mermaid flowchart. Flowcharts have no ports: arrows bear the names of those that they join, and a
/// component lists those that no arrow names or of which there is more to say.
pub fn mermaid(drawing: &Drawing) -> String {
    let mut text = "flowchart LR\n".to_owned();
    frame(drawing, None, 1, &mut text);
    for arrow in &drawing.arrows {
        let (from, to) = (arrow.from.figure, arrow.to.figure);
        let label = label(drawing, arrow).map(|label| format!("|\"{label}\"|")).unwrap_or_default();
        text += &format!("  f{from} -->{label} f{to}\n");
    }
    let style = |class: &str, fill: &str, more: &str| {
        format!("  classDef {class} fill:{fill},stroke:{},color:{}{more}\n", colours::LINE, colours::INK)
    };
    text += &style("component", colours::PAPER, "");
    text += &style("connector", colours::CONNECTOR, ",stroke-dasharray:4 3");
    text += &style("member", colours::PAPER, ",stroke-dasharray:4 3");
    text += &style("exported", colours::EXPORT, "");
    for depth in 0..2 {
        if drawing.frames.iter().any(|frame| frame.depth % 2 == depth) {
            text += &style(&format!("frame{depth}"), colours::frame(depth), "");
        }
    }
    let components = drawing.figures.iter().filter_map(|figure| match &figure.shape {
        Shape::Component(component) => component.lone_worker(),
        _ => None,
    });
    let mut workers: Vec<_> = components.collect();
    workers.sort_unstable();
    workers.dedup();
    for worker in workers {
        text += &style(&format!("worker{worker}"), colours::worker(worker), "");
    }
    text
}

/// What lies in a frame, or in none.
fn frame(drawing: &Drawing, parent: Option<usize>, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    for (position, figure) in drawing.figures_in(parent) {
        *text += &format!("{indent}f{position}{}\n", node(drawing, position, figure));
    }
    for (position, frame_) in drawing.frames_in(parent) {
        *text += &format!("{indent}subgraph s{position} [\"{}\"]\n", escaped(&frame_.label));
        frame(drawing, Some(position), depth + 1, text);
        *text += &format!("{indent}end\n{indent}class s{position} frame{}\n", frame_.depth % 2);
    }
}

fn node(drawing: &Drawing, position: usize, figure: &Figure) -> String {
    match &figure.shape {
        Shape::Component(component) => {
            let class =
                component.lone_worker().map_or_else(|| "component".to_owned(), |worker| format!("worker{worker}"));
            format!("[\"{}\"]:::{class}", lines(drawing, position, component).join("<br/>"))
        }
        Shape::Connector(how) => format!("([\"group connector<br/>{}\"]):::connector", escaped(how)),
        Shape::Member(label) => format!("([\"{}\"]):::member", escaped(label)),
        Shape::Export { label, .. } => format!("[/\"{}\"/]:::exported", escaped(label)),
    }
}

fn lines(drawing: &Drawing, position: usize, component: &Component) -> Vec<String> {
    let mut lines = vec![format!("<b>{}</b>", escaped(&component.title())), escaped(&component.class)];
    let arrows = |begins: bool| {
        let points = drawing.arrows.iter().map(move |arrow| if begins { arrow.from } else { arrow.to });
        points.filter(|point| point.figure == position).filter_map(|point| point.port).collect::<Vec<_>>()
    };
    for (begins, ports) in [(false, &component.inports), (true, &component.outports)] {
        let joined = arrows(begins);
        let told = |(number, port): &(usize, &Port)| {
            port.value.is_some() || !port.notes.is_empty() || !joined.contains(number)
        };
        let side = |line: String| if begins { format!("{line} ▸") } else { format!("▸ {line}") };
        lines.extend(ports.iter().enumerate().filter(told).map(|(_, port)| side(escaped(&port.line()))));
    }
    lines.extend(component.persists.iter().map(|persist| format!("<i>{}</i>", escaped(&persist.line()))));
    lines.extend(component.whereabouts().iter().map(|(text, _)| escaped(text)));
    lines
}

/// The names of the ports that an arrow joins.
fn label(drawing: &Drawing, arrow: &Arrow) -> Option<String> {
    let name = |point: Point, begins: bool| match &drawing.figures[point.figure].shape {
        Shape::Component(component) => {
            let ports = if begins { &component.outports } else { &component.inports };
            point.port.map(|port| escaped(&ports[port].label))
        }
        _ => None,
    };
    match (name(arrow.from, true), name(arrow.to, false)) {
        (Some(from), Some(to)) => Some(format!("{from} → {to}")),
        (from, to) => from.or(to),
    }
}

/// A text as Mermaid takes it between quotes: all that means something to it, or to HTML or Markdown, by its number.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_alphanumeric() || " _-.,=×·…–:/'()".contains(character) {
            escaped.push(character);
        } else {
            escaped.push_str(&format!("#{};", u32::from(character)));
        }
    }
    escaped
}
