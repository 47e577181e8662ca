//! Engine, module, instance and typed functions: the embedding interface of Enjamb.
