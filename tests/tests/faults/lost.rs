//! Continuations that are lost: that nobody has any more, and that are not free.
//!
//! An instance whose code does not count says nothing of them, and gives its chunks back whole when it goes. But where
//! chunks are for one object each it asks for another one only if none of the size is free. So once it has had a number
//! of objects of each size at the same time, which is more than were ever in use before, it has got these and those
//! that are lost.

use crate::support::Faults;
use enjamb::Instance;

/// Objects of each size that the probe has at the same time.
const AT_ONCE: i64 = 24;
/// Words beside the header of the largest of them. Other frames have fewer, or are allocations of their own.
const WORDS: usize = 6;

/// Is suspended as often as its argument says, and one time more, in objects of a size; then the next one is.
const PROBE: &str = "
function %probe_WORDS(i64) async {
    ss0 = slot SIZE align 8
block0(v0: i64):
    store ss0[0], v0
    brif v0, block1, block2
block1:
    v1 = iconst.i64 1
    v2 = isub v0, v1
    call %probe_WORDS(v2)
    jump block3
block2:
    v3 = iconst.i64 AGAIN
    CALL
    jump block3
block3:
    v4 = SAVED
    v5 = call %plain(v4)
    return
}
";

/// A program, whose import `%wait` is always suspended and whose `%plain` never, with the probe.
pub fn with_probe(program: &str) -> String {
    let probes = (0..=WORDS).map(|words| {
        let call = match words {
            WORDS => "v6 = call %wait(v3)".to_string(),
            _ => format!("call %probe_{}(v3)", words + 1),
        };
        // What is not read again is not saved.
        let saved = ["iconst.i64 0", "load.i64 ss0[0]"][usize::from(words > 0)];
        PROBE
            .replace("WORDS", &words.to_string())
            .replace("SIZE", &(8 * words.max(1)).to_string())
            .replace("AGAIN", &(AT_ONCE - 1).to_string())
            .replace("CALL", &call)
            .replace("SAVED", saved)
    });
    std::iter::once(program.to_string()).chain(probes).collect()
}

/// Bytes of an instance once it has been probed.
pub fn probed(instance: &Instance, faults: &Faults) -> usize {
    let probe = instance.func::<(i64,), ()>("probe_0").unwrap();
    probe.block_on((AT_ONCE - 1,)).unwrap();
    faults.live()
}
