//! Rules that the text format cannot break, broken in modules made by hand; and modules that are
//! wrong in many places at once.

use enjamb_ir::{
    Block, BlockData, Entity, Export, FieldDecl, FieldType, FileId, FuncId, Function, FunctionDecl,
    FunctionKind, GlobalDecl, GlobalInit, Inst, LayoutDecl, LayoutId, MemoryId, Module, Opcode,
    Payload, PointId, PrimaryMap, Rule, SigId, Signature, SourcePos, Stage, Type, Value, ValueData,
    ValueDef, verify_module,
};

/// The rules that a module breaks with the messages, in order.
fn errors(module: &Module) -> Vec<(Rule, String)> {
    match verify_module(module) {
        Ok(()) => Vec::new(),
        Err(errors) => {
            let pair = |error: &enjamb_ir::VerifyError| (error.rule, error.message.clone());
            errors.iter().map(pair).collect()
        }
    }
}

fn rules(module: &Module) -> Vec<Rule> {
    errors(module).into_iter().map(|(rule, _)| rule).collect()
}

/// A module with one function `%f(i64)`, made by `build` from a function with an entry block.
fn module_of(build: impl FnOnce(&mut Function, Block)) -> Module {
    let mut module = Module::new();
    let signature = Signature::sync(&[Type::I64], &[]);
    let id = module
        .declare_function("f", signature)
        .expect("the name is free");
    let function = module.functions[id].body_mut().expect("it has a body");
    let entry = function.append_block();
    function.append_param(entry, Type::I64);
    build(function, entry);
    module
}

fn add(function: &mut Function, block: Block, opcode: Opcode, payload: Payload, args: &[Value]) {
    let inst = function.make_inst(opcode, Type::I64, payload, args, &[]);
    function.append_inst(block, inst);
}

fn end(function: &mut Function, block: Block) {
    add(function, block, Opcode::Return, Payload::None, &[]);
}

fn value(index: usize) -> Value {
    Value::from_index(index)
}

#[test]
fn a_correct_module_has_no_error() {
    assert_eq!(errors(&module_of(end)), []);
}

#[test]
fn names() {
    let mut module = module_of(end);
    let import = |name: &str| FunctionDecl {
        name: name.to_string(),
        kind: FunctionKind::Import {
            namespace: String::new(),
            name: String::new(),
            signature: Signature::default(),
        },
    };
    module.functions.push(import("f"));
    module.functions.push(import("two words"));
    let mut body = module.functions[FuncId::from_index(0)].clone();
    body.name = "g".to_string();
    module.functions.push(body);
    let messages = [
        "`%f` is declared twice",
        "\"two words\" is no name",
        "the body is that of `%f`",
    ];
    assert_eq!(
        errors(&module),
        messages.map(|text| (Rule::Names, text.to_string()))
    );
}

#[test]
fn numbers_of_globals() {
    let mut module = module_of(end);
    for (index, (ty, bits)) in [
        (Type::I8, -1i64 as u64),
        (Type::I8, 0xff),
        (Type::F32, 0xffff_ffff),
        (Type::F32, 1 << 32),
        (Type::I64, u64::MAX),
    ]
    .into_iter()
    .enumerate()
    {
        module.globals.push(GlobalDecl {
            name: format!("global{index}"),
            ty,
            init: GlobalInit::Number(bits),
        });
    }
    let messages = ["0xff does not fit i8", "0x100000000 does not fit f32"];
    assert_eq!(
        errors(&module),
        messages.map(|text| (Rule::GlobalInit, text.to_string()))
    );
}

#[test]
fn declared() {
    let mut module = module_of(|function, entry| {
        end(function, entry);
        let position = SourcePos {
            file: FileId::from_index(0),
            line: 1,
            column: 1,
        };
        function.positions[Inst::from_index(0)] = Some(position);
    });
    let missing = FuncId::from_index(9);
    for export in [
        Export::Function(missing),
        Export::Memory(MemoryId::from_index(9)),
        Export::Global(Entity::from_index(9)),
        Export::Table(Entity::from_index(9)),
    ] {
        let name = format!("{export:?}");
        module.export(&name, export).expect("the name is free");
    }
    module.globals.push(GlobalDecl {
        name: "global".to_string(),
        ty: Type::FuncRef,
        init: GlobalInit::Function(missing),
    });
    module.tables.push(enjamb_ir::TableDecl {
        name: "table".to_string(),
        entries: vec![None, Some(missing)],
    });
    module.data.push(enjamb_ir::DataDecl {
        name: "data".to_string(),
        bytes: Vec::new(),
        place: Some((MemoryId::from_index(9), 0)),
    });
    assert_eq!(rules(&module), [Rule::Declared; 8]);
}

