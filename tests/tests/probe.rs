//! scratch
use imp_tests::presentation::*;
use imp_tests::world::faces;
#[test]
#[ignore]
fn probe() {
    let e = faces::engine();
    println!("threshold {:?}", e.set());
    for name in ["obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg", "astronaut.png"] {
        let p = faces::photograph(name);
        println!("{name} {}x{}", p.width(), p.height());
        let t = std::time::Instant::now();
        match e.capture(&[p.clone()]) {
            Ok(c) => println!(
                "  live {} mask {} {:?} {:?}",
                c.attack_score(),
                c.mask_worn(),
                t.elapsed(),
                c.quality()
            ),
            Err(x) => println!("  {x:?}"),
        }
        for i in [Instrument::Print, Instrument::Screen] {
            for size in [0.7, 0.92, 1.3] {
                let r = rephotographed(&p, i, Pose { size, ..Pose::default() });
                faces::write(
                    &r,
                    std::path::Path::new("/tmp"),
                    &format!("r-{name}-{i:?}-{size}").replace('.', "_"),
                );
                match e.capture(&[r]) {
                    Ok(c) => println!("  {i:?} {size} {}", c.attack_score()),
                    Err(x) => println!("  {i:?} {size} {x:?}"),
                }
            }
        }
    }
}
