//! Objects of the heap, and root slots.
//!
//! ```text
//! test reference        null_reference
//! compare [object]      wrong_object_type
//! compare index         array_out_of_bounds, of an element
//! load or store
//! ```
//!
//! What one instruction has checked, the next ones in its block need not check, nor what only a branch on
//! a test leads to: an object never changes its type nor an array its length. A reference that comes out of
//! a root slot refers to the object that was put there, wherever that has moved.

use crate::backend::{Backend, Base};
use crate::call::Calls;
use crate::control::Control;
use crate::crossing::count_edges;
use crate::error::{Lower, Reason};
use crate::machine::{Callee, Code, TargetPredicate};
use crate::object_code::ObjectCode;
use crate::values::Values;
use enjamb_abi::code::{Service, Symbol};
use enjamb_abi::context::Helper;
use enjamb_abi::object::{ELEMENTS, LENGTH, TYPE, type_word};
use enjamb_ir::hash::{FxHashMap, FxHashSet};
use enjamb_ir::{
    Block, Entity, Function, Inst, ObjectTypeId, Opcode, Payload, RootId, Signature, TrapCode,
    Type, Value,
};
use enjamb_regalloc::{Block as MachineBlock, RegClass, VReg};

/// What has been found out of objects in the block at hand.
#[derive(Debug, Default)]
struct Facts {
    /// References to objects of a type.
    types: FxHashMap<Value, ObjectTypeId>,
    /// Arrays and indices below their length.
    inside: FxHashSet<(Value, Value)>,
    /// What root slots hold.
    roots: FxHashMap<RootId, Value>,
    /// What came out of a root slot, and the value that refers to the same object.
    same: FxHashMap<Value, Value>,
}

/// What has been found out of objects.
#[derive(Debug, Default)]
pub(crate) struct KnownObjects {
    here: Facts,
    /// What a test has found on the only way to a block.
    at_start: FxHashMap<Block, (Value, ObjectTypeId)>,
    /// How many edges lead to each block; empty until it matters.
    edges: Vec<u32>,
}

impl KnownObjects {
    /// Begins a block; what was known in the one before is forgotten in time proportional to that.
    pub fn begin(&mut self, block: Block) {
        if !self.here.types.is_empty() || !self.here.roots.is_empty() {
            self.here = Facts::default();
        }
        if let Some((value, ty)) = self.at_start.remove(&block) {
            self.here.types.insert(value, ty);
        }
    }

    /// The first of the values that refer to an object.
    fn object(&self, value: Value) -> Value {
        self.here.same.get(&value).copied().unwrap_or(value)
    }

    fn put(&mut self, root: RootId, value: Value) {
        let object = self.object(value);
        self.here.roots.insert(root, object);
    }

    fn took(&mut self, root: RootId, value: Value) {
        let object = *self.here.roots.entry(root).or_insert(value);
        if object != value {
            self.here.same.insert(value, object);
        }
    }

    /// A reference has been tested: the object is of a type where control arrives at `block` from here.
    fn tested(&mut self, function: &Function, value: Value, ty: ObjectTypeId, block: Block) {
        if self.edges.is_empty() {
            self.edges = count_edges(function);
        }
        if self.edges[block.index()] == 1 {
            self.at_start.insert(block, (value, ty));
        }
    }
}

fn object_type_of(payload: Payload) -> Option<ObjectTypeId> {
    match payload {
        Payload::ObjectType(ty) | Payload::ObjectField(ty, _) => Some(ty),
        _ => None,
    }
}

fn root_of(payload: Payload) -> Option<RootId> {
    match payload {
        Payload::Root(root) => Some(root),
        _ => None,
    }
}

pub(crate) trait Objects<'a>: Backend<'a> {
    /// What gives a value.
    fn object_read(&mut self, inst: Inst) -> Lower<VReg> {
        let data = self.data(inst);
        match data.opcode {
            Opcode::New | Opcode::NewArray => self.new_object(inst),
            Opcode::GetField => {
                let field = self.object_field(inst)?;
                self.load(data.ty, field)
            }
            Opcode::GetElement => {
                let element = self.array_element(inst, data.ty)?;
                self.load(data.ty, element)
            }
            Opcode::ArrayLength => {
                let array = self.checked_object(inst)?;
                self.load(Type::I64, Self::at(Base::Value(array), LENGTH as i32))
            }
            Opcode::IsInstance => {
                let ty = self.payload(inst, object_type_of)?;
                let object = self.operand(inst, 0)?;
                let output = self.new_vreg(RegClass::Int);
                let word = type_word(ty.index() as u32);
                self.push(Code::Object(ObjectCode::IsInstance {
                    object,
                    word,
                    output,
                }));
                Ok(output)
            }
            Opcode::RootGet => {
                let root = self.payload(inst, root_of)?;
                if let &[result] = self.function.results(inst) {
                    self.known.took(root, result);
                }
                self.load(Type::Ref, Self::at(Base::Frame, self.frame.root(root)))
            }
            _ => Err(Reason::Malformed),
        }
    }

    /// What gives none.
    fn object_write(&mut self, inst: Inst) -> Lower<()> {
        let data = self.data(inst);
        let &value = self.function.args(inst).last().ok_or(Reason::Malformed)?;
        let place = match data.opcode {
            Opcode::SetField => self.object_field(inst)?,
            Opcode::SetElement => self.array_element(inst, data.ty)?,
            Opcode::RootSet => {
                let root = self.payload(inst, root_of)?;
                self.known.put(root, value);
                let slot = Self::at(Base::Frame, self.frame.root(root));
                return self.store(Type::Ref, slot, value);
            }
            _ => return Err(Reason::Malformed),
        };
        self.store(data.ty, place, value)?;
        if data.ty == Type::Ref && self.write_barrier {
            self.tell_written(self.arg(inst, 0)?, value)?;
        }
        Ok(())
    }

