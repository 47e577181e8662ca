//! Pass `fuel`: in a module that runs on fuel, functions use it up as they run.
//!
//! An instruction costs one. The cost of a block is paid on the way to it: at the entry of the function
//! and at the targets of edges that close a cycle, the *heads*, for all that is bound to follow; and where
//! ways part, for what one of them costs more than the others. So every way pays for just the instructions
//! on it, and a loop whose body does not branch pays once per round. Heads also look whether there is
//! fuel left, and that is at least once per call and per round of every cycle.
//!
//! ```text
//!   h(v0):  A; brif v1, x, y     ⇒   h(v0):  v8 = fuel_check |A| + 2; brif v8, cold, body
//!   x:      B; jump h(v2)            body:   A; brif v1, x, y
//!   y:      return v3                cold:   call %pause(); jump body                          (cold)
//!                                    x:      v9 = fuel_check |B|; B; jump h(v2)
//!                                    y:      return v3
//! ```
//!
//! What is cold depends on what the module says and on the function:
//!
//! | policy | async function | sync function |
//! |---|---|---|
//! | `trap` | `trap out_of_fuel` | `trap out_of_fuel` |
//! | `suspend %pause` | `call %pause()` | nothing: the result of the check is not used |
//! | `suspend %pause debt 9` | `call %pause()` | `trap out_of_fuel` if `fuel_left` is below -9 |
//!
//! It runs before every other pass, so all engines count the instructions of the source. What it has done is
//! kept as a mark of the function, so the pass can run again; a check that the source has is an instruction like
//! any other, and frees nobody from paying. `%pause` itself is left alone.

use crate::edit::Editor;
use enjamb_ir::{
    Block, FuelPolicy, Function, IntCond, Module, Opcode, Payload, SecondaryMap, Stage, TrapCode,
    Type, Value,
};
use enjamb_liveness::ControlFlow;

/// Adds what the module's fuel policy asks for to a source function.
pub fn run(module: &Module, function: &mut Function) {
    let Some(policy) = module.fuel else {
        return;
    };
    let is_done = function.metered || function.stage != Stage::Source;
    if is_done || is_pause(module, policy, function) {
        return;
    }
    function.metered = true;
    let cold_side = ColdSide::of(policy, function);
    let charges = charges(function, &ControlFlow::new(function));
    let order = std::mem::take(&mut function.order);
    for block in order {
        function.order.push(block);
        let charge = charges[block];
        if charge.is_head && cold_side != ColdSide::Nothing {
            check_at_head(function, block, charge.amount(), cold_side);
        } else if charge.amount() > 0 {
            pay(function, block, charge.amount());
        }
    }
}

fn is_pause(module: &Module, policy: FuelPolicy, function: &Function) -> bool {
    match policy {
        FuelPolicy::Trap => false,
        FuelPolicy::Suspend { pause, .. } => module.functions[pause].name == function.name,
    }
}

/// What a block pays for.
#[derive(Clone, Copy, Debug, Default)]
struct Charge {
    /// Itself and what is bound to follow, in instructions.
    cost: u32,
    /// How much of that has been paid in front of it.
    paid: u32,
    /// Whether it also looks if there is fuel left.
    is_head: bool,
    /// Whether blocks in front of it can pay for it.
    is_payable: bool,
}

impl Charge {
    fn amount(self) -> u32 {
        self.cost - self.paid
    }
}

/// What each block that control can reach pays for. Edges that close a cycle lead to heads, so blocks
/// that are visited from the last one on have seen all other successors before.
fn charges(function: &Function, flow: &ControlFlow) -> SecondaryMap<Block, Charge> {
    let mut charges: SecondaryMap<Block, Charge> = SecondaryMap::new();
    let order = flow.reverse_post_order();
    for &block in order {
        let closes_cycle = |from: Block| flow.order_of(from) >= flow.order_of(block);
        let mut sources = flow.predecessors(block).iter().map(|edge| edge.block);
        let is_head = function.is_entry(block) || sources.any(closes_cycle);
        charges[block].is_head = is_head;
        charges[block].is_payable = !is_head && is_payable_before(flow, block);
    }
    for &block in order.iter().rev() {
        let successors = flow.successors(block);
        let payable = |&to: &Block| match charges[to].is_payable {
            true => charges[to].cost,
            false => 0,
        };
        let common = successors.iter().map(payable).min().unwrap_or(0);
        let own = function.blocks[block].insts.len() as u32;
        charges[block].cost = own.saturating_add(common).min(i32::MAX as u32);
        if common > 0 {
            successors.iter().for_each(|&to| charges[to].paid = common);
        }
    }
    charges
}

