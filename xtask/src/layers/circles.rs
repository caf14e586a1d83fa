//! Finds circles in a graph of imports.

use std::collections::{BTreeMap, BTreeSet};

/// The imports of each node.
pub(crate) type Graph<N> = BTreeMap<N, BTreeSet<N>>;

/// Returns the sets of nodes that reach each other, those of a single node left out, the largest first.
pub(crate) fn circles<N: Ord + Clone>(graph: &Graph<N>) -> Vec<BTreeSet<N>> {
    let reach: BTreeMap<&N, BTreeSet<&N>> = graph
        .keys()
        .map(|node| (node, reached(graph, node)))
        .collect();
    let mut found: Vec<BTreeSet<N>> = Vec::new();
    for (node, reached) in &reach {
        if found.iter().any(|circle| circle.contains(*node)) {
            continue;
        }
        let circle: BTreeSet<N> = reached
            .iter()
            .filter(|other| reach.get(*other).is_some_and(|back| back.contains(node)))
            .map(|other| (*other).clone())
            .collect();
        if circle.len() > 1 {
            found.push(circle);
        }
    }
    found.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    found
}

/// The nodes at the end of a path of imports that begins at `node`.
fn reached<'a, N: Ord>(graph: &'a Graph<N>, node: &'a N) -> BTreeSet<&'a N> {
    let mut reached = BTreeSet::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        for next in graph.get(node).into_iter().flatten() {
            if reached.insert(next) {
                open.push(next);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::{Graph, circles};

    fn graph(edges: &[(&'static str, &'static str)]) -> Graph<&'static str> {
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph.entry(*from).or_default().insert(*to);
            graph.entry(*to).or_default();
        }
        graph
    }

    #[test]
    fn a_chain_has_no_circle() {
        assert!(circles(&graph(&[("a", "b"), ("b", "c"), ("a", "c")])).is_empty());
    }

    #[test]
    fn circles_are_found_the_largest_first() {
        let edges = [
            ("a", "b"),
            ("b", "a"),
            ("b", "c"),
            ("c", "d"),
            ("d", "e"),
            ("e", "c"),
        ];
        let found = circles(&graph(&edges));
        assert_eq!(found.len(), 2);
        assert_eq!(found[0], ["c", "d", "e"].into());
        assert_eq!(found[1], ["a", "b"].into());
    }
}
