//! The steps that describe a graph. Each either succeeds or leaves the graph as it was.

use std::sync::Arc;

use super::{Batch, Definition, Edge, Graph, GraphError, Initial, Node, PersistSetting, PortKind};

impl<V> Graph<V> {
    /// Adds an instance and gives its position.
    ///
    /// # Errors
    ///
    /// When the name is empty or taken.
    pub fn add(&mut self, name: impl Into<String>, definition: Arc<Definition<V>>) -> Result<usize, GraphError> {
        self.adopt(name, Node::new(definition))
    }

    /// Adds an instance that was described before, perhaps in another graph, with its values, triggers and weights.
    ///
    /// # Errors
    ///
    /// When the name is empty or taken.
    pub fn adopt(&mut self, name: impl Into<String>, node: Node<V>) -> Result<usize, GraphError> {
        let name = name.into();
        if name.is_empty() {
            return Err(GraphError::UnnamedNode);
        }
        if self.nodes.contains_key(&name) {
            return Err(GraphError::DuplicateNode { node: name });
        }
        Ok(self.nodes.insert_full(name, node).0)
    }

    /// Puts a value on an inport and gives the one that was set before. An `explicit` one is the first item of the
    /// port if the port is connected; another one is dropped then, as a declared default is.
    ///
    /// # Errors
    ///
    /// When there is no such node or inport.
    pub fn set_initial(&mut self, node: &str, inport: &str, value: V, explicit: bool) -> Result<Option<V>, GraphError> {
        let (node, inport) = self.locate(node, PortKind::Inport, inport)?;
        let displaced = self.nodes[node].initials[inport].replace(Initial { value, explicit });
        Ok(displaced.map(|initial| initial.value))
    }

    /// Sets the arguments of a persistent value's initialiser and gives what was set before. A value set before is
    /// dropped, since it would keep the initialiser from being called.
    ///
    /// # Errors
    ///
    /// When there is no such node or persistent value.
    pub fn set_arguments(&mut self, node: &str, persist: &str, value: V) -> Result<PersistSetting<V>, GraphError> {
        let (node, persist) = self.locate(node, PortKind::Persist, persist)?;
        let setting = PersistSetting { arguments: Some(value), state: None };
        Ok(std::mem::replace(&mut self.nodes[node].persists[persist], setting))
    }

    /// Sets the value that a persistent value starts with and gives the one that was set before.
    ///
    /// # Errors
    ///
    /// When there is no such node or persistent value.
    pub fn set_state(&mut self, node: &str, persist: &str, value: V) -> Result<Option<V>, GraphError> {
        let (node, persist) = self.locate(node, PortKind::Persist, persist)?;
        Ok(self.nodes[node].persists[persist].state.replace(value))
    }

    /// Connects an outport to an inport.
    ///
    /// # Errors
    ///
    /// When one of them does not exist, or when they are connected already.
    pub fn connect(&mut self, from: &str, outport: &str, to: &str, inport: &str) -> Result<(), GraphError> {
        let (producer, out) = self.locate(from, PortKind::Outport, outport)?;
        let (consumer, inp) = self.locate(to, PortKind::Inport, inport)?;
        if !self.edges.insert(Edge { from: producer, outport: out, to: consumer, inport: inp }) {
            return Err(GraphError::DuplicateEdge { from: format!("{from}.{outport}"), to: format!("{to}.{inport}") });
        }
        self.connected.insert((consumer, inp));
        Ok(())
    }

    /// Connects an outport to an inport that delivers its items in batches: all of them, whoever sends them.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect) and [`set_batch`](Self::set_batch).
    pub fn connect_in_batches(
        &mut self,
        from: &str,
        outport: &str,
        to: &str,
        inport: &str,
        batch: Batch,
    ) -> Result<(), GraphError> {
        let before = self.set_batch(to, inport, batch)?;
        let connected = self.connect(from, outport, to, inport);
        if connected.is_err() {
            let (node, inport) = self.locate(to, PortKind::Inport, inport)?;
            self.nodes[node].batches[inport] = before;
        }
        connected
    }

    /// Has an inport deliver its items in batches, and gives what it did before.
    ///
    /// # Errors
    ///
    /// When there is no such node or inport, when the size is 0 or the time is no number above 0, or when the inport
    /// delivers other batches already.
    pub fn set_batch(&mut self, node: &str, inport: &str, batch: Batch) -> Result<Option<Batch>, GraphError> {
        let (node, inport) = self.locate(node, PortKind::Inport, inport)?;
        let port = || self.inport_name(node, inport);
        if batch.size == Some(0) {
            return Err(GraphError::EmptyBatch { port: port() });
        }
        if let Some(within) = batch.within.filter(|within| !(within.is_finite() && *within > 0.0)) {
            return Err(GraphError::BatchTime { port: port(), within: within.to_string() });
        }
        let before = self.nodes[node].batches[inport];
        if let Some(other) = before.filter(|before| *before != batch) {
            return Err(GraphError::OtherBatch { port: port(), is: other.to_string(), asked: batch.to_string() });
        }
        self.nodes[node].batches[inport] = Some(batch);
        Ok(before)
    }