/// Whether all blocks that lead to a block can pay the same for it: there is only one, or they lead
/// nowhere else.
fn is_payable_before(flow: &ControlFlow, block: Block) -> bool {
    let edges = flow.predecessors(block);
    let has_one_source = edges.iter().all(|edge| edge.block == edges[0].block);
    has_one_source
        || edges
            .iter()
            .all(|edge| flow.successors(edge.block).len() == 1)
}

/// What happens at a head without fuel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ColdSide {
    Nothing,
    Trap,
    Call(enjamb_ir::FuncId),
    /// A trap, if there is less than this.
    TrapBelow(i64),
}

impl ColdSide {
    fn of(policy: FuelPolicy, function: &Function) -> Self {
        match policy {
            FuelPolicy::Trap => ColdSide::Trap,
            FuelPolicy::Suspend { pause, .. } if function.is_async() => ColdSide::Call(pause),
            FuelPolicy::Suspend {
                debt: Some(most), ..
            } => ColdSide::TrapBelow(-i64::from(most)),
            FuelPolicy::Suspend { debt: None, .. } => ColdSide::Nothing,
        }
    }
}

/// Puts a check in front of a block. Its parameters stay where they are: the rest moves to a new block.
fn check_at_head(function: &mut Function, head: Block, amount: u32, cold_side: ColdSide) {
    let insts = std::mem::take(&mut function.blocks[head].insts);
    let first = insts[0];
    let body = function.append_block();
    function.blocks[body].insts = insts;
    function.blocks[body].cold = function.blocks[head].cold;

    let mut editor = Editor::new(function, first);
    let amount = Payload::Integer(amount.into());
    let exhausted = editor.value(head, Opcode::FuelCheck, amount, &[], Type::I8);
    let cold = cold_block(&mut editor);
    let targets = [cold, body].map(|block| editor.function.target(block, &[]));
    editor.branch(head, Opcode::Brif, &[exhausted], &targets);
    match cold_side {
        ColdSide::Nothing => go_on(&mut editor, cold, body),
        ColdSide::Trap => trap(&mut editor, cold),
        ColdSide::Call(pause) => {
            let callee = Payload::Function(pause);
            editor.effect(cold, Opcode::Call, Type::I64, callee, &[]);
            go_on(&mut editor, cold, body);
        }
        ColdSide::TrapBelow(least) => {
            let left = editor.value(cold, Opcode::FuelLeft, Payload::None, &[], Type::I64);
            let least = editor.value(
                cold,
                Opcode::Iconst,
                Payload::Integer(least),
                &[],
                Type::I64,
            );
            let is_below = is_below(&mut editor, cold, left, least);
            let broke = cold_block(&mut editor);
            let targets = [broke, body].map(|block| editor.function.target(block, &[]));
            editor.branch(cold, Opcode::Brif, &[is_below], &targets);
            trap(&mut editor, broke);
        }
    }
}

/// A block at the end of the order, which is right behind the head.
fn cold_block(editor: &mut Editor<'_>) -> Block {
    let block = editor.cold_block();
    editor.function.order.push(block);
    block
}

fn go_on(editor: &mut Editor<'_>, cold: Block, body: Block) {
    let target = editor.function.target(body, &[]);
    editor.branch(cold, Opcode::Jump, &[], &[target]);
}

fn trap(editor: &mut Editor<'_>, cold: Block) {
    let code = Payload::Trap(TrapCode::OutOfFuel);
    editor.effect(cold, Opcode::Trap, Type::I64, code, &[]);
}

fn is_below(editor: &mut Editor<'_>, block: Block, left: Value, least: Value) -> Value {
    let condition = Payload::IntCond(IntCond::SignedLess);
    let function = &mut *editor.function;
    let compare = function.make_inst(Opcode::Icmp, Type::I64, condition, &[left, least], &[]);
    function.make_results(compare, &[Type::I8]);
    editor.append(block, compare);
    editor.function.results(compare)[0]
}

/// Puts a check in front of a block whose result nobody uses.
fn pay(function: &mut Function, block: Block, amount: u32) {
    let mut insts = std::mem::take(&mut function.blocks[block].insts);
    let mut editor = Editor::new(function, insts[0]);
    let amount = Payload::Integer(amount.into());
    editor.value(block, Opcode::FuelCheck, amount, &[], Type::I8);
    function.blocks[block].insts.append(&mut insts);
}
