//! Graphviz's language.

use std::fmt;

use super::colours;
use super::drawing::{Component, Drawing, Figure, Frame, Point, Port, Shape};
use super::text;

/// A document in Graphviz's language, in the parts that programs go on working with. Its text is that of the whole.
#[derive(Debug, Clone)]
pub struct Dot {
    /// What holds for all graphs, nodes and edges in it: `graph`, `node` or `edge`, and attributes.
    pub attributes: Vec<(&'static str, Vec<(&'static str, String)>)>,
    /// The lines between the braces, without the attributes.
    pub body: Vec<String>,
}

impl fmt::Display for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "digraph {{")?;
        for (of, attributes) in &self.attributes {
            writeln!(f, "\t{of} {}", list(attributes))?;
        }
        self.body.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        writeln!(f, "}}")
    }
}

/// A drawing in Graphviz's language. Nodes have the names of components, groups and exports, and the ports of a node
/// those of the component.
pub fn dot(drawing: &Drawing) -> Dot {
    let font = || ("fontname", "Helvetica,Arial,sans-serif".to_owned());
    let mut body = Vec::new();
    frame(drawing, None, 1, &mut body);
    for arrow in &drawing.arrows {
        body.push(format!("\t{} -> {}", point(drawing, arrow.from, true), point(drawing, arrow.to, false)));
    }
    let graph = [("rankdir", "LR"), ("nodesep", "0.3"), ("ranksep", "0.6"), ("fontsize", "12")];
    let mut graph = owned(&graph);
    graph.push(font());
    let mut node = owned(&[("shape", "plain"), ("fontsize", "12"), ("fontcolor", colours::INK)]);
    node.extend([("color", colours::LINE.to_owned()), font()]);
    let edge = owned(&[("color", colours::LINE), ("arrowsize", "0.7")]);
    Dot { attributes: vec![("graph", graph), ("node", node), ("edge", edge)], body }
}

/// What lies in a frame, or in none.
fn frame(drawing: &Drawing, parent: Option<usize>, depth: usize, body: &mut Vec<String>) {
    let indent = "\t".repeat(depth);
    for (_, figure) in drawing.figures_in(parent) {
        body.push(format!("{indent}{} {}", quoted(&figure.name), list(&attributes(figure))));
    }
    for (position, Frame { name, label, depth: level, .. }) in drawing.frames_in(parent) {
        body.push(format!("{indent}subgraph {} {{", quoted(&format!("cluster_{name}"))));
        let fill = colours::frame(*level);
        let look = owned(&[("style", "rounded,filled"), ("color", colours::LINE), ("fillcolor", fill)]);
        let label = ("label", label.clone());
        let graph: Vec<_> = look.into_iter().chain([label, ("fontcolor", colours::INK.to_owned())]).collect();
        body.push(format!("{indent}\tgraph {}", list(&graph)));
        frame(drawing, Some(position), depth + 1, body);
        body.push(format!("{indent}}}"));
    }
}

fn attributes(figure: &Figure) -> Vec<(&'static str, String)> {
    let (look, label) = match &figure.shape {
        Shape::Component(component) => {
            return vec![("label", format!("<{}>", table(component))), ("tooltip", figure.name.clone())];
        }
        Shape::Connector(how) => {
            let look = [("shape", "box"), ("style", "rounded,filled,dashed"), ("fillcolor", colours::CONNECTOR)];
            (owned(&look), format!("group connector\n{how}"))
        }
        Shape::Member(label) => (owned(&[("shape", "box"), ("style", "rounded,dashed")]), label.clone()),
        Shape::Export { label, .. } => {
            (owned(&[("shape", "cds"), ("style", "filled"), ("fillcolor", colours::EXPORT)]), label.clone())
        }
    };
    look.into_iter().chain([("fontsize", "10".to_owned()), ("label", label)]).collect()
}

/// A component as a table: its name, then a row for each pair of ports.
fn table(component: &Component) -> String {
    let whereabouts = component.whereabouts();
    let head = component.lone_worker().map_or(colours::HEAD, colours::worker);
    let (title, class) = (markup(&component.title()), markup(&component.class));
    let mut table = format!(
        r#"<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="4" COLOR="{}" BGCOLOR="{}">"#,
        colours::LINE,
        colours::PAPER
    );
    table += &format!(
        r#"<TR><TD COLSPAN="2" BGCOLOR="{head}"><B>{title}</B><BR/><FONT POINT-SIZE="10" COLOR="{}">{class}</FONT></TD></TR>"#,
        colours::MUTED
    );
    for row in 0..component.inports.len().max(component.outports.len()) {
        table += &format!(
            "<TR>{}{}</TR>",
            cell(component.inports.get(row), "LEFT"),
            cell(component.outports.get(row), "RIGHT")
        );
    }
    for persist in &component.persists {
        table += &format!(r#"<TR><TD COLSPAN="2" ALIGN="LEFT"><I>{}</I></TD></TR>"#, line(persist));
    }
    for (text, worker) in &whereabouts {
        let colour = worker.map_or(colours::PAPER, colours::worker);
        table += &format!(
            r#"<TR><TD COLSPAN="2" BGCOLOR="{colour}"><FONT POINT-SIZE="9">{}</FONT></TD></TR>"#,
            markup(text)
        );
    }
    table + "</TABLE>"
}

/// A text in a table. Graphviz puts names in the place of letters after a backslash, even there.
fn markup(text: &str) -> String {
    text::markup(text).replace('\\', "\\\\")
}

fn cell(port: Option<&Port>, align: &str) -> String {
    port.map_or_else(
        || "<TD></TD>".to_owned(),
        |port| format!(r#"<TD ALIGN="{align}" PORT="{}">{}</TD>"#, text::markup(&port.name), line(port)),
    )
}

fn line(port: &Port) -> String {
    let (label, line) = (markup(&port.label), markup(&port.line()));
    match line.strip_prefix(&label) {
        Some(rest) if !rest.is_empty() => {
            format!(r#"{label}<FONT POINT-SIZE="10" COLOR="{}">{rest}</FONT>"#, colours::MUTED)
        }
        _ => line,
    }
}

fn point(drawing: &Drawing, point: Point, begins: bool) -> String {
    let Figure { name, shape, .. } = &drawing.figures[point.figure];
    let side = if begins { 'e' } else { 'w' };
    match (shape, point.port) {
        (Shape::Component(component), Some(port)) => {
            let ports = if begins { &component.outports } else { &component.inports };
            format!("{}:{}:{side}", quoted(name), quoted(&ports[port].name))
        }
        _ => format!("{}:{side}", quoted(name)),
    }
}

fn owned(attributes: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    attributes.iter().map(|&(name, value)| (name, value.to_owned())).collect()
}

/// Attributes of a statement. A label that is a table is one of HTML-like text.
fn list(attributes: &[(&'static str, String)]) -> String {
    let value = |name: &str, value: &str| {
        if name == "label" && value.starts_with("<<TABLE") { value.to_owned() } else { quoted(value) }
    };
    let texts: Vec<_> = attributes.iter().map(|(name, text)| format!("{name}={}", value(name, text))).collect();
    format!("[{}]", texts.join(" "))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
