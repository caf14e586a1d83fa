//! Judges the types of parameters.
