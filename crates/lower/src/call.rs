//! Calls of functions, of services of the runtime, and calls in place of this function.
//!
//! ```text
//! store arguments that go on the stack     [sp + word …]
//! check the callee of an indirect call
//! call                                     arguments and results in fixed registers
//! load results that came on the stack      [sp + parameter bytes + word …]
//! ```
//!
//! The callee pops the parameter words; the call moves the stack pointer down again behind it.

use crate::backend::{Backend, Base};
use crate::error::{Lower, Reason};
use crate::machine::{Call, Callee, Code, Step, TargetInst};
use crate::registers::register_of;
use crate::values::Values;
use enjamb_abi::code::{Service, Symbol};
use enjamb_abi::context::{CELL_CODE, CELL_SIGNATURE, Helper, data_index, pair_index};
use enjamb_abi::convention::Location;
use enjamb_ir::{Entity, FuncId, Inst, Opcode, Payload, Signature, Stage, TrapCode, Type, Value};
use enjamb_regalloc::VReg;

fn int_params(count: usize) -> Vec<Type> {
    vec![Type::I64; count]
}

pub(crate) trait Calls<'a>: Backend<'a> {
    /// Calls that return to this function.
    fn call(&mut self, inst: Inst) -> Lower<()> {
        let function = self.function;
        let args = function.args(inst);
        match (self.data(inst).opcode, self.data(inst).payload) {
            (Opcode::Call, Payload::Function(callee)) => {
                let module = self.module;
                let signature = module.functions[callee].signature();
                let callee = Symbol::Function(callee);
                self.call_symbol(inst, callee, signature, args)
            }
            (Opcode::CallIndirect, Payload::Signature(id)) => {
                let signature = &function.signatures[id];
                let (&callee, args) = args.split_first().ok_or(Reason::Malformed)?;
                let address = self.checked_callee(callee, signature)?;
                let mut call = self.prepare(signature, args)?;
                call.callee = Callee::Address;
                call.arguments.push((address, Self::Inst::REGISTERS.callee));
                self.finish_call(inst, call, signature)
            }
            _ => {
                let service = self.service(inst)?;
                let signature = service.signature.clone();
                self.call_symbol(inst, Symbol::Service(service), &signature, args)
            }
        }
    }

    fn call_symbol(
        &mut self,
        inst: Inst,
        callee: Symbol,
        signature: &Signature,
        args: &[Value],
    ) -> Lower<()> {
        let mut call = self.prepare(signature, args)?;
        call.callee = Callee::Symbol(self.symbol(callee));
        self.finish_call(inst, call, signature)
    }

    /// The service that an instruction calls.
    fn service(&self, inst: Inst) -> Lower<Service> {
        let (task, size) = (&[Type::Task][..], int_params(3));
        let (helper, index, signature) = match (self.data(inst).opcode, self.data(inst).payload) {
            (Opcode::Spawn, Payload::Function(callee)) => {
                let params = &self.module.functions[callee].signature().params;
                let signature = Signature::sync(params, task);
                (Helper::Spawn, callee.index() as u64, signature)
            }
            (Opcode::Join, Payload::Signature(id)) => {
                let joined = &self.function.signatures[id];
                let index = self.layout.signature_index(joined);
                let index = index.ok_or(Reason::UnknownSignature)?;
                let signature = Signature::asynchronous(task, &joined.results);
                (Helper::Join, u64::from(index), signature)
            }
            (Opcode::Detach, _) => (Helper::Detach, 0, Signature::sync(task, &[])),
            (Opcode::IsDone, _) => (Helper::IsDone, 0, Signature::sync(task, &[Type::I8])),
            (Opcode::MemoryGrow, Payload::Memory(memory)) => {
                let signature = Signature::sync(&size[..1], &size[..1]);
                (Helper::MemoryGrow, memory.index() as u64, signature)
            }
            (Opcode::MemoryCopy, Payload::MemoryPair(to, from)) => {
                let index = pair_index(to, from.index() as u32);
                (Helper::MemoryCopy, index, Signature::sync(&size, &[]))
            }
            (Opcode::MemoryFill, Payload::Memory(memory)) => {
                let params = [Type::I64, Type::I8, Type::I64];
                let signature = Signature::sync(&params, &[]);
                (Helper::MemoryFill, memory.index() as u64, signature)
            }
            (Opcode::MemoryInit, Payload::MemoryData(memory, data)) => {
                let index = pair_index(memory, data_index(data));
                (Helper::MemoryInit, index, Signature::sync(&size, &[]))
            }
            _ => return Err(Reason::Malformed),
        };
        Ok(Service {
            helper,
            index,
            signature,
        })
    }

