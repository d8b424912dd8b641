//! The screens: who is signed in above, what to do in the middle, how the workstation is below.
use eframe::egui::{Align, Layout as Direction, Ui, vec2};
use imp_socket::{Leaving, LeavingReason, Person, Switched};

use super::pieces::{Scale, Weight, button, line, row, say, shout};
use super::{Shown, forms, looking, theme, within};
use crate::language::{Language, Text, abandoned, refused};
use crate::model::{Model, Notice, Screen, Why, Wish};

/// Who is signed in: on every screen, large.
pub(super) fn owner(ui: &mut Ui, model: &Model, shown: &Shown, scale: Scale) {
    let area = ui.max_rect();
    ui.painter().rect_filled(area, 0.0, theme::RAISED);
    ui.painter().hline(area.x_range(), area.bottom(), (3.0, theme::EDGE));
    let inner = area.shrink2(vec2(scale.text, scale.text * 0.4));
    within(ui, inner, |ui| {
        line(ui, &whose(model, shown.language), scale.huge(), theme::INK);
    });
}

/// Whose desktop it is, in words.
pub(super) fn whose(model: &Model, language: Language) -> String {
    let Some(owner) = model.owner() else {
        let starts = model.screen() == Screen::Starting;
        let away = || format!("⚠ {}", Text::AgentAway.say(language));
        return if starts { Text::WindowTitle.say(language).to_owned() } else { away() };
    };
    let Some(name) = owner.name else { return Text::Nobody.say(language).to_owned() };
    let state = if owner.locked { Text::Locked } else { Text::SignedIn };
    format!("{} {name}", state.say(language))
}

/// What everybody should know, on a bright strip.
pub(super) fn notice(ui: &mut Ui, notice: &Notice, shown: &Shown, scale: Scale) {
    let language = shown.language;
    let text = match notice {
        Notice::Offline { waiting, minutes_left } => {
            let means = Text::OfflineMeans.with(language, "count", &waiting.to_string());
            let until = minutes_left.map_or_else(String::new, |minutes| {
                format!(" {}", Text::OfflineUntil.with(language, "minutes", &minutes.to_string()))
            });
            format!("⚠ {}: {means}.{until}", Text::Offline.say(language))
        }
        Notice::JournalRefused => format!("⚠ {}", Text::JournalRefused.say(language)),
        Notice::ClockOff { seconds } => {
            format!("⚠ {}", Text::ClockOff.with(language, "seconds", &seconds.to_string()))
        }
        Notice::RadioFails => format!("⚠ {}", Text::RadioFails.say(language)),
        Notice::NotLocked => format!("⚠ {}", Text::NotLocked.say(language)),
        Notice::NotOpened => format!("⚠ {}", Text::NotOpened.say(language)),
    };
    let area = ui.max_rect();
    ui.painter().rect_filled(area, 0.0, theme::BRIGHT);
    within(ui, area.shrink2(vec2(scale.text, scale.text * 0.6)), |ui| {
        line(ui, &text, scale.text * 1.05, theme::ON_BRIGHT);
    });
}

/// What to do now.
pub(super) fn middle(
    ui: &mut Ui,
    model: &Model,
    screen: &Screen,
    shown: &mut Shown,
    scale: Scale,
    wishes: &mut Vec<Wish>,
) {
    let language = shown.language;
    let wish = match screen {
        Screen::Starting => {
            shout(ui, Text::Starting.say(language), scale.huge(), theme::INK);
            None
        }
        Screen::AgentAway => {
            say(ui, Text::AgentAwayMeans.say(language), scale.large(), theme::INK);
            None
        }
        Screen::Idle => home(ui, Text::PressToSignIn, Text::HowTo, false, shown, scale),
        Screen::Locked => home(ui, Text::PressToUnlock, Text::HowToUnlock, true, shown, scale),
        Screen::Open => at_work(ui, shown, scale),
        Screen::Leaving(leaving) => countdown(ui, *leaving, shown, scale),
        Screen::Guard(switched) => guard(ui, switched, shown, scale),
        Screen::Looking { hint, stoppable } => looking::draw(ui, *hint, *stoppable, shown, scale),
        Screen::Waiting { key } => {
            let text = if *key { Text::UseYourKey } else { Text::OneMoment };
            shout(ui, text.say(language), scale.huge(), theme::BRIGHT);
            ui.add_space(scale.text);
            back(ui, Text::Stop, shown, scale)
        }
        Screen::Choose(people) => choose(ui, people, shown, scale),
        Screen::Refused(why) => not_let_in(ui, why, model, shown, scale),
        Screen::Pin => forms::pin(ui, shown, scale),
        Screen::Emergency => forms::emergency(ui, shown, scale),
    };
    wishes.extend(wish);
}

