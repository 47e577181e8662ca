//! Which jumps need a long distance, and where everything ends up.
//!
//! The assembler keeps the bytes of everything but relative jumps and alignment padding; those are
//! *gaps* whose size is chosen here. A [`Position`] is a place among the kept bytes and the gaps.
//!
//! Every jump starts short. A jump out of reach grows, which moves apart what lies on either side
//! of it, so short jumps across it are looked at again. Alignment padding counts as its largest
//! possible size meanwhile; so distances only rise and a jump that has grown never shrinks.
//!
//! It ends because each jump grows at most once. It is linear because a short jump reaches at most
//! 128 bytes and each jump takes at least two: growing one concerns at most the 64 jumps before it
//! and the 64 after it. Without alignment the result is the smallest code there is: a jump is
//! long only if it is out of reach even when every jump not yet known to be long is short.

use crate::operand::Cond;

/// A place among kept bytes and gaps: the number of each before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) bytes: u32,
    pub(crate) jumps: u32,
    pub(crate) aligns: u32,
}

/// A relative jump.
pub(crate) struct Jump {
    pub(crate) at: Position,
    pub(crate) cond: Option<Cond>,
    pub(crate) target: Position,
}

/// Padding up to a multiple of `boundary`, a power of two.
pub(crate) struct Align {
    pub(crate) at: Position,
    pub(crate) boundary: u32,
}

/// `EB cb` and `70+cc cb`.
const SHORT: u32 = 2;

fn long_size(cond: Option<Cond>) -> u32 {
    match cond {
        // E9 cd
        None => 5,
        // 0F 80+cc cd
        Some(_) => 6,
    }
}

/// The chosen sizes, as sums over the gaps before one.
pub(crate) struct Layout {
    jump_bytes: Vec<u64>,
    padding: Vec<u64>,
}

impl Layout {
    /// Chooses the sizes of all gaps.
    pub(crate) fn new(jumps: &[Jump], aligns: &[Align]) -> Layout {
        let is_long = choose(jumps, aligns);
        let sizes = jumps
            .iter()
            .zip(&is_long)
            .map(|(jump, &is_long)| u64::from(if is_long { long_size(jump.cond) } else { SHORT }));
        let mut layout = Layout {
            jump_bytes: sums(sizes),
            padding: vec![0],
        };
        for align in aligns {
            let offset = layout.offset(align.at);
            let boundary = u64::from(align.boundary);
            let before = layout.padding[layout.padding.len() - 1];
            let size = offset.next_multiple_of(boundary) - offset;
            layout.padding.push(before + size);
        }
        layout
    }

    /// Where `position` is in the finished code.
    pub(crate) fn offset(&self, position: Position) -> u64 {
        u64::from(position.bytes)
            + self.jump_bytes[position.jumps as usize]
            + self.padding[position.aligns as usize]
    }

    /// The size of a jump.
    pub(crate) fn jump_size(&self, jump: usize) -> usize {
        (self.jump_bytes[jump + 1] - self.jump_bytes[jump]) as usize
    }

    /// Whether a jump is long.
    pub(crate) fn is_long(&self, jump: usize) -> bool {
        self.jump_size(jump) != SHORT as usize
    }

    /// The size of the padding of an alignment.
    pub(crate) fn padding(&self, align: usize) -> usize {
        (self.padding[align + 1] - self.padding[align]) as usize
    }
}

/// `[0, a, a + b, ..]`
fn sums(sizes: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut sum = 0;
    let mut sums = vec![0];
    sums.extend(sizes.map(|size| {
        sum += size;
        sum
    }));
    sums
}

/// Which jumps are long.
fn choose(jumps: &[Jump], aligns: &[Align]) -> Vec<bool> {
    let padding = sums(aligns.iter().map(|align| u64::from(align.boundary - 1)));
    let offset = |position: Position| {
        i64::from(position.bytes)
            + i64::from(position.jumps) * i64::from(SHORT)
            + padding[position.aligns as usize] as i64
    };
    let mut distances: Vec<i64> = jumps
        .iter()
        .map(|jump| offset(jump.target) - offset(jump.at) - i64::from(SHORT))
        .collect();
    let mut is_long = vec![false; jumps.len()];
    let mut growing: Vec<usize> = Vec::new();
    for index in 0..jumps.len() {
        if !is_in_reach(distances[index]) {
            is_long[index] = true;
            growing.push(index);
        }
    }
    while let Some(grown) = growing.pop() {
        let growth = i64::from(long_size(jumps[grown].cond) - SHORT);
        let before = near(jumps, grown, (0..grown).rev())
            .filter(|&other| jumps[other].target.jumps as usize > grown)
            .map(|other| (other, growth));
        let after = near(jumps, grown, grown + 1..jumps.len())
            .filter(|&other| jumps[other].target.jumps as usize <= grown)
            .map(|other| (other, -growth));
        for (other, change) in before.chain(after) {
            distances[other] += change;
            if !is_long[other] && !is_in_reach(distances[other]) {
                is_long[other] = true;
                growing.push(other);
            }
        }
    }
    is_long
}

fn is_in_reach(distance: i64) -> bool {
    i8::try_from(distance).is_ok()
}

/// Those of `others`, which lead away from `center`, that a short jump across `center` can be.
fn near<'a>(
    jumps: &'a [Jump],
    center: usize,
    others: impl Iterator<Item = usize> + 'a,
) -> impl Iterator<Item = usize> + 'a {
    let smallest_offset =
        move |index: usize| u64::from(jumps[index].at.bytes) + index as u64 * u64::from(SHORT);
    let limit = u64::from(i8::MIN.unsigned_abs()) + u64::from(SHORT);
    others
        .take_while(move |&other| smallest_offset(other).abs_diff(smallest_offset(center)) <= limit)
}
