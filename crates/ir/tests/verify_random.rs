//! Functions of random instructions: whatever they name, the verifier answers and never panics.

use enjamb_ir::{
    Block, DataDecl, DataId, Entity, FieldDecl, FieldId, FieldType, FloatCond, FuelPolicy, FuncId,
    Function, GlobalDecl, GlobalId, GlobalInit, IntCond, LayoutDecl, LayoutId, MemoryDecl,
    MemoryId, Module, ObjectFields, ObjectType, ObjectTypeDecl, ObjectTypeId, Opcode, Payload,
    Place, PointDecl, PointId, RootId, RootSlot, Rule, SavedField, SavedSource, Shape, SigId,
    Signature, SlotData, StackSlot, Stage, TableDecl, TableId, Target, TrapCode, Type, Value,
    verify_function, verify_module,
};
use std::collections::BTreeSet;

/// A pseudo-random sequence (splitmix64).
struct Random {
    state: u64,
    /// Whether entities that do not exist are named too.
    wild: bool,
}

impl Random {
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
    /// One of the two entities that every kind has at least, or now and then another one.
    fn entity<E: Entity>(&mut self) -> E {
        match self.below(40) {
            0 if self.wild => E::from_index(u32::MAX as usize - 1 - self.below(3)),
            1 if self.wild => E::from_index(self.below(200)),
            _ => E::from_index(self.below(2)),
        }
    }
    fn ty(&mut self) -> Type {
        Type::ALL[self.below(Type::ALL.len())]
    }
    fn types(&mut self) -> Vec<Type> {
        (0..self.below(3)).map(|_| self.ty()).collect()
    }
    fn signature(&mut self) -> Signature {
        Signature {
            params: self.types(),
            results: self.types(),
            is_async: self.below(2) == 0,
        }
    }
    fn number(&mut self) -> u32 {
        self.next() as u32 >> self.below(32)
    }
}

fn payload(random: &mut Random) -> Payload {
    let place = match random.below(4) {
        0 => Place::Memory(random.entity::<MemoryId>()),
        1 => Place::Slot(random.entity::<StackSlot>()),
        2 => Place::Address,
        _ => Place::Raw,
    };
    let shape = Shape::ALL[random.below(Shape::ALL.len())];
    match random.below(29) {
        0 => Payload::None,
        1 => Payload::Integer(random.next() as i64),
        2 => Payload::Float(random.next()),
        3 => Payload::IntCond(IntCond::Equal),
        4 => Payload::FloatCond(FloatCond::Less),
        5 => Payload::Function(random.entity::<FuncId>()),
        6 => Payload::Signature(random.entity::<SigId>()),
        7 => Payload::Slot(random.entity(), random.number()),
        8 => Payload::Memory(random.entity()),
        9 => Payload::MemoryPair(random.entity(), random.entity()),
        10 => Payload::MemoryData(random.entity(), random.entity::<DataId>()),
        11 => Payload::Global(random.entity::<GlobalId>()),
        12 => Payload::Table(random.entity::<TableId>()),
        13 => Payload::Trap(TrapCode::User),
        14 => Payload::Layout(random.entity::<LayoutId>()),
        15 => Payload::Field(random.entity(), random.entity::<FieldId>()),
        16 => Payload::SlotField(random.entity(), random.entity(), random.entity()),
        17 => Payload::Point(random.entity::<PointId>()),
        18 => Payload::PointResult(random.entity(), random.below(4) as u32),
        19 => Payload::ObjectType(random.entity::<ObjectTypeId>()),
        20 => Payload::ObjectField(random.entity(), random.entity()),
        21 => Payload::Root(random.entity::<RootId>()),
        22 => Payload::Vector([7; 16]),
        23 => Payload::Shape(shape),
        24 => Payload::Lane(shape, random.below(20) as u8),
        25 => Payload::LanesIntCond(shape, IntCond::Equal),
        26 => Payload::LanesFloatCond(shape, FloatCond::Less),
        27 => Payload::Shuffle([random.below(40) as u8; 16]),
        _ => Payload::Access(place, random.number()),
    }
}

/// A payload of the variant that the opcode takes, mostly.
fn fitting_payload(random: &mut Random, opcode: Opcode) -> Payload {
    let kind = opcode.info().kind;
    let tries = if random.below(50) == 0 { 1 } else { 500 };
    let mut chosen = payload(random);
    for _ in 0..tries {
        if enjamb_ir::typing::payload_fits(kind, chosen) {
            break;
        }
        chosen = payload(random);
    }
    chosen
}

fn declare(random: &mut Random, function: &mut Function) {
    for _ in 0..2 {
        function.roots.push(RootSlot);
    }
    for _ in 0..2 + random.below(2) {
        function.slots.push(SlotData {
            size: random.number(),
            align: random.number(),
        });
        let signature = random.signature();
        function.signatures.push(signature);
        let fields = (0..2 + random.below(2)).map(|_| FieldDecl {
            name: format!("f{}", random.below(4)),
            ty: match random.below(2) {
                0 => FieldType::Value(random.ty()),
                _ => FieldType::Bytes {
                    size: random.number(),
                    align: random.number(),
                },
            },
            offset: random.number(),
        });
        let fields = fields.collect();
        function.layouts.push(LayoutDecl {
            fields,
            size: random.number(),
        });
        let saved = (0..random.below(4)).map(|_| SavedField {
            field: random.entity(),
            source: SavedSource::Value(random.entity()),
        });
        let saved = saved.collect();
        function.points.push(PointDecl {
            layout: random.entity(),
            results: random.types(),
            saved,
            unwind: (random.below(2) == 0).then(|| random.entity()),
            position: None,
        });
    }
}

