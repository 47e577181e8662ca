//! The table from opcodes to what they do.

use crate::continuation as cont;
use crate::convert::{self, Conversion};
use crate::error::Stop;
use crate::machine::{Flow, Machine};
use crate::stack::{Site, Stack};
use crate::vector::{self, Bitwise};
use crate::{
    access, call, cancel, context, control, exception, float, fuel, integer, object, task,
};
use enjamb_ir::{Opcode, TrapCode, Type};

/// A function that executes an instruction.
pub(crate) type Handler<'a> = fn(&mut Machine<'a>, &mut Stack<'a>, &Site<'a>) -> Result<Flow, Stop>;

/// What an opcode does. Integers of any width go through the same function, which gets the width.
#[derive(Clone, Copy)]
pub(crate) enum Operation<'a> {
    IntUnary(fn(u32, i64) -> i64),
    IntBinary(fn(u32, i64, i64) -> i64),
    IntDivision(fn(u32, i64, i64) -> Result<i64, TrapCode>),
    FloatUnary(float::Unary),
    FloatBinary(float::Binary),
    /// Of bits, whatever they stand for.
    SignUnary(fn(Type, u64) -> u64),
    SignBinary(fn(Type, u64, u64) -> u64),
    Convert(Conversion),
    /// Of integers and vectors alike.
    Bits(Bitwise),
    /// Of each lane of a vector.
    Lanes(vector::Lanes),
    /// Loads an integer of this type, extended by its sign if so marked; or the type of the result.
    Load(Option<(Type, bool)>),
    /// Stores this many low bytes; or the type of the operand.
    Store(Option<u32>),
    /// Everything that changes more than its result.
    Handled(Handler<'a>),
}

