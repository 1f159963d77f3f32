//! From a graph to the document. Everything is said once, in the innermost subgraph that it lies in, and of a group
//! if it holds for all members.

use std::ops::Range;

use indexmap::IndexMap;

use super::check::DEEPEST;
use super::document::{Document, Edge, Entry, Exported, Function, Inport, Json, Persist, VERSION};
use super::error::{FormatError, Path};
use super::{Language, Place, Slot};
use crate::graph::{End, Export, Graph, Link, Node, Policy, PortKind, told};

pub(super) fn document<L: Language>(graph: &Graph<L::Value>, language: &mut L) -> Result<Document, FormatError> {
    let whole = Scope {
        prefix: String::new(),
        nodes: 0..graph.nodes().len(),
        groups: 0..graph.groups().len(),
        subgraphs: 0..graph.subgraphs().len(),
        exports: graph.exports(),
        links: graph.links().collect(),
        together: graph.wishes().together.iter().map(Vec::as_slice).collect(),
    };
    Writer { graph, language, latest: None }.scope(&whole, &Path::Root, 0)
}

/// The whole graph or a subgraph: what lies in it.
struct Scope<'a> {
    /// What the names in it have in front.
    prefix: String,
    nodes: Range<usize>,
    groups: Range<usize>,
    subgraphs: Range<usize>,
    exports: &'a IndexMap<String, Export>,
    links: Vec<&'a Link>,
    together: Vec<&'a [usize]>,
}

struct Writer<'a, L: Language> {
    graph: &'a Graph<L::Value>,
    language: &'a mut L,
    /// The value that was written last: the members of a group often share one.
    latest: Option<(L::Value, Json)>,
}

impl<'a, L: Language> Writer<'a, L> {
    fn scope(&mut self, scope: &Scope<'a>, path: &Path<'_>, depth: usize) -> Result<Document, FormatError> {
        if depth > DEEPEST {
            return Err(FormatError::new(path, format!("subgraphs lie in each other more than {DEEPEST} deep")));
        }
        let (inner, links, together) = self.split(scope);
        let mut document = Document { version: Some(VERSION), ..Document::default() };
        let mut order = Vec::new();
        let subgraphs = path.key("subgraphs");
        for (place, (name, inner)) in inner.iter().enumerate() {
            let described = self.scope(inner, &subgraphs.key(name), depth + 1)?;
            document.subgraphs.insert(name.clone(), described);
            // One without components stands before what comes after it.
            order.push(((inner.nodes.start, inner.nodes.end, place), name.clone()));
        }
        let outside = |node: &usize| !inner.iter().any(|(_, inner)| inner.nodes.contains(node));
        let groups = path.key("group_handles");
        let mut members = IndexMap::new();
        for group in scope.groups.clone() {
            if inner.iter().any(|(_, inner)| inner.groups.contains(&group)) {
                continue;
            }
            let name = self.name(&End::Group(group), scope);
            let start = self.graph.groups()[group].members[0];
            let (whole, own) = self.group(group, &groups.key(&name))?;
            members.extend(own);
            document.group_handles.insert(name.clone(), whole);
            order.push(((start, usize::MAX, 0), name));
        }
        let nodes = path.key("nodes");
        for node in scope.nodes.clone().filter(outside) {
            let name = self.name(&End::Node(node), scope);
            if let Some(group) = self.graph.group_of(node) {
                if let Some(entry) = members.swap_remove(&node) {
                    let group = Some(Some(self.name(&End::Group(group), scope)));
                    document.nodes.insert(name, Entry { group, ..entry });
                }
                continue;
            }
            let entry = self.entry(node, &nodes.key(&name))?;
            document.nodes.insert(name.clone(), Entry { group: Some(None), ..entry });
            order.push(((node, usize::MAX, 0), name));
        }
        order.sort();
        let order: Vec<_> = order.into_iter().map(|(_, name)| name).collect();
        document.order = (!order.iter().eq(document.parts())).then_some(order);
        for link in links {
            let edge = self.edge(link, scope);
            if !link.ordered {
                document.unordered.push(edge.clone());
            }
            document.edges.push(edge);
        }
        document.exports =
            scope.exports.iter().map(|(name, export)| (name.clone(), self.export(export, scope))).collect();
        let names = |nodes: &[usize]| {
            let names = told::names(self.graph, nodes);
            names.into_iter().map(|name| relative(&name, scope)).collect()
        };
        document.together = together.into_iter().map(names).collect();
        Ok(document)
    }

