//! The page is in the binary: what is built anew there is taken up here.

fn main() {
    println!("cargo:rerun-if-changed=../../web/dist");
}
