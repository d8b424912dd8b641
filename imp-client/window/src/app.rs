//! The window itself: it hears the agent, draws, and covers the screen or makes way for the applications.
use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use eframe::egui::{
    ColorImage, Context, Event, Pos2, TextureOptions, Ui, ViewportCommand, WindowLevel, vec2,
};
use image::{ImageFormat, ImageReader};
use imp_socket::Frame;

use crate::language::Language;
use crate::model::{Input, Model, Screen};
use crate::talk::{Hear, Talk};
use crate::view::{self, Layout, Shown};

/// How often it looks at the clock when nothing happens.
const TICK: Duration = Duration::from_secs(1);
/// The largest side of a picture that is shown, in pixels.
const LARGEST: u32 = 1024;
/// How high the strip above the applications is, as a part of the screen: as a rule, and when it must not be overlooked.
const STRIP: (f32, f32) = (0.07, 0.12);

/// How the window behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// It covers the screen, and becomes a strip at the upper edge while somebody works.
    #[default]
    Kiosk,
    /// A strip at the upper edge that says who is signed in, where the desktop has its own lock screen.
    Strip,
    /// An ordinary window.
    Window,
}

/// The window.
pub(crate) struct App {
    model: Model,
    talk: Talk,
    heard: Receiver<Input>,
    shown: Shown,
    mode: Mode,
    /// The place that was asked for last.
    place: Option<Place>,
}

/// Where the window is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Whole,
    /// As high as this part of the screen.
    Strip {
        part: f32,
    },
}

impl App {
    /// Talks with the agent at `socket`.
    pub(crate) fn new(
        context: &Context,
        socket: PathBuf,
        language: Language,
        mode: Mode,
    ) -> std::io::Result<Self> {
        view::theme::apply(context);
        let (say, heard) = channel();
        let waker = context.clone();
        let hear: Hear = Arc::new(move |input| {
            let _the_window_has_gone = say.send(input);
            waker.request_repaint();
        });
        let talk = Talk::begin(socket, hear)?;
        let shown = Shown::new(language);
        Ok(Self { model: Model::new(now()), talk, heard, shown, mode, place: None })
    }

    /// Hears the agent, the person, and the clock.
    fn hear(&mut self, ui: &Ui) {
        let touched = ui.input(|input| input.events.iter().any(is_touch));
        let mut inputs: Vec<_> = self.heard.try_iter().collect();
        let pictured = inputs.iter().any(|input| matches!(input, Input::Frame(_)));
        inputs.push(if touched { Input::Touched } else { Input::Tick });
        for input in inputs {
            self.take(input);
        }
        match self.model.frame() {
            None => self.shown.picture = None,
            Some(frame) if pictured => {
                let picture = decode(frame);
                self.shown.picture = picture
                    .map(|p| ui.ctx().load_texture("camera", p, TextureOptions::LINEAR))
                    .or(self.shown.picture.take());
            }
            Some(_) => {}
        }
    }

    fn take(&mut self, input: Input) {
        if let Some(command) = self.model.take(input, now()) {
            self.talk.ask(command);
        }
    }

    /// Where the window should be now.
    fn wanted(&self) -> Place {
        let (low, high) = STRIP;
        let screen = self.model.screen();
        let warns = matches!(screen, Screen::Leaving(_) | Screen::Guard(_));
        let strip = Place::Strip { part: if warns { high } else { low } };
        match self.mode {
            Mode::Strip if !asks(&screen) => strip,
            Mode::Kiosk if warns || screen == Screen::Open => strip,
            Mode::Strip | Mode::Kiosk | Mode::Window => Place::Whole,
        }
    }

    /// Has the window put where it should be, when that changes.
    fn place(&mut self, context: &Context) {
        let wanted = self.wanted();
        if self.mode == Mode::Window || self.place == Some(wanted) {
            return;
        }
        let Some(monitor) = context.input(|input| input.viewport().monitor_size) else { return };
        self.place = Some(wanted);
        let (whole, size) = match wanted {
            Place::Whole => (true, monitor),
            Place::Strip { part } => (false, vec2(monitor.x, (monitor.y * part).round())),
        };
        for command in [
            ViewportCommand::Decorations(false),
            ViewportCommand::WindowLevel(WindowLevel::AlwaysOnTop),
            ViewportCommand::Fullscreen(whole),
            ViewportCommand::MinInnerSize(vec2(320.0, 40.0)),
            ViewportCommand::InnerSize(size),
            ViewportCommand::OuterPosition(Pos2::ZERO),
        ] {
            context.send_viewport_cmd(command);
        }
        if whole {
            context.send_viewport_cmd(ViewportCommand::Focus);
        }
    }
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let context = ui.ctx().clone();
        if self.mode != Mode::Window && context.input(|input| input.viewport().close_requested()) {
            // Whoever closes the window of a locked workstation would uncover it.
            context.send_viewport_cmd(ViewportCommand::CancelClose);
        }
        self.hear(ui);
        self.place(&context);
        let layout = match self.wanted() {
            Place::Whole => Layout::Whole,
            Place::Strip { .. } => Layout::Strip,
        };
        for wish in view::draw(ui, &self.model, &mut self.shown, layout) {
            self.take(Input::Wish(wish));
            context.request_repaint();
        }
        context.request_repaint_after(TICK);
    }
}

/// Somebody has to do something that does not fit into a strip.
const fn asks(screen: &Screen) -> bool {
    match screen {
        Screen::Looking { .. }
        | Screen::Waiting { .. }
        | Screen::Choose(_)
        | Screen::Refused(_)
        | Screen::Pin
        | Screen::Emergency => true,
        Screen::Starting
        | Screen::AgentAway
        | Screen::Idle
        | Screen::Locked
        | Screen::Open
        | Screen::Leaving(_)
        | Screen::Guard(_) => false,
    }
}

fn now() -> Instant {
    Instant::now()
}

/// Somebody pressed a key or a button.
fn is_touch(event: &Event) -> bool {
    matches!(
        event,
        Event::Key { pressed: true, .. }
            | Event::Text(_)
            | Event::PointerButton { pressed: true, .. }
            | Event::Touch { .. }
    )
}

/// A picture of the camera; nothing, if it is none or too large.
fn decode(frame: &Frame) -> Option<ColorImage> {
    let bytes = frame.bytes()?;
    let mut reader = ImageReader::with_format(Cursor::new(bytes.expose()), ImageFormat::Jpeg);
    let mut limits = image::Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(LARGEST), Some(LARGEST));
    reader.limits(limits);
    let picture = reader.decode().ok()?.into_rgb8();
    let size = [picture.width() as usize, picture.height() as usize];
    Some(ColorImage::from_rgb(size, picture.as_raw()))
}
