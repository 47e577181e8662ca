//! Prints a module after the async transform: `cargo run -p enjamb-async --example show FILE`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: show FILE")?;
    let text = std::fs::read_to_string(path)?;
    let mut module = enjamb_ir::parse_module(&text)?;
    enjamb_ir::verify_module(&module)?;
    enjamb_async::transform(&mut module);
    print!("{module}");
    if let Err(errors) = enjamb_ir::verify_module(&module) {
        println!("{errors}");
    }
    Ok(())
}