impl<'a> Operation<'a> {
    /// The operation of an opcode. A new opcode does not compile before it has one.
    pub(crate) fn of(opcode: Opcode) -> Self {
        use Operation::*;
        match opcode {
            Opcode::Iadd => IntBinary(integer::add),
            Opcode::Isub => IntBinary(integer::sub),
            Opcode::Imul => IntBinary(integer::mul),
            Opcode::Umulhi => IntBinary(integer::umulhi),
            Opcode::Smulhi => IntBinary(integer::smulhi),
            Opcode::Udiv => IntDivision(integer::udiv),
            Opcode::Sdiv => IntDivision(integer::sdiv),
            Opcode::Urem => IntDivision(integer::urem),
            Opcode::Srem => IntDivision(integer::srem),
            Opcode::Ineg => IntUnary(integer::neg),
            Opcode::Umin => IntBinary(integer::umin),
            Opcode::Umax => IntBinary(integer::umax),
            Opcode::Smin => IntBinary(integer::smin),
            Opcode::Smax => IntBinary(integer::smax),
            Opcode::Band => Bits(Bitwise::And),
            Opcode::Bor => Bits(Bitwise::Or),
            Opcode::Bxor => Bits(Bitwise::Xor),
            Opcode::Bnot => Bits(Bitwise::Not),
            Opcode::Ishl => IntBinary(integer::shl),
            Opcode::Ushr => IntBinary(integer::ushr),
            Opcode::Sshr => IntBinary(integer::sshr),
            Opcode::Rotl => IntBinary(integer::rotl),
            Opcode::Rotr => IntBinary(integer::rotr),
            Opcode::Clz => IntUnary(integer::clz),
            Opcode::Ctz => IntUnary(integer::ctz),
            Opcode::Popcnt => IntUnary(integer::popcnt),

            Opcode::Fadd => FloatBinary(float::ADD),
            Opcode::Fsub => FloatBinary(float::SUB),
            Opcode::Fmul => FloatBinary(float::MUL),
            Opcode::Fdiv => FloatBinary(float::DIV),
            Opcode::Fsqrt => FloatUnary(float::SQRT),
            Opcode::Fmin => FloatBinary(float::MIN),
            Opcode::Fmax => FloatBinary(float::MAX),
            Opcode::Fneg => SignUnary(float::neg),
            Opcode::Fabs => SignUnary(float::abs),
            Opcode::Fcopysign => SignBinary(float::copysign),
            Opcode::Ceil => FloatUnary(float::CEIL),
            Opcode::Floor => FloatUnary(float::FLOOR),
            Opcode::Ftrunc => FloatUnary(float::TRUNC),
            Opcode::Nearest => FloatUnary(float::NEAREST),

            Opcode::Sextend => Convert(convert::sextend),
            Opcode::Uextend => Convert(convert::uextend),
            Opcode::Ireduce => Convert(convert::ireduce),
            Opcode::Fpromote => Convert(convert::fpromote),
            Opcode::Fdemote => Convert(convert::fdemote),
            Opcode::FcvtFromSint => Convert(convert::from_sint),
            Opcode::FcvtFromUint => Convert(convert::from_uint),
            Opcode::FcvtToSint => Convert(convert::to_sint),
            Opcode::FcvtToUint => Convert(convert::to_uint),
            Opcode::FcvtToSintSat => Convert(convert::to_sint_saturating),
            Opcode::FcvtToUintSat => Convert(convert::to_uint_saturating),
            Opcode::Bitcast => Convert(convert::bitcast),

            Opcode::Vconst => Handled(vector::constant),
            Opcode::Splat => Handled(vector::splat),
            Opcode::ExtractLane => Handled(vector::extract_lane),
            Opcode::InsertLane => Handled(vector::insert_lane),
            Opcode::Shuffle => Handled(vector::shuffle),
            Opcode::Bitselect => Handled(vector::bitselect),
            Opcode::AnyTrue => Handled(vector::any_true),
            Opcode::AllTrue => Handled(vector::all_true),
            Opcode::LaneMask => Handled(vector::lane_mask),
            Opcode::Viadd => Lanes(vector::Lanes::IntBinary(integer::add)),
            Opcode::Visub => Lanes(vector::Lanes::IntBinary(integer::sub)),
            Opcode::Vimul => Lanes(vector::Lanes::IntBinary(integer::mul)),
            Opcode::Vineg => Lanes(vector::Lanes::IntUnary(integer::neg)),
            Opcode::Vumin => Lanes(vector::Lanes::IntBinary(integer::umin)),
            Opcode::Vumax => Lanes(vector::Lanes::IntBinary(integer::umax)),
            Opcode::Vsmin => Lanes(vector::Lanes::IntBinary(integer::smin)),
            Opcode::Vsmax => Lanes(vector::Lanes::IntBinary(integer::smax)),
            Opcode::Vishl => Lanes(vector::Lanes::Shift(integer::shl)),
            Opcode::Vushr => Lanes(vector::Lanes::Shift(integer::ushr)),
            Opcode::Vsshr => Lanes(vector::Lanes::Shift(integer::sshr)),
            Opcode::Vfadd => Lanes(vector::Lanes::FloatBinary(float::ADD)),
            Opcode::Vfsub => Lanes(vector::Lanes::FloatBinary(float::SUB)),
            Opcode::Vfmul => Lanes(vector::Lanes::FloatBinary(float::MUL)),
            Opcode::Vfdiv => Lanes(vector::Lanes::FloatBinary(float::DIV)),
            Opcode::Vfsqrt => Lanes(vector::Lanes::FloatUnary(float::SQRT)),
            Opcode::Vfmin => Lanes(vector::Lanes::FloatBinary(float::MIN)),
            Opcode::Vfmax => Lanes(vector::Lanes::FloatBinary(float::MAX)),
            Opcode::Vfneg => Lanes(vector::Lanes::SignUnary(float::neg)),
            Opcode::Vfabs => Lanes(vector::Lanes::SignUnary(float::abs)),
            Opcode::Vicmp | Opcode::Vfcmp => Lanes(vector::Lanes::Compare),

            Opcode::Load => Load(None),
            Opcode::Uload8 => Load(Some((Type::I8, false))),
            Opcode::Sload8 => Load(Some((Type::I8, true))),
            Opcode::Uload16 => Load(Some((Type::I16, false))),
            Opcode::Sload16 => Load(Some((Type::I16, true))),
            Opcode::Uload32 => Load(Some((Type::I32, false))),
            Opcode::Sload32 => Load(Some((Type::I32, true))),
            Opcode::Store => Store(None),
            Opcode::Istore8 => Store(Some(1)),
            Opcode::Istore16 => Store(Some(2)),
            Opcode::Istore32 => Store(Some(4)),

            Opcode::Iconst => Handled(control::integer_constant),
            Opcode::Fconst => Handled(control::float_constant),
            Opcode::Null => Handled(control::null),
            Opcode::FuncAddr => Handled(control::function_address),
            Opcode::Icmp => Handled(control::compare_integers),
            Opcode::Fcmp => Handled(control::compare_floats),
            Opcode::SameRef => Handled(control::same_reference),
            Opcode::IsNull => Handled(control::is_null),
            Opcode::Select => Handled(control::select),

            Opcode::MemorySize => Handled(access::memory_size),
            Opcode::MemoryGrow => Handled(access::memory_grow),
            Opcode::MemoryCopy => Handled(access::memory_copy),
            Opcode::MemoryFill => Handled(access::memory_fill),
            Opcode::MemoryInit => Handled(access::memory_init),
            Opcode::MemoryBase => Handled(access::memory_base),
            Opcode::StackAddr => Handled(access::stack_address),
            Opcode::AddrAdd => Handled(access::address_add),
            Opcode::GlobalGet => Handled(access::global_get),
            Opcode::GlobalSet => Handled(access::global_set),
            Opcode::TableGet => Handled(access::table_get),
            Opcode::TableSet => Handled(access::table_set),
            Opcode::TableSize => Handled(access::table_size),

            Opcode::New => Handled(object::new),
            Opcode::NewArray => Handled(object::new_array),
            Opcode::GetField => Handled(object::get_field),
            Opcode::SetField => Handled(object::set_field),
            Opcode::GetElement => Handled(object::get_element),
            Opcode::SetElement => Handled(object::set_element),
            Opcode::ArrayLength => Handled(object::array_length),
            Opcode::ArrayCopy => Handled(object::array_copy),
            Opcode::IsInstance => Handled(object::is_instance),
            Opcode::RootSet => Handled(object::root_set),
            Opcode::RootGet => Handled(object::root_get),

            Opcode::Call | Opcode::CallIndirect => Handled(call::call),
            Opcode::TryCall | Opcode::TryCallIndirect => Handled(call::call),
            Opcode::ReturnCall | Opcode::ReturnCallIndirect => Handled(call::return_call),
            Opcode::Return => Handled(call::return_),
            Opcode::Spawn => Handled(task::spawn),
            Opcode::Join | Opcode::TryJoin => Handled(task::join),
            Opcode::Detach => Handled(task::detach),
            Opcode::Cancel => Handled(cancel::cancel),
            Opcode::IsDone => Handled(task::is_done),
            Opcode::TaskTryResult => Handled(task::task_try_result),

            Opcode::Jump => Handled(control::jump),
            Opcode::Brif => Handled(control::branch_if),
            Opcode::BrTable => Handled(control::branch_table),
            Opcode::Trap => Handled(control::trap),
            Opcode::Unreachable => Handled(control::unreachable),
            Opcode::Throw => Handled(exception::throw),
            Opcode::Rethrow => Handled(exception::rethrow),

            Opcode::FuelCheck => Handled(fuel::check),
            Opcode::FuelLeft => Handled(fuel::left),
            Opcode::ContextGet => Handled(context::get),
            Opcode::ContextSet => Handled(context::set),

            Opcode::IsSuspended => Handled(cont::is_suspended),
            Opcode::ContState => Handled(cont::state),
            Opcode::OwnContinuation => Handled(cont::own),
            Opcode::HasLayout => Handled(cont::has_layout),
            Opcode::NewContinuation => Handled(cont::new),
            Opcode::FieldStore => Handled(cont::field_store),
            Opcode::FieldLoad => Handled(cont::field_load),
            Opcode::FieldSaveSlot => Handled(cont::field_save_slot),
            Opcode::FieldRestoreSlot => Handled(cont::field_restore_slot),
            Opcode::ResultLoad => Handled(cont::result_load),
            Opcode::SetPoint => Handled(cont::set_point),
            Opcode::Link => Handled(cont::link),
            Opcode::Suspend => Handled(cont::suspend),
        }
    }
}
