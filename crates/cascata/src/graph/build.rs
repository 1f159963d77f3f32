//! The steps that describe a graph. Each either succeeds or leaves the graph as it was.

use std::sync::Arc;

use super::{Batch, Definition, Graph, GraphError, Initial, Node, PersistSetting, PortKind};

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
        self.check_name(&name)?;
        Ok(self.nodes.insert_full(name, node).0)
    }

    /// Sets how many items the channel of an inport holds, for a group that of every member, in the place of what is
    /// declared; `None` is without bound.
    ///
    /// # Errors
    ///
    /// When there is no such node, group or inport, or the capacity is 0.
    pub fn set_capacity(&mut self, name: &str, inport: &str, capacity: Option<usize>) -> Result<(), GraphError> {
        let (members, port) = self.locate(name, PortKind::Inport, inport)?;
        if capacity == Some(0) {
            let definition = self.nodes[members[0]].definition.name.clone();
            return Err(GraphError::ZeroCapacity { definition, port: inport.to_owned() });
        }
        members.into_iter().for_each(|node| self.nodes[node].capacities[port] = capacity);
        Ok(())
    }

    /// Puts a value on an inport, for a group on that of every member, and gives what was set before. An `explicit` one
    /// is the first item of the port if the port is connected; another one is dropped then, as a declared default is.
    ///
    /// # Errors
    ///
    /// When there is no such node, group or inport.
    pub fn set_initial(&mut self, name: &str, inport: &str, value: V, explicit: bool) -> Result<Vec<V>, GraphError>
    where
        V: Clone,
    {
        let (members, inport) = self.locate(name, PortKind::Inport, inport)?;
        let displaced = members.into_iter().filter_map(|node| {
            let initial = Initial { value: value.clone(), explicit };
            self.nodes[node].initials[inport].replace(initial)
        });
        Ok(displaced.map(|initial| initial.value).collect())
    }

    /// Sets the arguments of a persistent value's initialiser, for a group those of every member, and gives what was
    /// set before. A value set before is dropped, since it would keep the initialiser from being called.
    ///
    /// # Errors
    ///
    /// When there is no such node, group or persistent value.
    pub fn set_arguments(&mut self, name: &str, persist: &str, value: V) -> Result<Vec<PersistSetting<V>>, GraphError>
    where
        V: Clone,
    {
        let (members, persist) = self.locate(name, PortKind::Persist, persist)?;
        let displaced = members.into_iter().map(|node| {
            let setting = PersistSetting { arguments: Some(value.clone()), state: None };
            std::mem::replace(&mut self.nodes[node].persists[persist], setting)
        });
        Ok(displaced.collect())
    }

    /// Sets the value that a persistent value starts with, for a group that of every member, and gives what was set
    /// before.
    ///
    /// # Errors
    ///
    /// When there is no such node, group or persistent value.
    pub fn set_state(&mut self, name: &str, persist: &str, value: V) -> Result<Vec<V>, GraphError>
    where
        V: Clone,
    {
        let (members, persist) = self.locate(name, PortKind::Persist, persist)?;
        let displaced =
            members.into_iter().filter_map(|node| self.nodes[node].persists[persist].state.replace(value.clone()));
        Ok(displaced.collect())
    }

    /// Makes one trigger group of these inports: the component, or every member of the group, fires on the next value
    /// of each.
    ///
    /// # Errors
    ///
    /// When the list is empty, or a port is unknown, named twice or in a trigger group already.
    pub fn sync<S: AsRef<str>>(&mut self, name: &str, inports: &[S]) -> Result<(), GraphError> {
        let (members, ports) = self.triggers("sync", name, inports)?;
        members.into_iter().for_each(|node| self.nodes[node].triggers.push(ports.clone()));
        Ok(())
    }

    /// Has an inport, for a group that of every member, deliver its items in batches, and gives what each did before.
    ///
    /// # Errors
    ///
    /// When there is no such node, group or inport, when the size is 0 or the time is no number above 0, or when the
    /// inport delivers other batches already.
    pub fn set_batch(&mut self, name: &str, inport: &str, batch: Batch) -> Result<Vec<Option<Batch>>, GraphError> {
        let (members, inport) = self.locate(name, PortKind::Inport, inport)?;
        let port = |node: usize| self.inport_name(node, inport);
        if batch.size == Some(0) {
            return Err(GraphError::EmptyBatch { port: port(members[0]) });
        }
        if let Some(within) = batch.within.filter(|within| !(within.is_finite() && *within > 0.0)) {
            return Err(GraphError::BatchTime { port: port(members[0]), within: within.to_string() });
        }
        let before: Vec<_> = members.iter().map(|&node| self.nodes[node].batches[inport]).collect();
        for (&node, other) in members.iter().zip(&before) {
            if let Some(other) = other.filter(|other| *other != batch) {
                return Err(GraphError::OtherBatch {
                    port: port(node),
                    is: other.to_string(),
                    asked: batch.to_string(),
                });
            }
        }
        members.into_iter().for_each(|node| self.nodes[node].batches[inport] = Some(batch));
        Ok(before)
    }

    /// Makes a trigger group of each of these inports: the component, or every member of the group, fires on every
    /// value of any.
    ///
    /// # Errors
    ///
    /// When the list is empty, or a port is unknown, named twice or in a trigger group already.
    pub fn clk<S: AsRef<str>>(&mut self, name: &str, inports: &[S]) -> Result<(), GraphError> {
        let (members, ports) = self.triggers("clk", name, inports)?;
        members.into_iter().for_each(|node| self.nodes[node].triggers.extend(ports.iter().map(|&port| vec![port])));
        Ok(())
    }

    /// Says how much work a component, or each member of a group, is and how many items leave it, both relative to the
    /// others' 1. `None` leaves the weight as it is.
    ///
    /// # Errors
    ///
    /// When there is no such node or group, a weight is not finite, the cost is not above 0 or the traffic is below 0.
    pub fn weigh(&mut self, name: &str, cost: Option<f64>, traffic: Option<f64>) -> Result<(), GraphError> {
        let members = self.all_of(name)?;
        let refused = |what, value: f64, bound| {
            Err(GraphError::Weight { node: name.to_owned(), what, value: value.to_string(), bound })
        };
        if let Some(cost) = cost.filter(|cost| !(cost.is_finite() && *cost > 0.0)) {
            return refused("cost", cost, "above 0");
        }
        if let Some(traffic) = traffic.filter(|traffic| !(traffic.is_finite() && *traffic >= 0.0)) {
            return refused("traffic", traffic, "0 or more");
        }
        for node in members {
            let node = &mut self.nodes[node];
            node.cost = cost.unwrap_or(node.cost);
            node.traffic = traffic.unwrap_or(node.traffic);
        }
        Ok(())
    }

    /// Orders that a component, or all of a group, runs on this worker, counted from 0. The last order holds.
    ///
    /// # Errors
    ///
    /// When there is no such node or group.
    pub fn pin(&mut self, name: &str, worker: usize) -> Result<(), GraphError> {
        let members = self.all_of(name)?;
        self.wishes.pins.extend(members.into_iter().map(|node| (node, worker)));
        Ok(())
    }

    /// Orders that these components, and all members of these groups, run on one worker.
    ///
    /// # Errors
    ///
    /// When one does not exist, or when fewer than two components were named.
    pub fn join<S: AsRef<str>>(&mut self, names: &[S]) -> Result<(), GraphError> {
        let sets = names.iter().map(|name| self.all_of(name.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let mut set: Vec<_> = sets.into_iter().flatten().collect();
        set.sort_unstable();
        set.dedup();
        if set.len() < 2 {
            let nodes = set.iter().map(|&node| self.name(node).to_owned()).collect();
            return Err(GraphError::NothingTogether { nodes });
        }
        self.wishes.together.push(set);
        Ok(())
    }

    /// The node of this name, or the members of the group.
    fn all_of(&self, name: &str) -> Result<Vec<usize>, GraphError> {
        Ok(self.members(&self.end(name)?).to_vec())
    }

    /// The node of this name, or the members of the group, and the position of a port in their definition.
    fn locate(&self, name: &str, kind: PortKind, port: &str) -> Result<(Vec<usize>, usize), GraphError> {
        let end = self.end(name)?;
        Ok((self.members(&end).to_vec(), self.port_of(&end, kind, port)?))
    }

    /// The positions of the ports that are to become triggers, and the nodes whose they are.
    fn triggers<S: AsRef<str>>(
        &self,
        call: &'static str,
        name: &str,
        inports: &[S],
    ) -> Result<(Vec<usize>, Vec<usize>), GraphError> {
        let end = self.end(name)?;
        let members = self.members(&end);
        if inports.is_empty() {
            let ports = self.nodes[members[0]].definition.names(PortKind::Inport);
            return Err(GraphError::NoTriggers { call, node: name.to_owned(), ports });
        }
        let mut ports = Vec::with_capacity(inports.len());
        for inport in inports {
            let port = self.port_of(&end, PortKind::Inport, inport.as_ref())?;
            if ports.contains(&port) {
                return Err(GraphError::NamedTwice { call, node: name.to_owned(), port: inport.as_ref().to_owned() });
            }
            let taken = |node: &&usize| self.nodes[**node].triggers.iter().flatten().any(|&other| other == port);
            if let Some(&node) = members.iter().find(taken) {
                return Err(GraphError::TriggerTwice { port: self.inport_name(node, port) });
            }
            ports.push(port);
        }
        Ok((members.to_vec(), ports))
    }
}