    /// The subgraphs that lie in one immediately, by their names there, and the connections and orders that are of none.
    #[expect(clippy::type_complexity, reason = "three lists")]
    fn split(&self, scope: &Scope<'a>) -> (Vec<(String, Scope<'a>)>, Vec<&'a Link>, Vec<&'a [usize]>) {
        let mut inner = Vec::new();
        let mut next = scope.subgraphs.end;
        // The subgraphs of a subgraph stand before it.
        while next > scope.subgraphs.start {
            let (name, subgraph) = self.graph.subgraphs().get_index(next - 1).expect("a range of what there is");
            let (nodes, groups) = (subgraph.nodes.clone(), subgraph.groups.clone());
            let subgraphs = subgraph.subgraphs.clone();
            next = next - 1 - subgraphs.len();
            let (exports, prefix) = (&subgraph.exports, format!("{name}_"));
            let (links, together) = (Vec::new(), Vec::new());
            let lies = Scope { prefix, nodes, groups, subgraphs, exports, links, together };
            inner.push((relative(name, scope), lies));
        }
        inner.reverse();
        let within = |nodes: &[usize], inner: &[(String, Scope<'a>)]| {
            inner.iter().position(|(_, inner)| nodes.iter().all(|node| inner.nodes.contains(node)))
        };
        let (mut links, mut together) = (Vec::new(), Vec::new());
        for &link in &scope.links {
            let ends = [self.graph.members(&link.from)[0], self.graph.members(&link.to)[0]];
            match within(&ends, &inner) {
                Some(place) => inner[place].1.links.push(link),
                None => links.push(link),
            }
        }
        for &set in &scope.together {
            match within(set, &inner) {
                Some(place) => inner[place].1.together.push(set),
                None => together.push(set),
            }
        }
        (inner, links, together)
    }

    /// What is said of a group, and what is said of some of its members only.
    fn group(&mut self, group: usize, path: &Path<'_>) -> Result<(Entry, Vec<(usize, Entry)>), FormatError> {
        let described = &self.graph.groups()[group];
        let mut entries = Vec::with_capacity(described.members.len());
        for &member in &described.members {
            entries.push(self.entry(member, path)?);
        }
        let mut whole = Entry::shared(&entries);
        let own = entries.iter().zip(&described.members).filter_map(|(entry, &member)| {
            let own = entry.beyond(&whole);
            own.says_something().then_some((member, own))
        });
        let own = own.collect();
        whole.count = Some(described.members.len());
        let inports = path.key("inports");
        for ((name, inport), policy) in whole.inports.iter_mut().zip(&described.policies) {
            inport.policy = policy.as_ref().map(|policy| policy.name().to_owned());
            if let Some(Policy::Keyed(function)) = policy {
                let place = self.language.place_of_function(function);
                let place = place.map_err(|problem| FormatError::new(&inports.key(name).key("key"), problem))?;
                inport.key = Some(Function { module: place.module, function: place.name });
            }
        }
        Ok((whole, own))
    }

    /// All that is said of a component.
    fn entry(&mut self, node: usize, path: &Path<'_>) -> Result<Entry, FormatError> {
        let Node { definition, capacities, batches, persists, triggers, cost, traffic, .. } = &self.graph.nodes()[node];
        let place = self.language.place(definition).map_err(|problem| FormatError::new(path, problem))?;
        let Place { module, name: class } = place;
        let mut entry = Entry { module, class, ..Entry::default() };
        let ports = path.key("inports");
        for (place, port) in definition.inports.iter().enumerate() {
            let mut inport = Inport { capacity: Some(capacities[place]), ..Inport::default() };
            self.initial(node, place, &mut inport, &ports.key(&port.name))?;
            if let Some(batch) = batches[place] {
                (inport.batch_size, inport.within) = (Some(batch.size.unwrap_or(0)), batch.within);
            }
            entry.inports.insert(port.name.clone(), inport);
        }
        let values = path.key("persists");
        for (place, (declared, said)) in definition.persists.iter().zip(persists).enumerate() {
            let path = values.key(&declared.name);
            let mut persist = Persist::default();
            if let Some(arguments) = &said.arguments {
                let written = self.language.write_arguments(arguments);
                persist.arguments = Some(written.map_err(|problem| FormatError::new(&path.key("arguments"), problem))?);
            }
            if let Some(state) = &said.state {
                persist.state = Some(self.value(Slot::persist(definition, place), state, &path.key("state"))?);
            }
            if persist != Persist::default() {
                entry.persists.insert(declared.name.clone(), persist);
            }
        }
        let names = |ports: &Vec<usize>| ports.iter().map(|&port| definition.inports[port].name.clone()).collect();
        entry.triggers = triggers.iter().map(names).collect();
        let unless_one = |weight: f64| (weight.to_bits() != 1_f64.to_bits()).then_some(weight);
        (entry.cost, entry.traffic) = (unless_one(*cost), unless_one(*traffic));
        entry.worker = self.graph.wishes().pins.get(&node).copied();
        Ok(entry)
    }

    /// The value on a port as it stands. A default that cannot be written is left to the declaration.
    fn initial(&mut self, node: usize, port: usize, inport: &mut Inport, path: &Path<'_>) -> Result<(), FormatError> {
        let graph = self.graph;
        let definition = &*graph.nodes()[node].definition;
        let (slot, declared) = (Slot::inport(definition, port), definition.inports[port].default.as_ref());
        match &graph.nodes()[node].initials[port] {
            Some(initial) if initial.explicit || !graph.is_connected(node, port) => {
                let value = self.value(slot, &initial.value, &path.key("initial"))?;
                let is_default =
                    declared.is_some_and(|declared| self.language.write(slot, declared).as_ref() == Ok(&value));
                inport.explicit = initial.explicit && is_default && !graph.is_connected(node, port) && !value.is_null();
                inport.has_initial = value.is_null();
                inport.initial = Some(value).filter(|value| !value.is_null());
            }
            None if !graph.is_connected(node, port) => {
                let written = declared.and_then(|declared| self.language.write(slot, declared).ok());
                inport.initial = written.filter(|value| !value.is_null());
            }
            _ => {}
        }
        Ok(())
    }

    fn value(&mut self, slot: Slot<'_, L::Value>, value: &L::Value, path: &Path<'_>) -> Result<Json, FormatError> {
        if let Some((latest, written)) = &self.latest
            && latest == value
        {
            return Ok(written.clone());
        }
        let written = self.language.write(slot, value).map_err(|problem| FormatError::new(path, problem))?;
        self.latest = Some((value.clone(), written.clone()));
        Ok(written)
    }

    fn edge(&self, link: &Link, scope: &Scope<'_>) -> Edge {
        let port = |end, kind, port| self.port(end, kind, port);
        Edge(
            self.name(&link.from, scope),
            port(&link.from, PortKind::Outport, link.outport),
            self.name(&link.to, scope),
            port(&link.to, PortKind::Inport, link.inport),
        )
    }

    fn export(&self, export: &Export, scope: &Scope<'_>) -> Exported {
        let name = Some(self.name(&export.end, scope));
        let (component, group) = if matches!(export.end, End::Group(_)) { (None, name) } else { (name, None) };
        let port = self.port(&export.end, export.kind, export.port);
        Exported { component, group, port, ordered: export.ordered }
    }

    fn port(&self, end: &End, kind: PortKind, port: usize) -> String {
        let definition = &self.graph.nodes()[self.graph.members(end)[0]].definition;
        definition.names(kind).swap_remove(port)
    }

    fn name(&self, end: &End, scope: &Scope<'_>) -> String {
        relative(self.graph.end_name(end), scope)
    }
}

