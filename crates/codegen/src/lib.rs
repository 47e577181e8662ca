//! The pass list of the Enjamb compiler: a module in, relocatable code and tables out.