/// The large button, and the other ways, all alike.
fn home(
    ui: &mut Ui,
    press: Text,
    how: Text,
    locked: bool,
    shown: &Shown,
    scale: Scale,
) -> Option<Wish> {
    let language = shown.language;
    let size = vec2((scale.text * 28.0).min(ui.available_width()), scale.text * 6.0);
    let pressed = button(ui, press.say(language), Weight::First, scale.huge(), size);
    if shown.fresh {
        pressed.request_focus();
    }
    ui.add_space(scale.text * 0.8);
    say(ui, how.say(language), scale.large(), theme::INK);
    ui.add_space(scale.text * 1.6);
    let other = other_ways(ui, locked, shown, scale);
    if pressed.clicked() { Some(Wish::SignIn) } else { other }
}

/// The ways in beside phone and face. One factor alone only goes on with what was locked.
fn other_ways(ui: &mut Ui, locked: bool, shown: &Shown, scale: Scale) -> Option<Wish> {
    let language = shown.language;
    say(ui, Text::OtherWays.say(language), scale.text, theme::INK);
    ui.add_space(scale.text * 0.6);
    let all = [
        (Text::SecurityKey, Wish::TypePin),
        (Text::TouchKey, Wish::TouchKey),
        (Text::PhoneAlone, Wish::PhoneAlone),
        (Text::Emergency, Wish::Explain),
    ];
    let ways: Vec<_> = all
        .into_iter()
        .filter(|(text, _)| locked || !matches!(text, Text::TouchKey | Text::PhoneAlone))
        .collect();
    let texts: Vec<_> = ways.iter().map(|(text, _)| text.say(language)).collect();
    let pressed = row(ui, &texts, scale)?;
    ways.into_iter().nth(pressed).map(|(_, wish)| wish)
}

fn at_work(ui: &mut Ui, shown: &Shown, scale: Scale) -> Option<Wish> {
    let language = shown.language;
    let size = vec2(scale.text * 18.0, scale.text * 4.0);
    let lock = button(ui, Text::Lock.say(language), Weight::First, scale.large(), size);
    if shown.fresh {
        lock.request_focus();
    }
    ui.add_space(scale.text);
    let texts = [Text::SwitchUser, Text::SignOut].map(|text| text.say(language));
    let other = row(ui, &texts, scale).map(|i| if i == 0 { Wish::Switch } else { Wish::SignOut });
    if lock.clicked() { Some(Wish::Lock) } else { other }
}

fn countdown(ui: &mut Ui, leaving: Leaving, shown: &Shown, scale: Scale) -> Option<Wish> {
    let language = shown.language;
    let seconds = leaving.seconds_left.to_string();
    let text = Text::LocksIn.with(language, "seconds", &seconds);
    shout(ui, &text, scale.huge() * 1.4, theme::BRIGHT);
    ui.add_space(scale.text * 0.5);
    say(ui, why_leaving(leaving.reason).say(language), scale.large(), theme::INK);
    ui.add_space(scale.text);
    shout(ui, Text::AnyKeyStays.say(language), scale.large(), theme::INK);
    ui.add_space(scale.text);
    let size = vec2(scale.text * 18.0, scale.text * 3.4);
    let here = button(ui, Text::IAmHere.say(language), Weight::First, scale.large(), size);
    if shown.fresh {
        here.request_focus();
    }
    // Any key and any press is heard by the window itself.
    None
}

const fn why_leaving(reason: LeavingReason) -> Text {
    match reason {
        LeavingReason::SignalLow => Text::PhoneFar,
        LeavingReason::PhoneSilent => Text::PhoneSilent,
        LeavingReason::LinkLost => Text::LinkLost,
        LeavingReason::Idle => Text::Idle,
    }
}

fn guard(ui: &mut Ui, switched: &Switched, shown: &Shown, scale: Scale) -> Option<Wish> {
    let language = shown.language;
    let now = Text::NowAnother.with(language, "name", &switched.to.display_name);
    shout(ui, &now, scale.huge(), theme::BRIGHT);
    if let Some(from) = &switched.from {
        ui.add_space(scale.text * 0.5);
        let before = Text::BeforeThat.with(language, "name", &from.display_name);
        say(ui, &before, scale.large(), theme::INK);
    }
    ui.add_space(scale.text);
    let texts = [Text::SwitchUser, Text::Lock].map(|text| text.say(language));
    row(ui, &texts, scale).map(|i| if i == 0 { Wish::Switch } else { Wish::Lock })
}