#[test]
fn placement() {
    let module = module_of(|function, entry| {
        end(function, entry);
        function.order.push(entry);
        function.order.push(Block::from_index(7));
        let other = function.blocks.push(BlockData {
            insts: vec![Inst::from_index(0), Inst::from_index(7)],
            ..BlockData::default()
        });
        function.order.push(other);
    });
    assert_eq!(rules(&module), [Rule::Placement; 4]);
}

#[test]
fn existence() {
    let module = module_of(|function, entry| {
        let id = SigId::from_index(3);
        add(function, entry, Opcode::Ineg, Payload::None, &[value(99)]);
        let payloads = [
            (Opcode::Call, Payload::Function(FuncId::from_index(9))),
            (Opcode::Join, Payload::Signature(id)),
            (
                Opcode::SetPoint,
                Payload::Point(PointId::from_index(u32::MAX as usize - 1)),
            ),
            (
                Opcode::FieldLoad,
                Payload::Field(LayoutId::from_index(0), Entity::from_index(0)),
            ),
            (
                Opcode::ResultLoad,
                Payload::PointResult(PointId::from_index(0), 0),
            ),
            (
                Opcode::MemoryInit,
                Payload::MemoryData(MemoryId::from_index(0), Entity::from_index(0)),
            ),
        ];
        for (opcode, payload) in payloads {
            add(function, entry, opcode, payload, &[]);
        }
        let unplaced = function.create_block();
        let targets = [
            function.target(unplaced, &[]),
            function.target(Block::from_index(50), &[]),
        ];
        for target in targets {
            let inst = function.make_inst(
                Opcode::Jump,
                Type::I64,
                Payload::None,
                &[],
                std::slice::from_ref(&target),
            );
            let block = function.append_block();
            function.append_inst(block, inst);
        }
        end(function, entry);
    });
    assert_eq!(rules(&module), [Rule::Exists; 9]);
}

#[test]
fn shape() {
    let module = module_of(|function, entry| {
        let other = function.append_block();
        add(function, entry, Opcode::Iconst, Payload::None, &[]);
        add(function, entry, Opcode::Brif, Payload::None, &[value(0)]);
        let target = function.target(other, &[]);
        let inst = function.make_inst(Opcode::Return, Type::I64, Payload::None, &[], &[target]);
        function.append_inst(other, inst);
    });
    assert_eq!(rules(&module), [Rule::Shape; 3]);
}

#[test]
fn single_definition() {
    let module = module_of(|function, entry| {
        let inst = function.make_inst(Opcode::Iconst, Type::I64, Payload::Integer(1), &[], &[]);
        function.set_results(inst, &[value(0)]);
        function.append_inst(entry, inst);
        let inst = function.make_inst(Opcode::Iconst, Type::I64, Payload::Integer(1), &[], &[]);
        function.make_results(inst, &[Type::I64]);
        function.append_inst(entry, inst);
        function.values[value(1)].def = ValueDef::Param(Block::from_index(80), 3);
        end(function, entry);
    });
    let messages = [
        "v0 is defined a second time",
        "the record of v1 says it is defined elsewhere",
    ];
    assert_eq!(
        errors(&module),
        messages.map(|text| (Rule::SingleDefinition, text.to_string()))
    );
}

#[test]
fn defined() {
    let module = module_of(|function, entry| {
        let unused = function.values.push(ValueData {
            ty: Type::I64,
            def: ValueDef::Unused,
        });
        let target = function.append_block();
        let target = function.target(target, &[unused]);
        let inst = function.make_inst(Opcode::Jump, Type::I64, Payload::None, &[], &[target]);
        function.append_inst(entry, inst);
        let block = Block::from_index(1);
        function.append_param(block, Type::I64);
        end(function, block);
    });
    let message = "v1 has no definition".to_string();
    assert_eq!(errors(&module), [(Rule::Defined, message)]);
}

#[test]
fn results() {
    let module = module_of(|function, entry| {
        add(function, entry, Opcode::Iconst, Payload::Integer(1), &[]);
        let inst = function.make_inst(Opcode::Iconst, Type::I64, Payload::Integer(1), &[], &[]);
        function.make_results(inst, &[Type::F64]);
        function.append_inst(entry, inst);
        end(function, entry);
    });
    assert_eq!(rules(&module), [Rule::Results; 2]);
}

