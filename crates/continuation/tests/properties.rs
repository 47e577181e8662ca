//! What must hold of the layouts for any needs, and how good and how large they get.

mod support;

use enjamb_continuation::{Affinities, Layouts, Need, PointNeed};
use enjamb_ir::Type;
use support::{Rng, TYPES, check, random_needs, save, save_slot, value};

fn layouts(points: &[PointNeed]) -> Layouts {
    Layouts::new(points, &Affinities::default())
}

/// Points without results that save these needs.
fn points(saved: impl IntoIterator<Item = Vec<Need>>) -> Vec<PointNeed> {
    let point = |saved| PointNeed {
        saved,
        ..PointNeed::default()
    };
    saved.into_iter().map(point).collect()
}

#[test]
fn nothing_saved_together_overlaps() {
    let mut shared = 0;
    for seed in 0..500 {
        let mut rng = Rng(seed);
        let (points, affinities) = random_needs(&mut |bound| rng.below(bound));
        let computed = Layouts::new(&points, &affinities);
        check(&points, &computed);
        let again = Layouts::new(&points, &affinities);
        assert_eq!(computed.layouts(), again.layouts());
        for layout in computed.layouts().values() {
            let mut offsets: Vec<u32> = layout.fields.values().map(|field| field.offset).collect();
            offsets.dedup();
            shared += layout.fields.len() - offsets.len();
        }
    }
    assert!(shared > 250, "places are shared: {shared}");
}

/// Whatever a single point saves, no byte is lost.
#[test]
fn one_point_is_never_padded() {
    for seed in 0..500 {
        let mut rng = Rng(seed);
        let (mut points, affinities) = random_needs(&mut |bound| rng.below(bound));
        points.truncate(1);
        let computed = Layouts::new(&points, &affinities);
        check(&points, &computed);
        let size = computed.layouts().values().next().unwrap().size;
        assert_eq!(size, computed.lower_bound(), "seed {seed}");
        assert_eq!(size, points[0].least_size());
    }
}

/// Values and slots of all sizes that live from one point to a later one: what is lost on the way.
#[test]
fn intervals_of_all_widths_are_close_to_the_least_possible() {
    let (mut sizes, mut least) = (0, 0);
    for seed in 0..300 {
        let mut rng = Rng(seed);
        let count = 1 + rng.below(40);
        let mut points = vec![PointNeed::default(); count];
        for point in &mut points {
            point.results = vec![Type::I64; rng.below(3)];
        }
        for index in 0..rng.below(60) {
            let (a, b) = (rng.below(count), rng.below(count));
            let need = match rng.below(4) {
                0 => save_slot(index, [3, 4, 8, 20, 64, 100][rng.below(6)]),
                _ => save(index, TYPES[rng.below(TYPES.len())]),
            };
            for point in &mut points[a.min(b)..=a.max(b)] {
                point.saved.push(need);
            }
        }
        let computed = layouts(&points);
        check(&points, &computed);
        if computed.is_union() {
            sizes += computed.layouts().values().next().unwrap().size;
            least += computed.lower_bound();
        }
    }
    assert!(sizes * 100 <= least * 106, "{sizes} against {least}");
}

/// Values that live from one point to a later one, with numbers that say nothing about where.
#[test]
fn intervals_of_one_width_take_the_least_possible() {
    for seed in 0..300 {
        let mut rng = Rng(seed);
        let count = 1 + rng.below(40);
        let mut saved = vec![Vec::new(); count];
        for index in 0..rng.below(60) {
            let (a, b) = (rng.below(count), rng.below(count));
            for point in &mut saved[a.min(b)..=a.max(b)] {
                point.push(save(index, [Type::I64, Type::F64, Type::Task][index % 3]));
            }
        }
        let points = points(saved);
        let computed = layouts(&points);
        check(&points, &computed);
        let size = computed.layouts().values().next().unwrap().size;
        assert_eq!(size, computed.lower_bound(), "seed {seed}");
    }
}

#[test]
fn narrow_values_are_packed() {
    let flags = (0..11).map(|index| save(index, Type::I8)).collect();
    assert_eq!(
        layouts(&points([flags]))
            .layouts()
            .values()
            .next()
            .unwrap()
            .size,
        16 + 16
    );
    let mixed = vec![
        save(0, Type::I8),
        save(1, Type::I64),
        save(2, Type::I16),
        save(3, Type::F32),
        save(4, Type::I8),
        save(5, Type::Ref),
    ];
    let computed = layouts(&points([mixed]));
    let layout = computed.layouts().values().next().unwrap();
    let fields = layout.fields.values();
    let fields: Vec<_> = fields
        .map(|field| (field.name.as_str(), field.offset))
        .collect();
    assert_eq!(
        fields,
        [
            ("v5", 16),
            ("v1", 24),
            ("v3", 32),
            ("v2", 36),
            ("v0", 38),
            ("v4", 39)
        ]
    );
    assert_eq!(layout.size, 40);
}

#[test]
fn narrow_values_fill_the_places_that_wide_ones_leave() {
    let first = vec![save(0, Type::I64), save(1, Type::I8)];
    let second = (2..10).map(|index| save(index, Type::I8)).collect();
    let computed = layouts(&points([first, second]));
    let size = computed.layouts().values().next().unwrap().size;
    assert_eq!(
        size,
        16 + 8 + 8,
        "one place for v0 or v2 to v9, and one for v1"
    );
}

