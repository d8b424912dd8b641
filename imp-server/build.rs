//! A new file in `migrations` must rebuild what embeds them.
fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
