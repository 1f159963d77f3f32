//! Pictures of graphs: as text for Graphviz ([`dot`]) and Mermaid ([`mermaid`]), and as SVG ([`svg`], [`svg_within`]), which needs
//! neither.
//!
//! A [`Drawing`] says what is seen: components with their ports, groups as one figure each, subgraphs as frames. The
//! formats say how. The same graph gives the same picture.
//!
//! ```
//! # use std::sync::Arc;
//! # use cascata::graph::{Definition, Graph, Inport, Outport};
//! use cascata::picture::{self, Drawing};
//!
//! let outport = |name: &str| vec![Outport { name: name.to_owned() }];
//! let inport = |name: &str| vec![Inport { name: name.to_owned(), capacity: Some(10), default: None }];
//! let poem = Arc::new(Definition::new("Poem", "", vec![], outport("line"), vec![], 0)?);
//! let split = Arc::new(Definition::new("Split", "", inport("text"), vec![], vec![], 0)?);
//! let mut graph = Graph::new();
//! graph.add("poem", poem)?;
//! graph.add("split", split)?;
//! graph.connect("poem", "line", "split", "text")?;
//! let drawing = Drawing::of(&graph, None);
//! assert!(picture::svg(&drawing).starts_with("<svg"));
//! assert!(picture::mermaid(&drawing).starts_with("flowchart LR"));
//! assert!(picture::dot(&drawing).to_string().contains(r#""poem":"line":e -> "split":"text":w"#));
//! # Ok::<_, cascata::graph::GraphError>(())
//! ```

mod arrows;
mod colours;
mod components;
mod dot;
mod drawing;
mod layout;
mod mermaid;
mod svg;
mod text;

pub use dot::{Dot, dot};
pub use drawing::{Arrow, Component, Drawing, Figure, Frame, Place, Point, Port, Shape};
pub use mermaid::mermaid;
pub use svg::{svg, svg_within};