    /// Puts arguments where the convention wants them; the callee is not yet named.
    fn prepare(&mut self, signature: &Signature, args: &[Value]) -> Lower<Call> {
        if signature.is_async && self.function.stage != Stage::Lowered {
            return Err(Reason::NotTransformed);
        }
        if args.len() != signature.params.len() {
            return Err(Reason::Malformed);
        }
        let params = self.convention().params(&signature.params);
        let results = self.convention().results(&signature.results);
        let words = params.stack_bytes.checked_add(results.stack_bytes);
        self.frame
            .reserve_outgoing(words.ok_or(Reason::FrameTooLarge)?);
        let mut arguments = Vec::with_capacity(args.len());
        for ((&arg, &ty), &location) in args.iter().zip(&signature.params).zip(&params.locations) {
            match (location, register_of(location)) {
                (Location::Stack(offset), _) => {
                    self.store(ty, Self::at(Base::Stack, offset as i32), arg)?;
                }
                (_, Some(register)) => arguments.push((self.value(arg)?, register)),
                (_, None) => return Err(Reason::Malformed),
            }
        }
        Ok(Call {
            callee: Callee::Address,
            arguments,
            results: Vec::new(),
            stack_bytes: params.stack_bytes,
            is_async: signature.is_async,
        })
    }

    fn finish_call(&mut self, inst: Inst, mut call: Call, signature: &Signature) -> Lower<()> {
        self.frame.calls = true;
        let function = self.function;
        let mut results = function.results(inst);
        if signature.is_async {
            let (&continuation, visible) = results.split_first().ok_or(Reason::Malformed)?;
            let register = Self::Inst::REGISTERS.continuation();
            call.results.push((self.vreg_of(continuation), register));
            results = visible;
        }
        let assignment = self.convention().results(&signature.results);
        if results.len() != assignment.locations.len() {
            return Err(Reason::Malformed);
        }
        for (&result, &location) in results.iter().zip(&assignment.locations) {
            if let Some(register) = register_of(location) {
                call.results.push((self.vreg_of(result), register));
            }
        }
        let words = call.stack_bytes as i32;
        self.push(Code::Call(Box::new(call)));
        for (&result, &location) in results.iter().zip(&assignment.locations) {
            if let Location::Stack(offset) = location {
                let (value, ty) = (self.vreg_of(result), self.type_of(result));
                self.load_into(value, ty, Self::at(Base::Stack, words + offset as i32))?;
            }
        }
        Ok(())
    }

    /// The address of the code of a function reference, after checking it.
    fn checked_callee(&mut self, callee: Value, signature: &Signature) -> Lower<VReg> {
        let expected = self.layout.signature(signature);
        let expected = Self::context_word(expected.ok_or(Reason::UnknownSignature)?);
        let cell = self.value(callee)?;
        let is_null = self.is_zero(cell, Type::FuncRef)?;
        self.trap_if(is_null, TrapCode::NullReference);
        let number = Self::at(Base::Value(cell), CELL_SIGNATURE as i32);
        let number = self.load(Type::I32, number)?;
        let is_other = self.differs(number, expected)?;
        self.trap_if(is_other, TrapCode::SignatureMismatch);
        self.load(Type::I64, Self::at(Base::Value(cell), CELL_CODE as i32))
    }

    /// A call in place of this function.
    fn tail_call(&mut self, inst: Inst) -> Lower<Step<Self::Inst>> {
        let function = self.function;
        let args = function.args(inst);
        let call = match (self.data(inst).opcode, self.data(inst).payload) {
            (Opcode::ReturnCall, Payload::Function(callee)) => self.tail_symbol(callee, args)?,
            (Opcode::ReturnCallIndirect, Payload::Signature(id)) => {
                let signature = &function.signatures[id];
                let (&callee, args) = args.split_first().ok_or(Reason::Malformed)?;
                let address = self.checked_callee(callee, signature)?;
                let mut call = self.prepare(signature, args)?;
                call.arguments
                    .push((address, Self::Inst::REGISTERS.tail_callee));
                call
            }
            _ => return Err(Reason::Malformed),
        };
        Ok(self.step(Code::TailCall(Box::new(call))))
    }

    fn tail_symbol(&mut self, callee: FuncId, args: &[Value]) -> Lower<Call> {
        let module = self.module;
        let mut call = self.prepare(module.functions[callee].signature(), args)?;
        call.callee = Callee::Symbol(self.symbol(Symbol::Function(callee)));
        Ok(call)
    }
}

impl<'a, L: Backend<'a>> Calls<'a> for L {}
