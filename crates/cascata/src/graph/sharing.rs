//! Whether groups can share out what comes to them as was asked.
//!
//! What fires together is shared out together: the k-th items of all ports of a trigger group go to one member. So all
//! members must agree on what fires together, and one port at most may decide who gets it.

use super::{End, Graph, Group, Issue, Policy, Taps, told};

impl<V> Graph<V> {
    /// The inports at which something is shared out among the members of a group, in ascending order.
    ///
    /// # Panics
    ///
    /// When there is no such group.
    pub fn shared_inports(&self, group: usize) -> Vec<usize> {
        let to_group = self.links.iter().filter(|link| link.to == End::Group(group) && !self.is_paired(link));
        let mut inports: Vec<_> = to_group.map(|link| link.inport).collect();
        inports.sort_unstable();
        inports.dedup();
        inports
    }

    /// Whether every member gets each item that comes to an inport of a group: because its policy says so, or, where it
    /// has none, that of another one which fires with it.
    pub(super) fn is_broadcast(&self, group: usize, inport: usize) -> bool {
        let Group { members, policies } = &self.groups[group];
        let broadcast = |inport: &usize| matches!(policies[*inport], Some(Policy::Broadcast));
        if policies[inport].is_some() || !(0..policies.len()).any(|other| broadcast(&other)) {
            return broadcast(&inport);
        }
        let rows = self.trigger_groups(members[0], &Taps::new());
        rows.iter().any(|row| row.contains(&inport) && row.iter().any(broadcast))
    }
}

/// What keeps group connectors from sharing out.
pub(super) fn issues<V>(graph: &Graph<V>, taps: &Taps) -> Vec<Issue> {
    (0..graph.groups().len()).flat_map(|group| of_group(graph, group, taps)).collect()
}

fn of_group<V>(graph: &Graph<V>, position: usize, taps: &Taps) -> Vec<Issue> {
    let shared = graph.shared_inports(position);
    let group = &graph.groups()[position];
    let rows = rows(graph, group.members[0], &shared, taps);
    let name = |inport: usize| told::port(graph, &End::Group(position), inport);
    if let Some(&member) = group.members.iter().find(|&&member| self::rows(graph, member, &shared, taps) != rows) {
        let ports = shared.into_iter().map(name).collect();
        let (group, member) = (graph.end_name(&End::Group(position)).to_owned(), graph.name(member).to_owned());
        return vec![Issue::Uneven { group, member, ports }];
    }
    let deciding = |row: Vec<usize>| {
        let ports: Vec<_> =
            row.into_iter().filter_map(|inport| Some((inport, group.policies[inport].as_ref()?))).collect();
        let first = ports.first()?.1.name();
        let agree = ports.len() == 1 || first != "keyed" && ports.iter().all(|(_, policy)| policy.name() == first);
        (!agree).then(|| Issue::Contradiction {
            ports: ports.into_iter().map(|(inport, policy)| (name(inport), policy.name())).collect(),
        })
    };
    rows.into_iter().filter_map(deciding).collect()
}

/// What of a member's trigger groups is shared out, in a form to compare.
fn rows<V>(graph: &Graph<V>, member: usize, shared: &[usize], taps: &Taps) -> Vec<Vec<usize>> {
    let mut rows = graph.trigger_groups(member, taps);
    for row in &mut rows {
        row.retain(|inport| shared.contains(inport));
        row.sort_unstable();
    }
    rows.retain(|row| !row.is_empty());
    rows.sort_unstable();
    rows
}
