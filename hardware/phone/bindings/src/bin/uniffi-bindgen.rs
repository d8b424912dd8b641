//! Writes the Kotlin and Swift sources that call the library: see docs/phones.md.

fn main() {
    uniffi::uniffi_bindgen_main();
}
