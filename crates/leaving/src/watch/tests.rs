use super::*;

/// One desktop, played by the quarter of a second.
struct Desk {
    watch: Watch,
    now: Duration,
    touched: Option<Duration>,
    /// What the phone is heard at, ten times a second; `None`: not at all.
    rssi: Option<i16>,
    others: bool,
}

const SOON: u64 = 60;

impl Desk {
    fn open() -> Self {
        Self::of(&Constants::default(), true)
    }

    /// A desktop where she has typed for a minute.
    fn of(constants: &Constants, by_phone: bool) -> Self {
        let watch = Watch::opened(*constants, by_phone, Duration::ZERO);
        let now = Duration::ZERO;
        let mut desk = Self { watch, now, touched: Some(now), rssi: Some(-60), others: true };
        for _ in 0..240 {
            desk.touched = Some(desk.now);
            assert_eq!(desk.step(), Verdict::Nothing);
        }
        desk
    }

    fn step(&mut self) -> Verdict {
        self.now += Duration::from_millis(250);
        if let Some(rssi) = self.rssi {
            self.watch.hear(Some(rssi), self.now);
        }
        if self.others {
            self.watch.hear_other(self.now);
        }
        let idle = self.touched.map(|touched| self.now.saturating_sub(touched));
        self.watch.tick(idle, self.now)
    }

    /// Lets time pass until something is to be done; says after how many seconds.
    fn until_news(&mut self, seconds: u64) -> Option<(Verdict, f64)> {
        let began = self.now;
        for _ in 0..seconds * 4 {
            let verdict = self.step();
            if verdict != Verdict::Nothing {
                return Some((verdict, (self.now.checked_sub(began).unwrap()).as_secs_f64()));
            }
        }
        None
    }

    fn news(&mut self) -> (Verdict, f64) {
        self.until_news(SOON).expect("something happens")
    }
}

#[test]
fn whoever_left_is_counted_down_and_locked_once() {
    let mut desk = Desk::open();
    let (mut began, mut locked) = (None, None);
    for step in 0..80_i16 {
        // 3 dB a second, to −90 dBm.
        desk.rssi = Some((-60 - step * 3 / 4).max(-90));
        match desk.step() {
            Verdict::Begins(Reason::SignalLow) => began = began.or(Some(step)),
            Verdict::Lock(Reason::SignalLow) => locked = Some(step),
            Verdict::Nothing => {}
            Verdict::Begins(_) | Verdict::Stops | Verdict::Lock(_) => panic!("at step {step}"),
        }
    }
    let (began, locked) = (began.unwrap(), locked.unwrap());
    assert!(locked - began >= 20 && locked <= 15 * 4, "{began} {locked}");
    assert_eq!(desk.until_news(SOON), None, "said once");
}

#[test]
fn a_phone_that_falls_silent_has_left_and_a_radio_that_falls_silent_is_given_time() {
    let mut desk = Desk::open();
    desk.rssi = None;
    assert_eq!(desk.news().0, Verdict::Begins(Reason::PhoneSilent));
    assert_eq!(desk.news().0, Verdict::Lock(Reason::PhoneSilent));
    let mut deaf = Desk::open();
    (deaf.rssi, deaf.others) = (None, false);
    assert_eq!(deaf.until_news(10), None, "nobody is heard");
}

#[test]
fn whoever_types_is_never_counted_down_wherever_her_phone_is() {
    for rssi in [None, Some(-99)] {
        let mut desk = Desk::open();
        desk.rssi = rssi;
        desk.watch.link_lost(desk.now);
        for _ in 0..4 * 3600 {
            desk.touched = Some(desk.now);
            assert_eq!(desk.step(), Verdict::Nothing);
        }
    }
}

#[test]
fn a_key_stops_the_countdown_and_each_makes_the_next_wait_longer() {
    let mut desk = Desk::open();
    let mut waits = vec![];
    for _ in 0..3 {
        desk.rssi = None;
        let (begins, after) = desk.news();
        assert_eq!(begins, Verdict::Begins(Reason::PhoneSilent));
        waits.push(after);
        desk.touched = Some(desk.now + Duration::from_millis(200));
        assert_eq!(desk.news().0, Verdict::Stops);
        desk.rssi = Some(-60);
        for _ in 0..8 {
            desk.touched = Some(desk.now);
            desk.step();
        }
    }
    assert!(waits.is_sorted() && waits[2] >= 15.0, "{waits:?}");
    let mut desk = Desk::open();
    desk.rssi = Some(-90);
    desk.news();
    assert_eq!(desk.watch.stay(desk.now), Verdict::Stops);
    assert_eq!(desk.watch.countdown(), None);
}

#[test]
fn a_body_in_between_is_no_departure() {
    let mut desk = Desk::open();
    // A step of 12 dB that stays.
    desk.rssi = Some(-72);
    for _ in 0..SOON * 4 {
        let verdict = desk.step();
        assert!(!matches!(verdict, Verdict::Lock(_)), "{verdict:?}");
    }
    desk.rssi = Some(-95);
    let mut locked = false;
    for _ in 0..80 {
        locked |= matches!(desk.step(), Verdict::Lock(_));
    }
    assert!(locked);
}

