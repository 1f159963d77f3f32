//! From a document to the graph, by the steps that build one.

use std::collections::HashSet;
use std::fmt::Display;

use super::document::{Document, Edge, Entry, Exported, Function, Inport, Json};
use super::error::{FormatError, Path};
use super::{Language, Named, Place, Side, Slot};
use crate::graph::{Batch, Definition, End, Graph, Policy, PortKind};

pub(super) fn graph<L: Language>(document: &Document, language: &mut L) -> Result<Graph<L::Value>, FormatError> {
    permit(document, &Path::Root, language)?;
    let mut fed = HashSet::new();
    feed(document, "", &mut fed);
    Reader { language, fed }.graph(document, &Path::Root, "")
}

/// Asks whether every module that is named may be loaded.
fn permit(document: &Document, path: &Path<'_>, language: &mut impl Language) -> Result<(), FormatError> {
    let mut ask = |module: &str, path: &Path<'_>| {
        language.permit(module).map_err(|problem| FormatError::new(&path.key("module"), problem))
    };
    for (key, entries) in [("nodes", &document.nodes), ("group_handles", &document.group_handles)] {
        let path = path.key(key);
        for (name, entry) in entries {
            let path = path.key(name);
            ask(&entry.module, &path)?;
            let path = path.key("inports");
            for (name, inport) in &entry.inports {
                if let Some(Function { module, .. }) = &inport.key {
                    ask(module, &path.key(name).key("key"))?;
                }
            }
        }
    }
    let path = path.key("subgraphs");
    document.subgraphs.iter().try_for_each(|(name, inner)| permit(inner, &path.key(name), language))
}

/// Notes the inports that a connection leads to, by the names that components and groups have in the whole graph.
fn feed(document: &Document, prefix: &str, fed: &mut HashSet<(String, String)>) {
    fed.extend(document.edges.iter().map(|Edge(_, _, to, inport)| (format!("{prefix}{to}"), inport.clone())));
    for (name, inner) in &document.subgraphs {
        feed(inner, &format!("{prefix}{name}_"), fed);
    }
}

struct Reader<'a, L> {
    language: &'a mut L,
    fed: HashSet<(String, String)>,
}

/// Says where a problem is.
trait At<T> {
    fn at(self, path: &Path<'_>) -> Result<T, FormatError>;
}

impl<T, E: Display> At<T> for Result<T, E> {
    fn at(self, path: &Path<'_>) -> Result<T, FormatError> {
        self.map_err(|problem| FormatError::new(path, problem))
    }
}

impl<L: Language> Reader<'_, L> {
    /// Builds a graph. In the whole one `prefix` is in front of its names.
    fn graph(&mut self, document: &Document, path: &Path<'_>, prefix: &str) -> Result<Graph<L::Value>, FormatError> {
        let mut graph = Graph::new();
        for name in parts(document) {
            self.add(&mut graph, document, name, path, prefix)?;
        }
        let entries = [("group_handles", &document.group_handles), ("nodes", &document.nodes)];
        for (key, entries) in entries {
            let path = path.key(key);
            for (name, entry) in entries {
                self.settle(&mut graph, name, entry, &path.key(name), prefix)?;
            }
        }
        // Setting arguments takes a start value back, so these come last.
        for (key, entries) in entries {
            let path = path.key(key);
            for (name, entry) in entries {
                self.begin(&mut graph, name, entry, &path.key(name))?;
            }
        }
        self.connect(&mut graph, document, path)?;
        let exports = path.key("exports");
        for (name, export) in &document.exports {
            self.name(Named::Export, name, prefix).at(&exports.key(name))?;
            exported(&mut graph, name, export, &exports.key(name))?;
        }
        let sets = path.key("together");
        for (place, set) in document.together.iter().enumerate() {
            graph.join(set).at(&sets.index(place))?;
        }
        Ok(graph)
    }