fn choose(ui: &mut Ui, people: &[Person], shown: &Shown, scale: Scale) -> Option<Wish> {
    shout(ui, Text::WhoAreYou.say(shown.language), scale.large(), theme::INK);
    ui.add_space(scale.text * 0.5);
    let size = vec2((scale.text * 22.0).min(ui.available_width()), scale.text * 2.6);
    let mut chosen = None;
    let height = (ui.available_height() - scale.text * 5.0).max(size.y);
    eframe::egui::ScrollArea::vertical().max_height(height).show(ui, |ui| {
        // Room for the ring around what has the focus.
        ui.add_space(scale.text * 0.5);
        for (index, person) in people.iter().enumerate() {
            let pressed = button(ui, &person.display_name, Weight::Other, scale.large(), size);
            if shown.fresh && index == 0 {
                pressed.request_focus();
            }
            if pressed.clicked() {
                chosen = Some(Wish::Be(person.clone()));
            }
            ui.add_space(scale.text * 0.5);
        }
    });
    ui.add_space(scale.text * 0.5);
    chosen.or(back(ui, Text::Back, shown, scale))
}

/// What was refused, and what to do now.
fn not_let_in(ui: &mut Ui, why: &Why, model: &Model, shown: &Shown, scale: Scale) -> Option<Wish> {
    let language = shown.language;
    shout(ui, &format!("✖ {}", Text::NotSignedIn.say(language)), scale.huge(), theme::INK);
    ui.add_space(scale.text * 0.5);
    let (text, code) = reason(why, language);
    let box_width = (scale.text * 40.0).min(ui.available_width());
    let frame = eframe::egui::Frame::new()
        .fill(theme::REFUSED)
        .corner_radius(10)
        .inner_margin(scale.text)
        .stroke((2.0, theme::INK));
    ui.allocate_ui_with_layout(vec2(box_width, 0.0), Direction::top_down(Align::Min), |ui| {
        frame.show(ui, |ui| {
            ui.set_min_width(box_width - scale.text * 2.0 - 4.0);
            say(ui, &text, scale.large(), theme::INK);
            if let Why::Abandoned { hint: hint @ Some(_), .. }
            | Why::Refused { hint: hint @ Some(_), .. } = why
            {
                shout(ui, looking::words(*hint).say(language), scale.large(), theme::INK);
            }
        });
    });
    if let Some(code) = code {
        say(ui, &Text::Code.with(language, "code", code), scale.text * 0.85, theme::INK);
    }
    ui.add_space(scale.text * 0.8);
    let size = vec2(scale.text * 18.0, scale.text * 3.2);
    let again = button(ui, Text::TryAgain.say(language), Weight::First, scale.large(), size);
    if shown.fresh {
        again.request_focus();
    }
    ui.add_space(scale.text * 0.8);
    let locked = model.owner().is_some_and(|owner| owner.locked);
    let other = other_ways(ui, locked, shown, scale);
    if again.clicked() { Some(Wish::SignIn) } else { other }
}

/// What happened and what to do, and the stable word for the help desk.
fn reason(why: &Why, language: Language) -> (String, Option<&'static str>) {
    match why {
        Why::Refused { reason, .. } => (refused(*reason, language).to_owned(), Some(reason.code())),
        Why::Abandoned { reason, .. } => {
            (abandoned(*reason, language).to_owned(), Some(reason.code()))
        }
        Why::Busy => (Text::Busy.say(language).to_owned(), None),
        Why::Failed { message } => {
            (format!("{}\n({message})", Text::TryAgainOrOther.say(language)), None)
        }
    }
}

fn back(ui: &mut Ui, text: Text, shown: &Shown, scale: Scale) -> Option<Wish> {
    let text = format!("{} (Esc)", text.say(shown.language));
    let size = vec2(scale.text * 14.0, scale.text * 2.6);
    button(ui, &text, Weight::Other, scale.text, size).clicked().then_some(Wish::Back)
}

/// Where this is, how long the press took, and the language.
pub(super) fn foot(ui: &mut Ui, model: &Model, shown: &mut Shown, scale: Scale) {
    let language = shown.language;
    let area = ui.max_rect().shrink2(vec2(scale.text, scale.text * 0.2));
    let letters = scale.text * 0.9;
    within(ui, area, |ui| {
        ui.with_layout(Direction::left_to_right(Align::Center), |ui| {
            say(ui, model.workstation().unwrap_or_default(), letters, theme::INK);
            if let Some(took) = took(model, language) {
                ui.add_space(scale.text);
                say(ui, &took, letters, theme::INK);
            }
            ui.with_layout(Direction::right_to_left(Align::Center), |ui| {
                let text = Text::LanguageIs.with(language, "name", language.name());
                let size = vec2(scale.text * 13.0, scale.text * 1.9);
                if button(ui, &format!("{text} (F2)"), Weight::Other, letters, size).clicked() {
                    shown.language = language.next();
                }
            });
        });
    });
}

/// From the press to the open desktop, in seconds.
pub(super) fn took(model: &Model, language: Language) -> Option<String> {
    let millis = model.took()?;
    let seconds = format!("{}.{:02}", millis / 1000, millis % 1000 / 10);
    Some(Text::Took.with(language, "seconds", &seconds))
}