/// A name as it is without that of the subgraph in front.
fn relative(name: &str, scope: &Scope<'_>) -> String {
    name.strip_prefix(&scope.prefix).unwrap_or(name).to_owned()
}

impl Entry {
    /// What all members of a group have in common. It has all their inports.
    fn shared(members: &[Self]) -> Self {
        let first = &members[0];
        let inport = |name: &String| {
            let ports = || members.iter().map(|member| &member.inports[name]);
            let initial = agreed(ports().map(|port| (port.initial.clone(), port.has_initial, port.explicit)));
            let (initial, has_initial, explicit) = initial.unwrap_or_default();
            let (batch_size, within) = agreed(ports().map(|port| (port.batch_size, port.within))).unwrap_or_default();
            let capacity = agreed(ports().map(|port| port.capacity)).unwrap_or_default();
            Inport { capacity, initial, has_initial, explicit, batch_size, within, ..Inport::default() }
        };
        let persist = |name: &String| {
            let said = || members.iter().map(|member| member.persists.get(name));
            Persist {
                arguments: agreed(said().map(|said| said.and_then(|said| said.arguments.clone()))).flatten(),
                state: agreed(said().map(|said| said.and_then(|said| said.state.clone()))).flatten(),
            }
        };
        let persists = first.persists.keys().map(|name| (name.clone(), persist(name)));
        Self {
            module: first.module.clone(),
            class: first.class.clone(),
            inports: first.inports.keys().map(|name| (name.clone(), inport(name))).collect(),
            persists: persists.filter(|(_, said)| *said != Persist::default()).collect(),
            triggers: agreed(members.iter().map(|member| &member.triggers)).cloned().unwrap_or_default(),
            cost: agreed(members.iter().map(|member| member.cost)).flatten(),
            traffic: agreed(members.iter().map(|member| member.traffic)).flatten(),
            worker: agreed(members.iter().map(|member| member.worker)).flatten(),
            ..Self::default()
        }
    }

