//! The intermediate representation of Enjamb: types, entities, instructions, builder, text format and verifier.
