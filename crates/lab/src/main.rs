//! The world on a laptop, as a program.

fn main() {}
