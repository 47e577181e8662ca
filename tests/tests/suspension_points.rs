//! Functions with as many suspension points as may make a difference to the entry dispatch: around
//! the small special cases, around the size of a word, and a thousand.

use enjamb_tests::golden;
use std::fmt::Write;

/// A golden file about a function that adds up 1 to `points` with a suspension behind each sum, then
/// subtracts its parameter, which is live across all of them.
fn straight_line(points: usize, schedules: &str) -> String {
    let sum = points * (points + 1) / 2;
    let mut text = format!(
        "; run: %main(5) == {sum}\n\
         ; stats always: suspensions == {points}, resumptions == {points}, continuations_allocated == 1\n\
         ; stats never: continuations_allocated == 0\n\
         ; schedules: {schedules}\n\n\
         import %yield = \"enjamb\" \"yield\" () async\n\n\
         function %main(i64) -> i64 async {{\n\
         block0(v0: i64):\n    v1 = iadd v0, v0\n"
    );
    let mut last = 1;
    for number in 1..=points {
        let (constant, next) = (last + 1, last + 2);
        let _ = write!(
            text,
            "    v{constant} = iconst.i64 {number}\n    v{next} = iadd v{last}, v{constant}\n    call %yield()\n"
        );
        last = next;
    }
    let (once, twice) = (last + 1, last + 2);
    let _ = write!(
        text,
        "    v{once} = isub v{last}, v0\n    v{twice} = isub v{once}, v0\n    return v{twice}\n}}\n"
    );
    text
}

fn check(points: usize, schedules: &str) {
    let text = straight_line(points, schedules);
    if let Err(failure) = golden::check(&text, false) {
        let (line, message) = (failure.line, failure.message);
        panic!("{points} points, line {line}: {message}");
    }
}

#[test]
fn one_two_three_and_four() {
    (1..=4).for_each(|points| check(points, "natural, never, always, random:1, random:2, only:1"));
}

#[test]
fn round_the_size_of_a_word() {
    [31, 32, 33, 63, 64, 65, 127, 128, 129]
        .into_iter()
        .for_each(|points| check(points, "never, always, random:1"));
}

#[test]
fn a_thousand() {
    check(1000, "never, always");
}

/// A golden file about a function that adds its parameter to what that many calls give or, if it is
/// odd, throw: each point has an exceptional entry, so there are twice as many states.
fn handlers(points: usize, schedules: &str) -> String {
    let (even, odd) = (4 * (points + 1), 3 * (points + 1));
    let mut text = format!(
        "; run: %main(4) == {even}\n; run: %main(3) == {odd}\n; schedules: {schedules}\n\n\
         import %test = \"enjamb\" \"test\" (i64) -> i64 async\n\n\
         function %odd_throws(i64) -> i64 async {{\n\
         block0(v0: i64):\n    v1 = call %test(v0)\n    v2 = iconst.i64 1\n    \
         v3 = band v1, v2\n    brif v3, block1, block2\n\
         block1:\n    v4 = null.ref\n    throw v1, v4\nblock2:\n    return v1\n}}\n\n\
         function %main(i64) -> i64 async {{\nblock0(v0: i64):\n    jump block1(v0)\n"
    );
    for point in 0..points {
        let (block, value) = (2 * point + 1, 6 * point + 1);
        let [result, tag, payload, taken, sum] = [1, 2, 3, 4, 5].map(|behind| value + behind);
        let (meet, next) = (block + 1, block + 2);
        let _ = write!(
            text,
            "block{block}(v{value}: i64):\n    v{result}, v{tag}, v{payload} = try_call %odd_throws(v{value}), \
             block{meet}(v{result}), unwind block{meet}(v{tag})\n\
             block{meet}(v{taken}: i64):\n    v{sum} = iadd v{taken}, v0\n    jump block{next}(v{sum})\n"
        );
    }
    let (block, value) = (2 * points + 1, 6 * points + 1);
    let _ = write!(
        text,
        "block{block}(v{value}: i64):\n    return v{value}\n}}\n"
    );
    text
}

#[test]
fn points_with_handlers() {
    for points in [1, 2, 3, 15, 16, 17, 31, 32, 33, 64, 65, 500] {
        let text = handlers(points, "never, always, random:1");
        if let Err(failure) = golden::check(&text, false) {
            let (line, message) = (failure.line, failure.message);
            panic!("{points} points with handlers, line {line}: {message}");
        }
    }
}
