//! Where a value lives, from the dominator tree and a summary per block.
//!
//! Let `region(b)` be `b` and every block from which `b` can be reached without passing the
//! immediate dominator of `b`. A value that is defined in `d` and live into `b` is live into
//! all of `region(b)`; if `d` is not the immediate dominator of `b`, it is live into that one as
//! well. So a value lives in the union of the regions of the blocks on the paths of the dominator
//! tree from its uses up to `d`, and the regions do not depend on the value.
//!
//! The unions along such paths are found as in Tarjan's "Applications of Path Compression on
//! Balanced Trees" (1979): the dominator tree is visited children first; when a block `d` is
//! visited, its children are roots of a forest, and [`Regions::climb`] gives the union from a block
//! up to its root, shortening the path on the way. This serves the values defined in `d` and also
//! `region(d)`, which is the union over the predecessors of `d` of the paths up to the immediate
//! dominator.
//!
//! A region is kept as a few runs of positions. A block whose region is not is *tangled*: there the
//! search goes on from each predecessor, which is the path exploration of Boissinot et al.,
//! "Computing Liveness Sets for SSA-Form Programs" (2011). Children on an irreducible cycle are
//! tangled until their parent is visited, which finds their regions in this way; blocks whose
//! region has more runs than [`FewRuns`] holds remain so, and a value costs time linear in those
//! where it lives.

use crate::flow::{ControlFlow, NONE};
use crate::layout::Layout;
use crate::runs::{FewRuns, Run, normalize};
use enjamb_ir::Block;

/// The forest over block positions.
#[derive(Debug)]
pub(crate) struct Regions<'a> {
    flow: &'a ControlFlow,
    layout: &'a Layout,
    /// The compressed link of a position; `NONE` for roots.
    above: Vec<u32>,
    /// The union of the regions from a position up to, but without, its link; the region for a
    /// root. Nothing for tangled positions, past which no link is compressed.
    union: Vec<FewRuns>,
    state: Vec<State>,
    /// The last search that came past a position.
    visited: Vec<u32>,
    search: u32,
    path: Vec<u32>,
    pending: Vec<u32>,
    /// How many positions and edges were looked at.
    pub(crate) steps: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Its region is not known yet.
    Unvisited,
    /// Its region is in `union`.
    Plain,
    /// Its region is found by going on from its predecessors.
    Tangled,
}

impl<'a> Regions<'a> {
    pub(crate) fn new(flow: &'a ControlFlow, layout: &'a Layout) -> Self {
        let count = layout.order().len();
        Regions {
            flow,
            layout,
            above: vec![NONE; count],
            union: vec![FewRuns::default(); count],
            state: vec![State::Unvisited; count],
            visited: vec![0; count],
            search: 0,
            path: Vec::new(),
            pending: Vec::new(),
            steps: 0,
        }
    }

    /// Finds the region of a block, all of whose children and earlier siblings are finished, and
    /// hangs the children below it.
    pub(crate) fn finish(&mut self, block: Block, dominator: Option<Block>, children: &[Block]) {
        let Some(position) = self.layout.position(block) else {
            return;
        };
        let mut runs = vec![Run::single(position)];
        self.search += 1;
        let mut plain = dominator.is_some();
        for edge in self.flow.predecessors(block) {
            if edge.block == block || Some(edge.block) == dominator || !plain {
                continue;
            }
            self.steps += 1;
            let from = self.layout.position(edge.block);
            plain = from.is_some_and(|from| {
                self.state[from as usize] != State::Unvisited
                    && self.climb(from, &mut runs).is_none()
            });
        }
        normalize(&mut runs);
        self.state[position as usize] = match FewRuns::new(&runs) {
            Some(region) if plain => {
                self.union[position as usize] = region;
                State::Plain
            }
            _ => State::Tangled,
        };
        for &child in children {
            if let Some(child) = self.layout.position(child) {
                self.above[child as usize] = position;
            }
        }
    }

    /// Tries again to find the regions of the tangled ones among the children of a block, all of
    /// which are finished by now.
    pub(crate) fn untangle(&mut self, block: Block, children: &[Block], runs: &mut Vec<Run>) {
        for &child in children {
            let Some(position) = self.layout.position(child) else {
                continue;
            };
            if self.state[position as usize] != State::Tangled {
                continue;
            }
            // The region is where a value defined in `block` and used in the child alone lives.
            self.live_runs(block, &[position], runs);
            if let Some(region) = FewRuns::new(runs) {
                self.union[position as usize] = region;
                self.state[position as usize] = State::Plain;
            }
        }
    }

    /// Replaces `runs` by where a value lives that is defined in `definition` and live into
    /// `uses`, positions which `definition` strictly dominates. The children of `definition` are
    /// finished, and it is not.
    pub(crate) fn live_runs(&mut self, definition: Block, uses: &[u32], runs: &mut Vec<Run>) {
        runs.clear();
        self.search += 1;
        self.pending.extend_from_slice(uses);
        while let Some(position) = self.pending.pop() {
            let Some(tangled) = self.climb(position, runs) else {
                continue;
            };
            runs.push(Run::single(tangled));
            let block = self.layout.order()[tangled as usize];
            for edge in self.flow.predecessors(block) {
                self.steps += 1;
                if edge.block != definition {
                    self.pending.extend(self.layout.position(edge.block));
                }
            }
        }
        normalize(runs);
    }

    /// Appends the union of the regions from `from` up to its root. Where a tangled block ends the
    /// path before, returns it, unless this search had it already.
    fn climb(&mut self, from: u32, runs: &mut Vec<Run>) -> Option<u32> {
        let mut at = from;
        let mut tangled = None;
        self.path.clear();
        loop {
            self.steps += 1;
            // What is above a visited position was appended when it was visited.
            if std::mem::replace(&mut self.visited[at as usize], self.search) == self.search {
                break;
            }
            if self.state[at as usize] == State::Tangled {
                tangled = Some(at);
                break;
            }
            self.path.push(at);
            runs.extend_from_slice(self.union[at as usize].as_slice());
            if self.above[at as usize] == NONE {
                break;
            }
            at = self.above[at as usize];
        }
        let mut upper = self.path.pop();
        while let (Some(link), Some(lower)) = (upper, self.path.pop()) {
            let beyond = self.above[link as usize];
            if beyond != NONE
                && let Some(union) = self.union[lower as usize].union(&self.union[link as usize])
            {
                self.union[lower as usize] = union;
                self.above[lower as usize] = beyond;
            }
            upper = Some(lower);
        }
        tangled
    }
}
