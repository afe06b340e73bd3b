//! Whole stories through the real binaries.
