//! The rules by number.

use std::fmt;

macro_rules! rules {
    ($($group:literal { $($rule:ident = $text:literal;)* })*) => {
        /// A rule of the verifier; it prints as `R1`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule { $($(#[doc = $text] $rule,)*)* }

        impl Rule {
            /// Every rule, in the order of the numbers.
            pub const ALL: &'static [Rule] = &[$($(Rule::$rule,)*)*];

            /// The heading under which the rule stands.
            pub const fn group(self) -> &'static str {
                match self { $($(Rule::$rule => $group,)*)* }
            }
            /// What the rule says.
            pub const fn text(self) -> &'static str {
                match self { $($(Rule::$rule => $text,)*)* }
            }
        }
    };
}

rules! {
"Module" {
    Names = "Names are well formed and unique in the module, and a body bears the name of its declaration.";
    MemoryLimits = "A memory has at most as many pages at the start as at the most, and at most 65,536.";
    ActiveData = "An active data segment lies within the pages that its memory has at the start.";
    GlobalInit = "A global has a type that can be kept, and an initial value of that type.";
    Declared = "What globals, tables, data segments, exports and source positions name is declared.";
    Signatures = "No signature has `cont`, or more than 1,000 parameters or results; `addr` is only a parameter of sync functions that the module defines.";
}
"Structure" {
    Placement = "A function has a block; each of its blocks and instructions stands in exactly one place.";
    Terminator = "A block has exactly one terminator, as its last instruction.";
    EntryTarget = "The entry block is no branch target.";
    EntryParams = "The parameters of the entry block are those of the function, behind a `cont` in a lowered one.";
    Exists = "Every value, block and declaration that an instruction names exists.";
    Shape = "An instruction has the payload and the number of branch targets that its opcode takes.";
    Slots = "A stack slot's alignment is 1, 2, 4, 8 or 16; all slots of a function take at most 1 MiB.";
}
"SSA" {
    SingleDefinition = "A value has exactly one definition.";
    Defined = "A value that is used has a definition in a block of the function.";
    Dominance = "A definition dominates its uses in blocks that control can reach.";
}
"Typing" {
    TypeClass = "The type of an instruction is one that its opcode works on.";
    OperandCount = "An instruction has as many operands as its opcode takes.";
    OperandType = "An operand has the type that the opcode asks for.";
    Results = "An instruction has the results that its opcode gives, with their types.";
    BranchArguments = "A branch hands each block parameter a value of its type.";
    ReturnValues = "`return` gives back the results of the function.";
    Constants = "A constant fits its type.";
    GlobalType = "A global is read and written with its own type.";
}
"Calls and async" {
    CallArguments = "A call hands over the parameters of its callee.";
    SyncCallsAsync = "A sync function neither calls an async one nor joins a task.";
    TailCall = "A tail call has the results and the async mark of the function.";
    SpawnAsync = "Only an async function is spawned.";
    JoinSignature = "The signature of a join is sync and has no parameters.";
}
"Memory and addresses" {
    SlotBounds = "An access to a stack slot at a constant offset, or its address, lies within the slot.";
    AddressFlow = "No `addr` is a block parameter, but of the entry, or an argument of a tail call.";
    AddressStep = "In an untrusted module `addr_add` adds a constant.";
    AddressAccess = "In an untrusted module an access through `addr` lies within a stack slot of its function.";
    Trusted = "Raw addresses appear in trusted modules only.";
}
"Stages" {
    LoweredOnly = "Instructions of lowered functions and `cont` appear in lowered functions only.";
    LoweredDeclarations = "Only a lowered function declares layouts and points.";
    LoweredAsync = "A lowered function is async.";
}
"Layouts and points" {
    FieldNames = "The fields of a layout have names, and different ones.";
    FieldPlaces = "A field lies behind the header and within the size of its layout, aligned as its type up to 8; the size is a multiple of 8.";
    PointFields = "A point names a layout that exists and fields of it, which stand for values and slots of the function; its results can be kept and fit the layout.";
    SavedOverlap = "A point saves a field once; fields that it saves overlap neither each other nor its results.";
    FieldTypes = "A field is stored and loaded with its type, a slot with its size.";
    PointResults = "A result at a point is loaded with its type.";
}
"Exceptions" {
    EdgeResults = "What an instruction with an unwind target gives is used by the arguments of its own targets only: the exception by those of the unwind target, the rest by those of the other.";
    UnwindPoint = "The exceptional entry of a point is a point of its own, of the same layout, that has none itself, takes an exception and saves nothing that the point does not.";
}
"Fuel" {
    Pause = "What is called when there is no fuel left is a declared async function without parameters and results.";
    FuelAmount = "An amount of fuel is at least 0 and below 2 to the power of 31.";
}
"Vectors" {
    Shapes = "An instruction on lanes has a shape that its opcode takes.";
    Lanes = "A lane is one of its shape's, a byte of a shuffle one of 32.";
}
"Objects" {
    ObjectTypes = "An object type has at most 1,000 fields; what it holds has types that can be kept.";
    ObjectKind = "What works on arrays names an array type, `new` one with fields.";
    ObjectFields = "A field or an element is read and written with its type.";
}
"Root slots" {
    RootDeclarations = "An async function declares root slots only if it is lowered.";
    LiveRoots = "Only an instruction at which a collection may happen lists root slots, each of them once.";
}
}

impl Rule {
    /// The number, counted from one.
    pub const fn number(self) -> usize {
        self as usize + 1
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "R{}", self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_documentation_lists_the_rules() {
        let source = include_str!("mod.rs");
        let listed: Vec<&str> = source
            .lines()
            .filter_map(|line| line.strip_prefix("//! - "))
            .collect();
        let expected: Vec<String> = Rule::ALL
            .iter()
            .map(|rule| format!("{rule} {}", rule.text()))
            .collect();
        assert_eq!(listed, expected);
    }
}