    fn new_object(&mut self, inst: Inst) -> Lower<VReg> {
        let ty = self.payload(inst, object_type_of)?;
        let number = ty.index() as u32;
        let word = type_word(number);
        let layout = self.layout.object(ty);
        let output = self.new_vreg(RegClass::Int);
        let code = match (self.data(inst).opcode, layout.elements) {
            (Opcode::New, None) => ObjectCode::New {
                size: layout.size,
                word,
                output,
                slow: self.symbol(Symbol::NewSlow(Helper::NewObject, number)),
            },
            (Opcode::NewArray, Some(element)) => ObjectCode::NewArray {
                element: element.size,
                word,
                length: self.operand(inst, 0)?,
                output,
                slow: self.symbol(Symbol::NewSlow(Helper::NewArray, number)),
            },
            _ => return Err(Reason::Malformed),
        };
        self.frame.calls = true;
        self.push(Code::Object(code));
        if let &[result] = self.function.results(inst) {
            self.known.here.types.insert(result, ty);
        }
        Ok(output)
    }

    /// The object that an instruction accesses, its first operand.
    fn checked_object(&mut self, inst: Inst) -> Lower<VReg> {
        let ty = self.payload(inst, object_type_of)?;
        let value = self.arg(inst, 0)?;
        let object = self.value(value)?;
        let value = self.known.object(value);
        if self.known.here.types.insert(value, ty) == Some(ty) {
            return Ok(object);
        }
        let is_null = self.is_zero(object, Type::Ref)?;
        self.trap_if(is_null, TrapCode::NullReference);
        let word = Self::at(Base::Value(object), TYPE as i32);
        let is_it = self.equals(word, i64::from(type_word(ty.index() as u32)))?;
        self.trap_if(is_it.inverted(), TrapCode::WrongObjectType);
        Ok(object)
    }

    /// Ends a block with a branch on a test of a type.
    fn branch_if_instance(
        &mut self,
        branch: Inst,
        test: Inst,
        targets: &[(MachineBlock, Vec<VReg>)],
    ) -> Lower<()> {
        let [_, no] = targets else {
            return Err(Reason::Malformed);
        };
        let ty = self.payload(test, object_type_of)?;
        let value = self.arg(test, 0)?;
        let object = self.value(value)?;
        let is_null = self.is_zero(object, Type::Ref)?;
        let onwards = self.create_block(None);
        self.branch(Code::Branch(is_null), &[no.clone(), (onwards, Vec::new())]);
        self.builder.begin_block(onwards, &[]);
        let word = Self::at(Base::Value(object), TYPE as i32);
        let is_it = self.equals(word, i64::from(type_word(ty.index() as u32)))?;
        self.branch(Code::Branch(is_it), targets);
        let function = self.function;
        if let [yes, _] = function.targets(branch) {
            self.known.tested(function, value, ty, yes.block);
        }
        Ok(())
    }

    /// The field that an instruction names.
    fn object_field(&mut self, inst: Inst) -> Lower<Self::Mem> {
        let (ty, field) = self.payload(inst, |payload| match payload {
            Payload::ObjectField(ty, field) => Some((ty, field)),
            _ => None,
        })?;
        let offset = self.layout.object(ty).offsets.get(field.index()).copied();
        let object = self.checked_object(inst)?;
        Ok(Self::at(
            Base::Value(object),
            offset.ok_or(Reason::Malformed)? as i32,
        ))
    }

    /// The element of a type at the index that is the second operand.
    fn array_element(&mut self, inst: Inst, ty: Type) -> Lower<Self::Mem> {
        let array = self.checked_object(inst)?;
        let index = self.arg(inst, 1)?;
        let pair = (self.known.object(self.arg(inst, 0)?), index);
        let is_known = !self.known.here.inside.insert(pair);
        let length = Self::at(Base::Value(array), LENGTH as i32);
        let constant = self.function.integer_constant(index);
        let distance = constant.and_then(|index| index.checked_mul(i64::from(ty.bytes())));
        let offset = distance.and_then(|distance| distance.checked_add(i64::from(ELEMENTS)));
        let offset = offset.and_then(|offset| i32::try_from(offset).ok());
        if let (Some(index @ 0..), Some(offset)) = (constant, offset) {
            if !is_known {
                let is_short = self.at_most(length, index as i32)?;
                self.trap_if(is_short, TrapCode::ArrayOutOfBounds);
            }
            return Ok(Self::at(Base::Value(array), offset));
        }
        let index = self.value(index)?;
        if !is_known {
            let is_outside = self.not_below(index, length)?;
            self.trap_if(is_outside, TrapCode::ArrayOutOfBounds);
        }
        self.element(array, ELEMENTS as i32, index, ty.bytes())
    }

    /// Calls the heap for a reference that has been written into an object.
    fn tell_written(&mut self, object: Value, value: Value) -> Lower<()> {
        let signature = Signature::sync(&[Type::Ref, Type::Ref], &[]);
        let mut call = self.prepare(&signature, &[object, value])?;
        let service = Service {
            helper: Helper::Wrote,
            index: 0,
            signature,
        };
        call.callee = Callee::Symbol(self.symbol(Symbol::Service(service)));
        self.frame.calls = true;
        self.push(Code::Call(Box::new(call)));
        Ok(())
    }
}

impl<'a, L: Backend<'a>> Objects<'a> for L {}