    /// Adds a component, a group or a subgraph.
    fn add(
        &mut self,
        graph: &mut Graph<L::Value>,
        document: &Document,
        name: &str,
        path: &Path<'_>,
        prefix: &str,
    ) -> Result<(), FormatError> {
        let (nodes, groups, subgraphs) = (path.key("nodes"), path.key("group_handles"), path.key("subgraphs"));
        if let Some(inner) = document.subgraphs.get(name) {
            let path = subgraphs.key(name);
            self.name(Named::Part, name, prefix).at(&path)?;
            let inner = self.graph(inner, &path, &format!("{prefix}{name}_"))?;
            return graph.embed(name, &inner).at(&path);
        }
        let (path, entry) = match document.group_handles.get(name) {
            Some(entry) => (groups.key(name), entry),
            None => (nodes.key(name), &document.nodes[name]),
        };
        self.name(Named::Part, name, prefix).at(&path)?;
        let place = Place { module: entry.module.clone(), name: entry.class.clone() };
        self.language.load(&place.module).at(&path.key("module"))?;
        let definition = self.language.definition(&place).at(&path.key("class"))?;
        match entry.count {
            Some(count) => graph.add_group(name, definition, count).map(drop),
            None => graph.add(name, definition).map(drop),
        }
        .at(&path)
    }

    /// Checks a name, and what it comes to in the whole graph.
    fn name(&mut self, named: Named, name: &str, prefix: &str) -> Result<(), String> {
        self.language.check_name(named, name)?;
        if prefix.is_empty() { Ok(()) } else { self.language.check_name(named, &format!("{prefix}{name}")) }
    }

    /// Sets what is said of a component or a group.
    fn settle(
        &mut self,
        graph: &mut Graph<L::Value>,
        name: &str,
        entry: &Entry,
        path: &Path<'_>,
        prefix: &str,
    ) -> Result<(), FormatError> {
        let inports = path.key("inports");
        for (port, inport) in &entry.inports {
            self.inport(graph, (name, port), inport, &inports.key(port), prefix)?;
        }
        let triggers = path.key("triggers");
        for (place, ports) in entry.triggers.iter().enumerate() {
            graph.sync(name, ports).at(&triggers.index(place))?;
        }
        graph.weigh(name, entry.cost, entry.traffic).at(path)?;
        if let Some(worker) = entry.worker {
            graph.pin(name, worker).at(&path.key("worker"))?;
        }
        let persists = path.key("persists");
        for (persist, said) in &entry.persists {
            let path = persists.key(persist);
            graph.port_of(&graph.end(name).at(&path)?, PortKind::Persist, persist).at(&path)?;
            if let Some(arguments) = &said.arguments {
                let path = path.key("arguments");
                let arguments = self.language.read_arguments(arguments).at(&path)?;
                graph.set_arguments(name, persist, arguments).at(&path)?;
            }
        }
        Ok(())
    }

    fn inport(
        &mut self,
        graph: &mut Graph<L::Value>,
        (name, port): (&str, &str),
        inport: &Inport,
        path: &Path<'_>,
        prefix: &str,
    ) -> Result<(), FormatError> {
        let end = graph.end(name).at(path)?;
        let position = graph.port_of(&end, PortKind::Inport, port).at(path)?;
        if let Some(capacity) = inport.capacity {
            graph.set_capacity(name, port, capacity).at(&path.key("capacity"))?;
        }
        if let Some(initial) = inport.initial.clone().or_else(|| inport.has_initial.then(Json::null)) {
            let path = path.key("initial");
            let definition = graph.nodes()[graph.members(&end)[0]].definition.clone();
            let slot = Slot::inport(&definition, position);
            let value = self.language.read(slot, &initial).at(&path)?;
            let said = inport.has_initial || inport.explicit;
            let said = said || !self.is_default(slot, &value);
            for member in graph.members(&end).to_vec() {
                // What is also the default is a token where the port is connected: a default would not be there.
                if said || self.is_fed(graph, member, port, prefix) {
                    let member = graph.end_name(&End::Node(member)).to_owned();
                    graph.set_initial(&member, port, value.clone(), true).at(&path)?;
                }
            }
        }
        if let Some(size) = inport.batch_size {
            let batch = Batch { size: (size > 0).then_some(size), within: inport.within };
            graph.set_batch(name, port, batch).at(&path.key("batch_size"))?;
        }
        if let Some(policy) = &inport.policy {
            let policy = self.policy(policy, inport.key.as_ref(), path)?;
            graph.share(name, port, policy).at(&path.key("policy"))?;
        }
        Ok(())
    }

    /// Whether a connection leads to an inport of a component, or of the group that it is a member of.
    fn is_fed(&self, graph: &Graph<L::Value>, node: usize, port: &str, prefix: &str) -> bool {
        let ends = [Some(End::Node(node)), graph.group_of(node).map(End::Group)];
        let names = ends.iter().flatten().map(|end| format!("{prefix}{}", graph.end_name(end)));
        names.into_iter().any(|name| self.fed.contains(&(name, port.to_owned())))
    }

