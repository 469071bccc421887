//! Both services in one process on an embedded database.
fn main() {}