#[test]
fn she_comes_back_and_the_countdown_stops_by_itself() {
    let mut desk = Desk::open();
    desk.rssi = Some(-90);
    desk.news();
    desk.rssi = Some(-60);
    let (stops, after) = desk.news();
    assert_eq!(stops, Verdict::Stops);
    assert!(after <= 2.0, "{after}");
}

#[test]
fn a_lost_link_counts_only_where_the_phone_is_not_heard_as_usual() {
    let mut desk = Desk::open();
    desk.watch.link_stands(None, desk.now);
    desk.watch.link_lost(desk.now);
    assert_eq!(desk.until_news(SOON), None, "bluetoothd was restarted");
    desk.watch.link_stands(None, desk.now);
    desk.watch.link_lost(desk.now);
    desk.rssi = None;
    let (begins, after) = desk.news();
    assert_eq!(begins, Verdict::Begins(Reason::LinkLost));
    assert!(after <= 3.0, "{after}");
}

#[test]
fn a_link_that_stands_says_that_she_is_there_though_her_advertisements_are_not_heard() {
    let mut desk = Desk::open();
    desk.rssi = None;
    for step in 0..4 * 60 {
        desk.watch.link_stands(None, desk.now);
        // A controller that cannot do both: silent since the link was made, also while she types.
        desk.touched = Some(desk.now).filter(|_| step < 20).or(desk.touched);
        assert_eq!(desk.step(), Verdict::Nothing);
    }
    desk.watch.link_lost(desk.now);
    assert_eq!(desk.news().0, Verdict::Begins(Reason::LinkLost));
    assert_eq!(desk.news().0, Verdict::Lock(Reason::LinkLost));
    // A phone whose link this side has ended is known by its advertisements alone.
    let mut ended = Desk::open();
    ended.watch.link_stands(None, ended.now);
    ended.watch.link_ended(ended.now);
    ended.rssi = None;
    assert_eq!(ended.news().0, Verdict::Begins(Reason::PhoneSilent));
}

#[test]
fn the_strength_of_a_link_counts_as_advertisements_do() {
    let mut desk = Desk::open();
    for _ in 0..240 {
        desk.watch.link_stands(Some(-60), desk.now);
        desk.touched = Some(desk.now);
        desk.step();
    }
    desk.rssi = None;
    let mut locked = None;
    for second in 0..40_u8 {
        // She walks away from −60 dBm, and is heard over the link alone.
        desk.watch.link_stands(Some(-60 - i16::from(second.min(30))), desk.now);
        let verdict = desk.step();
        locked = locked.or((verdict == Verdict::Begins(Reason::SignalLow)).then_some(second));
    }
    assert!(locked.is_some());
}

#[test]
fn where_keys_are_not_seen_the_phone_must_be_away_for_longer() {
    let mut desk = Desk::open();
    (desk.touched, desk.rssi) = (None, None);
    let (begins, after) = desk.news();
    assert_eq!(begins, Verdict::Begins(Reason::PhoneSilent));
    assert!(after >= Constants::default().blind_pause.as_secs_f64(), "{after}");
    desk.watch.stay(desk.now);
    let (_, after) = desk.news();
    assert!(after >= Constants::default().blind_pause.as_secs_f64(), "counted from then");
}

#[test]
fn the_limit_without_input_counts_wherever_the_phone_is() {
    let constants = Constants { idle: Some(Duration::from_mins(2)), ..Constants::default() };
    for by_phone in [true, false] {
        let mut desk = Desk::of(&constants, by_phone);
        let (begins, after) = desk.until_news(121).unwrap();
        assert_eq!((begins, after.round()), (Verdict::Begins(Reason::Idle), 120.0));
        assert_eq!(desk.news(), (Verdict::Lock(Reason::Idle), 5.0));
    }
    let mut never = Desk::of(&Constants { idle: None, ..constants }, true);
    assert_eq!(never.until_news(3600), None);
}

#[test]
fn whoever_came_without_a_phone_is_not_locked_for_want_of_one() {
    let mut desk = Desk {
        watch: Watch::opened(
            Constants { idle: None, ..Constants::default() },
            false,
            Duration::ZERO,
        ),
        now: Duration::ZERO,
        touched: Some(Duration::ZERO),
        rssi: None,
        others: true,
    };
    assert_eq!(desk.until_news(3600), None);
}

#[test]
fn what_is_usual_is_learned_while_she_types_so_that_a_pocket_is_no_departure() {
    let mut desk = Desk::open();
    // She puts the phone into a pocket behind her, and types on.
    desk.rssi = Some(-82);
    for _ in 0..240 {
        desk.touched = Some(desk.now);
        desk.step();
    }
    assert_eq!(desk.until_news(SOON), None, "she reads");
    desk.rssi = None;
    assert_eq!(desk.news().0, Verdict::Begins(Reason::PhoneSilent), "and leaves");
}
