//! The async transform: functions into state machines that stay plain IR.
