//! register-validation
fn main() {}
