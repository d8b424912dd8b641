//! The window of a shared workstation. It asks nobody but the agent, over its local socket: what is known and what follows from it is in `model`, what is drawn
//! in `view`, the conversation in `talk`.
mod app;
mod fonts;
mod language;
mod model;
mod talk;
mod view;

use std::path::PathBuf;

use eframe::egui::ViewportBuilder;

pub use app::Mode;
pub use language::Language;

/// Opens the window and returns when it is closed. The agent listens at `socket`.
pub fn run(socket: PathBuf, language: Language, mode: Mode) -> Result<(), eframe::Error> {
    let title = view::title(language);
    let viewport = ViewportBuilder::default()
        .with_title(title)
        .with_app_id("imp-window")
        .with_inner_size([1280.0, 800.0])
        .with_min_inner_size([320.0, 40.0])
        .with_decorations(mode == Mode::Window)
        .with_fullscreen(mode == Mode::Kiosk);
    let options = eframe::NativeOptions {
        viewport,
        persist_window: false,
        system_font_fallback: false,
        ..eframe::NativeOptions::default()
    };
    eframe::run_native(
        title,
        options,
        Box::new(move |creation| {
            let app = app::App::new(&creation.egui_ctx, socket, language, mode)?;
            Ok(Box::new(app))
        }),
    )
}