fn fill(random: &mut Random, function: &mut Function) {
    let blocks: Vec<Block> = (0..2 + random.below(3))
        .map(|_| function.append_block())
        .collect();
    for &block in &blocks {
        for _ in 0..1 + random.below(2) {
            let ty = random.ty();
            function.append_param(block, ty);
        }
    }
    let rows = Opcode::all();
    for &block in &blocks {
        for _ in 0..1 + random.below(6) {
            let opcode = rows[random.below(rows.len())].opcode;
            let payload = fitting_payload(random, opcode);
            let made = function.values.len();
            let mut value = || match random.below(10) {
                0 => Value::from_index(random.below(made)),
                _ => random.entity(),
            };
            let args: Vec<Value> = (0..3).map(|_| value()).collect();
            let args = &args[..random.below(4)];
            let (least, _) = enjamb_ir::typing::target_counts(opcode.info().kind);
            let targets: Vec<Target> = (0..least)
                .map(|_| {
                    let args: Vec<Value> = (0..random.below(3)).map(|_| random.entity()).collect();
                    let to = random.entity();
                    function.target(to, &args)
                })
                .collect();
            let ty = random.ty();
            let inst = function.make_inst(opcode, ty, payload, args, &targets);
            let results = random.types();
            function.make_results(inst, &results);
            let roots: Vec<RootId> = (0..random.below(3)).map(|_| random.entity()).collect();
            if random.below(20) == 0 {
                function.set_live_roots(inst, &roots);
            }
            function.append_inst(block, inst);
        }
    }
}

fn fuel_policy(random: &mut Random) -> Option<FuelPolicy> {
    match random.below(4) {
        0 => Some(FuelPolicy::Trap),
        1 => Some(FuelPolicy::Suspend {
            pause: FuncId::from_index(random.below(3)),
            debt: None,
        }),
        _ => None,
    }
}

fn declare_in(random: &mut Random, module: &mut Module, name: &str) {
    let memory = MemoryDecl {
        name: format!("memory-{name}"),
        min_pages: random.next() >> random.below(64),
        max_pages: random.next() >> random.below(64),
    };
    let memory = module.declare_memory(memory).expect("it is free");
    let data = DataDecl {
        name: format!("data-{name}"),
        bytes: vec![0; 3],
        place: Some((memory, random.next() >> random.below(64))),
    };
    module.declare_data(data).expect("it is free");
    let global = GlobalDecl {
        name: format!("global-{name}"),
        ty: random.ty(),
        init: GlobalInit::Number(random.next() >> random.below(64)),
    };
    module.declare_global(global).expect("it is free");
    let count = match random.below(100) {
        0 => 1_001,
        _ => random.below(4),
    };
    let fields = (0..count).map(|index| (format!("f{index}"), random.ty()));
    let fields: Vec<(String, Type)> = fields.collect();
    let fields: Vec<(&str, Type)> = fields.iter().map(|(name, ty)| (&name[..], *ty)).collect();
    let types = [
        ObjectType::Fields(ObjectFields::of(&fields).expect("they have names")),
        ObjectType::Array(random.ty()),
    ];
    for (index, shape) in types.into_iter().enumerate() {
        let name = format!("type-{index}-{name}");
        let decl = ObjectTypeDecl { name, shape };
        module.declare_object_type(decl).expect("it is free");
    }
    let table = TableDecl {
        name: format!("table-{name}"),
        entries: vec![None, Some(FuncId::from_index(0))],
    };
    module.declare_table(table).expect("it is free");
}

#[test]
fn the_verifier_answers_on_random_functions() {
    let mut random = Random {
        state: 3,
        wild: false,
    };
    let mut broken: BTreeSet<Rule> = BTreeSet::new();
    for round in 0..10_000 {
        random.wild = round % 2 == 0;
        let mut module = Module::new();
        module.trusted = random.below(2) == 0;
        let signature = random.signature();
        let id = module.declare_function("f", signature).expect("it is free");
        let import = random.signature();
        module
            .declare_import("g", "host", "g", import)
            .expect("it is free");
        for name in ["first", "second"] {
            declare_in(&mut random, &mut module, name);
        }
        module.fuel = fuel_policy(&mut random);
        let function = module.functions[id].body_mut().expect("it has a body");
        if random.below(2) == 0 {
            function.stage = Stage::Lowered;
        }
        declare(&mut random, function);
        fill(&mut random, function);
        let function = module.functions[id].body().expect("it has a body");
        // What the function breaks is part of what the module breaks.
        let in_function = verify_function(&module, function);
        let in_module = verify_module(&module);
        if let Err(errors) = in_function {
            let all = in_module.expect_err("the function is part of the module");
            assert!(
                errors
                    .iter()
                    .all(|error| all.iter().any(|other| other == error))
            );
            assert!(!all.to_string().is_empty(), "{round}");
            broken.extend(all.iter().map(|error| error.rule));
        }
    }
    // Names, places and definitions are made properly above, and operands name parameters; every
    // other rule is broken somewhere.
    let never = [
        Rule::Names,
        Rule::Declared,
        Rule::Placement,
        Rule::SingleDefinition,
        Rule::Defined,
    ];
    for rule in Rule::ALL {
        assert_ne!(broken.contains(rule), never.contains(rule), "{rule}");
    }
}