#[test]
fn constants() {
    let module = module_of(|function, entry| {
        for (opcode, ty, payload) in [
            (Opcode::Iconst, Type::I8, Payload::Integer(128)),
            (Opcode::Iconst, Type::I32, Payload::Integer(-1 << 32)),
            (Opcode::Fconst, Type::F32, Payload::Float(1 << 32)),
            (Opcode::Iconst, Type::I64, Payload::Integer(i64::MIN)),
        ] {
            let inst = function.make_inst(opcode, ty, payload, &[], &[]);
            function.make_results(inst, &[ty]);
            function.append_inst(entry, inst);
        }
        end(function, entry);
    });
    assert_eq!(rules(&module), [Rule::Constants; 3]);
}

#[test]
fn field_names() {
    let mut module = Module::new();
    let signature = Signature::asynchronous(&[], &[]);
    let id = module.declare_function("f", signature).expect("it is free");
    let function = module.functions[id].body_mut().expect("it has a body");
    function.stage = Stage::Lowered;
    let entry = function.append_block();
    function.append_param(entry, Type::Cont);
    end(function, entry);
    let field = |offset| FieldDecl {
        name: "v1".to_string(),
        ty: FieldType::Value(Type::I64),
        offset,
    };
    let fields: PrimaryMap<_, _> = [field(16), field(24)].into_iter().collect();
    function.layouts.push(LayoutDecl { fields, size: 32 });
    assert_eq!(rules(&module), [Rule::FieldNames]);
    let body = module.functions[id].body_mut().expect("it has a body");
    for (field, name) in ["two words", "a"].into_iter().enumerate() {
        body.layouts[LayoutId::from_index(0)].fields[Entity::from_index(field)].name =
            name.to_string();
    }
    let message = "\"two words\" is no name of a field".to_string();
    assert_eq!(errors(&module), [(Rule::FieldNames, message)]);
}

#[test]
fn addresses_in_a_circle_out_of_reach() {
    let module = module_of(|function, entry| {
        end(function, entry);
        let block = function.append_block();
        let slot_less = [value(1), value(3)];
        let step = function.make_inst(
            Opcode::AddrAdd,
            Type::I64,
            Payload::None,
            &[value(3), value(2)],
            &[],
        );
        function.make_results(step, &[Type::Addr]);
        let constant = function.make_inst(Opcode::Iconst, Type::I64, Payload::Integer(8), &[], &[]);
        function.make_results(constant, &[Type::I64]);
        let back = function.make_inst(
            Opcode::AddrAdd,
            Type::I64,
            Payload::None,
            &[value(1), value(2)],
            &[],
        );
        function.make_results(back, &[Type::Addr]);
        for inst in [step, constant, back] {
            function.append_inst(block, inst);
        }
        for base in slot_less {
            let access = Payload::Access(enjamb_ir::Place::Address, 0);
            let inst = function.make_inst(Opcode::Load, Type::I64, access, &[base], &[]);
            function.make_results(inst, &[Type::I64]);
            function.append_inst(block, inst);
        }
        end(function, block);
    });
    assert_eq!(rules(&module), [Rule::AddressAccess; 2]);
}

#[test]
fn errors_name_function_instruction_and_rule() {
    let module = module_of(|function, entry| {
        add(function, entry, Opcode::Return, Payload::None, &[value(0)]);
    });
    let errors = verify_module(&module).expect_err("it returns too much");
    assert_eq!(
        errors.to_string(),
        "function `%f`, `return v0`: R22: 1 result where it takes 0"
    );
}

/// A chain of blocks in which every instruction is wrong: reporting stays linear, and long
/// instructions are quoted in part.
#[test]
fn many_errors_are_all_reported() {
    let module = module_of(|function, entry| {
        let mut block = entry;
        for _ in 0..20_000 {
            add(function, block, Opcode::Ineg, Payload::None, &[]);
            let next = function.append_block();
            let target = function.target(next, &[value(0); 3]);
            let inst = function.make_inst(Opcode::Jump, Type::I64, Payload::None, &[], &[target]);
            function.append_inst(block, inst);
            block = next;
        }
        add(
            function,
            block,
            Opcode::Return,
            Payload::None,
            &vec![value(0); 10_000],
        );
    });
    let errors = verify_module(&module).expect_err("it is wrong");
    // An operand, a result and an argument list per block, and the results at the end.
    assert_eq!(errors.iter().count(), 3 * 20_000 + 1);
    let last = errors.iter().last().expect("there is an error");
    assert!(last.context.chars().count() < 300);
}