    /// What is said of a member beyond what all have in common.
    fn beyond(&self, shared: &Self) -> Self {
        let inports = self.inports.iter().map(|(name, port)| {
            let common = &shared.inports[name];
            let mut own = port.clone();
            if port.capacity == common.capacity {
                own.capacity = None;
            }
            if port.initial == common.initial && port.has_initial == common.has_initial {
                (own.initial, own.has_initial, own.explicit) = Default::default();
            }
            if (port.batch_size, port.within) == (common.batch_size, common.within) {
                (own.batch_size, own.within) = Default::default();
            }
            (name.clone(), own)
        });
        let persists = self.persists.iter().map(|(name, said)| {
            let common = shared.persists.get(name).cloned().unwrap_or_default();
            let arguments = said.arguments.clone().filter(|_| said.arguments != common.arguments);
            (name.clone(), Persist { arguments, state: said.state.clone().filter(|_| said.state != common.state) })
        });
        Self {
            module: self.module.clone(),
            class: self.class.clone(),
            inports: inports.filter(|(_, port)| *port != Inport::default()).collect(),
            persists: persists.filter(|(_, said)| *said != Persist::default()).collect(),
            triggers: if self.triggers == shared.triggers { Vec::new() } else { self.triggers.clone() },
            cost: self.cost.filter(|_| self.cost != shared.cost),
            traffic: self.traffic.filter(|_| self.traffic != shared.traffic),
            worker: self.worker.filter(|_| self.worker != shared.worker),
            ..Self::default()
        }
    }

    fn says_something(&self) -> bool {
        let place = Self { module: self.module.clone(), class: self.class.clone(), ..Self::default() };
        *self != place
    }
}

/// What all say, if they say the same.
fn agreed<T: PartialEq>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}