/// A slot at one point, values at another, results at a third: all lie at the same place.
#[test]
fn values_slots_and_results_share_a_place() {
    let saved = [
        vec![save_slot(0, 64)],
        (0..8).map(|index| save(index, Type::I64)).collect(),
        vec![save(8, Type::I8)],
    ];
    let mut points = points(saved);
    points[2].results = vec![Type::I64; 7];
    let computed = layouts(&points);
    check(&points, &computed);
    let layout = computed.layouts().values().next().unwrap();
    assert_eq!((layout.size, computed.lower_bound()), (16 + 64, 16 + 64));
}

/// Were the values to come first, one of them would lie in the middle of where the slot can be.
#[test]
fn values_fill_what_slots_leave() {
    let points = points([
        (0..9).map(|index| save(index, Type::I64)).collect(),
        vec![save(1, Type::I64), save_slot(0, 64)],
    ]);
    let computed = layouts(&points);
    check(&points, &computed);
    let layout = computed.layouts().values().next().unwrap();
    assert_eq!((layout.size, computed.lower_bound()), (16 + 72, 16 + 72));
}

/// The order that suits single points may put a narrow value behind a slot, but not for nothing.
#[test]
fn values_stand_near_where_that_costs_nothing() {
    let needs = vec![save(0, Type::I32), save_slot(0, 512), save(1, Type::I64)];
    let computed = layouts(&points([needs]));
    let layout = computed.layouts().values().next().unwrap();
    let offsets: Vec<u32> = layout.fields.values().map(|field| field.offset).collect();
    assert_eq!((offsets, layout.size), (vec![16, 24, 32], 544));
}

#[test]
fn a_loop_parameter_shares_with_what_is_handed_to_it() {
    // v2 can stand where v0 stands or where v1 does.
    let points = points([
        vec![save(0, Type::I64), save(1, Type::I64)],
        vec![save(2, Type::I64)],
    ]);
    let mut affinities = Affinities::default();
    affinities.insert(value(2), vec![value(1)]);
    let offset = |layouts: &Layouts, name: &str| {
        let layout = layouts.layouts().values().next().unwrap();
        layout.fields[layout.field_named(name).unwrap()].offset
    };
    let (plain, wished) = (layouts(&points), Layouts::new(&points, &affinities));
    assert_eq!(offset(&plain, "v2"), offset(&plain, "v0"));
    assert_eq!(offset(&wished, "v2"), offset(&wished, "v1"));
}

/// However many points there are, the layouts are few.
#[test]
fn the_number_of_layouts_is_bounded() {
    let needs = |index: usize| vec![save_slot(index, 1 << (index % 20)), save(index, Type::I64)];
    for count in [1, 2, 3, 64, 65, 1000] {
        let points = points((0..count).map(needs));
        let computed = layouts(&points);
        check(&points, &computed);
        assert!(
            computed.layouts().len() <= 10,
            "{}",
            computed.layouts().len()
        );
    }
}

/// Ten thousand points, and ten thousand values or slots at one point.
#[test]
fn large_needs() {
    let many = 10_000;
    let wide = points([(0..many).map(|index| save(index, Type::I32)).collect()]);
    let long = points((0..many).map(|point| vec![save(point, Type::I64), save(many, Type::I8)]));
    let slots = points([(0..many).map(|index| save_slot(index, 4)).collect()]);
    let one_after_the_other = points((0..many).map(|point| vec![save_slot(point, 4)]));
    let cases = [
        (wide, 40_016),
        (long, 32),
        (slots, 40_016),
        (one_after_the_other, 24),
    ];
    for (points, size) in cases {
        let computed = layouts(&points);
        check(&points, &computed);
        assert_eq!(computed.layouts().values().next().unwrap().size, size);
        assert!(computed.places_asked() <= 2 * many as u64);
    }
}

/// A value from each point to the fiftieth behind it, and slots likewise: places are found at the
/// first try or soon after, however many points there are.
#[test]
fn the_work_grows_with_what_is_saved() {
    let asked_for_each = |count: usize| {
        let mut saved = vec![Vec::new(); count];
        for first in 0..count {
            let need = match first % 5 {
                0 => save_slot(first, 4 << (first % 4)),
                _ => save(first, TYPES[first % TYPES.len()]),
            };
            for point in &mut saved[first..count.min(first + 50)] {
                point.push(need);
            }
        }
        let points = points(saved);
        let needs: usize = points.iter().map(|point| point.saved.len()).sum();
        let computed = layouts(&points);
        check(&points, &computed);
        computed.places_asked() as f64 / needs as f64
    };
    let (few, many) = (asked_for_each(500), asked_for_each(4000));
    assert!(
        many < 60.0 && many < 1.2 * few,
        "{few} and {many} for each need"
    );
}

/// The second half of the values is saved at two points, and every place is taken at one of them:
/// looking at all for the first free one would take quadratic time.
#[test]
fn hopeless_places_are_not_searched() {
    let asked = |many: usize| {
        let both = many..2 * many;
        let half = |odd: usize| (odd..many).step_by(2).chain(both.clone());
        let saves = |index| save(index, Type::I64);
        let points = points([
            (0..many).map(saves).collect(),
            half(0).map(saves).collect(),
            half(1).map(saves).collect(),
        ]);
        let computed = layouts(&points);
        check(&points, &computed);
        computed.places_asked()
    };
    assert!(asked(8000) < 5 * asked(2000));
}