    /// Whether a value is the default, as far as a file can tell.
    fn is_default(&mut self, slot: Slot<'_, L::Value>, value: &L::Value) -> bool {
        let Some(default) = &slot.definition.inports[slot.position].default else { return false };
        let default = self.language.write(slot, default);
        default.is_ok() && default == self.language.write(slot, value)
    }

    fn policy(
        &mut self,
        policy: &str,
        key: Option<&Function>,
        path: &Path<'_>,
    ) -> Result<Policy<L::Value>, FormatError> {
        if let Some(Function { module, function }) = key {
            let path = path.key("key");
            self.language.load(module).at(&path.key("module"))?;
            let place = Place { module: module.clone(), name: function.clone() };
            return self.language.function(&place).map(Policy::Keyed).at(&path.key("function"));
        }
        Ok(match policy {
            "round_robin" => Policy::RoundRobin,
            "broadcast" => Policy::Broadcast,
            _ => Policy::Balanced,
        })
    }

    /// Sets the start values of persistent values.
    fn begin(
        &mut self,
        graph: &mut Graph<L::Value>,
        name: &str,
        entry: &Entry,
        path: &Path<'_>,
    ) -> Result<(), FormatError> {
        let persists = path.key("persists");
        for (persist, said) in &entry.persists {
            if let Some(state) = &said.state {
                let path = persists.key(persist);
                let end = graph.end(name).at(&path)?;
                let position = graph.port_of(&end, PortKind::Persist, persist).at(&path)?;
                let definition = &*graph.nodes()[graph.members(&end)[0]].definition;
                let state = self.language.read(Slot::persist(definition, position), state).at(&path.key("state"))?;
                graph.set_state(name, persist, state).at(&path)?;
            }
        }
        Ok(())
    }

    fn connect(
        &mut self,
        graph: &mut Graph<L::Value>,
        document: &Document,
        path: &Path<'_>,
    ) -> Result<(), FormatError> {
        let unordered: HashSet<_> = document.unordered.iter().collect();
        let edges = path.key("edges");
        for (place, edge) in document.edges.iter().enumerate() {
            let path = edges.index(place);
            let Edge(from, outport, to, inport) = edge;
            let (source, sink) = (graph.end(from).at(&path)?, graph.end(to).at(&path)?);
            graph.port_of(&source, PortKind::Outport, outport).at(&path)?;
            let position = graph.port_of(&sink, PortKind::Inport, inport).at(&path)?;
            let node = |end: &End| &graph.nodes()[graph.members(end)[0]];
            let batched = node(&sink).batches[position].is_some();
            let side = |name, end: &End, port| Side { name, definition: &*node(end).definition, port };
            let sides = (side(from.as_str(), &source, outport.as_str()), side(to, &sink, inport));
            self.language.check_connection(&sides.0, &sides.1, batched).at(&path)?;
            graph.link(from, outport, to, inport, !unordered.contains(edge), None).at(&path)?;
        }
        Ok(())
    }
}

/// The names of components, groups and subgraphs in the order in which they are to be added.
fn parts(document: &Document) -> Vec<&String> {
    match &document.order {
        Some(order) => order.iter().collect(),
        None => document.parts().collect(),
    }
}

fn exported<V: PartialEq>(
    graph: &mut Graph<V>,
    name: &str,
    export: &Exported,
    path: &Path<'_>,
) -> Result<(), FormatError> {
    let key = if export.group.is_some() { "group" } else { "component" };
    let owner = export.group.as_ref().or(export.component.as_ref()).map_or("", String::as_str);
    let end = graph.end(owner).at(&path.key(key))?;
    if matches!(end, End::Group(_)) != export.group.is_some() {
        let problem = format!("{owner} is {}: write so", if key == "group" { "a component" } else { "a group" });
        return Err(FormatError::new(&path.key(key), problem));
    }
    let definition: &Definition<V> = &graph.nodes()[graph.members(&end)[0]].definition;
    let kinds = [PortKind::Inport, PortKind::Outport, PortKind::Persist];
    let Some(kind) = kinds.into_iter().find(|&kind| definition.position(kind, &export.port).is_some()) else {
        let ports = [definition.names(PortKind::Inport), definition.names(PortKind::Outport)].concat();
        let problem = format!("{owner} has no inport or outport {}; there are: {}", export.port, ports.join(", "));
        return Err(FormatError::new(&path.key("port"), problem));
    };
    graph.export(name, owner, (kind, &export.port), export.ordered, None).at(path)
}