    /// Makes one trigger group of these inports: the component fires on the next value of each.
    ///
    /// # Errors
    ///
    /// When the list is empty, or a port is unknown, named twice or in a group already.
    pub fn sync<S: AsRef<str>>(&mut self, node: &str, inports: &[S]) -> Result<(), GraphError> {
        let (node, group) = self.triggers("sync", node, inports)?;
        self.nodes[node].triggers.push(group);
        Ok(())
    }

    /// Makes a trigger group of each of these inports: the component fires on every value of any.
    ///
    /// # Errors
    ///
    /// When the list is empty, or a port is unknown, named twice or in a group already.
    pub fn clk<S: AsRef<str>>(&mut self, node: &str, inports: &[S]) -> Result<(), GraphError> {
        let (node, ports) = self.triggers("clk", node, inports)?;
        self.nodes[node].triggers.extend(ports.into_iter().map(|port| vec![port]));
        Ok(())
    }

    /// Says how much work a component is and how many items leave it, both relative to the others' 1. `None` leaves
    /// the weight as it is.
    ///
    /// # Errors
    ///
    /// When there is no such node, a weight is not finite, the cost is not above 0 or the traffic is below 0.
    pub fn weigh(&mut self, node: &str, cost: Option<f64>, traffic: Option<f64>) -> Result<(), GraphError> {
        let position = self.position(node)?;
        let refused = |what, value: f64, bound| {
            Err(GraphError::Weight { node: node.to_owned(), what, value: value.to_string(), bound })
        };
        if let Some(cost) = cost.filter(|cost| !(cost.is_finite() && *cost > 0.0)) {
            return refused("cost", cost, "above 0");
        }
        if let Some(traffic) = traffic.filter(|traffic| !(traffic.is_finite() && *traffic >= 0.0)) {
            return refused("traffic", traffic, "0 or more");
        }
        let node = &mut self.nodes[position];
        node.cost = cost.unwrap_or(node.cost);
        node.traffic = traffic.unwrap_or(node.traffic);
        Ok(())
    }

    /// Orders that a component runs on this worker, counted from 0. The last order holds.
    ///
    /// # Errors
    ///
    /// When there is no such node.
    pub fn pin(&mut self, node: &str, worker: usize) -> Result<(), GraphError> {
        let node = self.position(node)?;
        self.wishes.pins.insert(node, worker);
        Ok(())
    }

    /// Orders that these components run on one worker.
    ///
    /// # Errors
    ///
    /// When a node does not exist, or when fewer than two were named.
    pub fn join<S: AsRef<str>>(&mut self, nodes: &[S]) -> Result<(), GraphError> {
        let mut set = nodes.iter().map(|node| self.position(node.as_ref())).collect::<Result<Vec<_>, _>>()?;
        set.sort_unstable();
        set.dedup();
        if set.len() < 2 {
            let nodes = set.iter().map(|&node| self.name(node).to_owned()).collect();
            return Err(GraphError::NothingTogether { nodes });
        }
        self.wishes.together.push(set);
        Ok(())
    }

    fn locate(&self, node: &str, kind: PortKind, port: &str) -> Result<(usize, usize), GraphError> {
        let node = self.position(node)?;
        Ok((node, self.port(node, kind, port)?))
    }

    /// The positions of the ports that are to become triggers.
    fn triggers<S: AsRef<str>>(
        &self,
        call: &'static str,
        name: &str,
        inports: &[S],
    ) -> Result<(usize, Vec<usize>), GraphError> {
        let position = self.position(name)?;
        let node = &self.nodes[position];
        if inports.is_empty() {
            let ports = node.definition.names(PortKind::Inport);
            return Err(GraphError::NoTriggers { call, node: name.to_owned(), ports });
        }
        let mut ports = Vec::with_capacity(inports.len());
        for inport in inports {
            let port = self.port(position, PortKind::Inport, inport.as_ref())?;
            let here = || (name.to_owned(), inport.as_ref().to_owned());
            if ports.contains(&port) {
                let (node, port) = here();
                return Err(GraphError::NamedTwice { call, node, port });
            }
            if node.triggers.iter().flatten().any(|&other| other == port) {
                let (node, port) = here();
                return Err(GraphError::TriggerTwice { node, port });
            }
            ports.push(port);
        }
        Ok((position, ports))
    }
}
