//! validate-builds
fn main() {}
