//! What the window says. `{name}`, `{seconds}` and the like are filled in.
use super::Language;

macro_rules! texts {
    ($($(#[$doc:meta])* $key:ident { en: $en:literal, it: $it:literal, el: $el:literal $(,)? })*) => {
        /// One thing that the window says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Text { $($(#[$doc])* $key,)* }

        impl Text {
            /// All of them.
            #[cfg(test)]
            pub(super) const ALL: &'static [Self] = &[$(Self::$key,)*];

            /// In `language`.
            pub(crate) const fn say(self, language: Language) -> &'static str {
                match (self, language) {
                    $(
                        (Self::$key, Language::English) => $en,
                        (Self::$key, Language::Italian) => $it,
                        (Self::$key, Language::Greek) => $el,
                    )*
                }
            }
        }
    };
}

impl Text {
    /// In `language`, with `value` in the place of `{place}`.
    pub(crate) fn with(self, language: Language, place: &str, value: &str) -> String {
        self.say(language).replace(&format!("{{{place}}}"), value)
    }
}

texts! {
    Nobody { en: "Nobody is signed in", it: "Nessuno al lavoro", el: "Δεν εργάζεται κανείς" }
    SignedIn { en: "Signed in:", it: "Al lavoro:", el: "Εργάζεται:" }
    Locked { en: "LOCKED:", it: "BLOCCATA:", el: "ΚΛΕΙΔΩΜΕΝΟ:" }
    PressToSignIn { en: "Press to sign in", it: "Premi per accedere", el: "Πατήστε για σύνδεση" }
    PressToUnlock { en: "Press to unlock", it: "Premi per sbloccare", el: "Πατήστε για ξεκλείδωμα" }
    HowTo {
        en: "Have your phone with you, press, and look at the camera.",
        it: "Tieni il telefono con te, premi e guarda la telecamera.",
        el: "Έχετε το κινητό μαζί σας, πατήστε και κοιτάξτε την κάμερα.",
    }
    HowToUnlock {
        en: "Press and look at the camera. Anybody else signs in the same way.",
        it: "Premi e guarda la telecamera. Chiunque altro accede allo stesso modo.",
        el: "Πατήστε και κοιτάξτε την κάμερα. Οποιοσδήποτε άλλος συνδέεται με τον ίδιο τρόπο.",
    }
    OtherWays { en: "Or use", it: "Oppure usa", el: "Ή χρησιμοποιήστε" }
    SecurityKey { en: "Security key", it: "Chiave di sicurezza", el: "Κλειδί ασφαλείας" }
    PhoneAlone { en: "Phone alone", it: "Solo il telefono", el: "Μόνο το κινητό" }
    TouchKey { en: "Touch of the key", it: "Tocco della chiave", el: "Άγγιγμα κλειδιού" }
    Emergency { en: "Emergency access", it: "Accesso d’emergenza", el: "Πρόσβαση ανάγκης" }
    OneMoment { en: "One moment", it: "Un momento", el: "Μια στιγμή" }
    BringPhone {
        en: "Bring your phone near. Is Bluetooth on?",
        it: "Avvicina il telefono. Il Bluetooth è acceso?",
        el: "Φέρτε το κινητό κοντά. Είναι ανοιχτό το Bluetooth;",
    }
    LookHere { en: "Look at the camera", it: "Guarda la telecamera", el: "Κοιτάξτε την κάμερα" }
    ComeCloser { en: "Come closer", it: "Avvicinati", el: "Ελάτε πιο κοντά" }
    MoveBack {
        en: "Move back until your whole face is seen",
        it: "Allontanati finché si vede tutto il viso",
        el: "Απομακρυνθείτε ώσπου να φαίνεται όλο το πρόσωπο",
    }
    LightBehind {
        en: "Turn away from the light behind you",
        it: "Spostati: la luce è dietro di te",
        el: "Μετακινηθείτε: το φως είναι πίσω σας",
    }
    ChinLevel { en: "Hold your chin level", it: "Tieni il mento diritto", el: "Κρατήστε το πιγούνι ευθεία" }
    UncoverEyes {
        en: "Take off dark glasses",
        it: "Togli gli occhiali scuri",
        el: "Βγάλτε τα σκούρα γυαλιά",
    }
    OpenEyes { en: "Open your eyes", it: "Apri gli occhi", el: "Ανοίξτε τα μάτια" }
    OnceMore {
        en: "Once more, to be sure: look at the camera",
        it: "Ancora una volta, per sicurezza: guarda la telecamera",
        el: "Μία φορά ακόμη, για σιγουριά: κοιτάξτε την κάμερα",
    }
    HoldStill { en: "Hold still", it: "Non muoverti", el: "Μείνετε ακίνητοι" }
    MoreLight { en: "More light on your face", it: "Più luce sul viso", el: "Περισσότερο φως στο πρόσωπο" }
    LessLight { en: "Less light on your face", it: "Meno luce sul viso", el: "Λιγότερο φως στο πρόσωπο" }
    EvenLight {
        en: "Turn until the light is even",
        it: "Girati finché la luce è uniforme",
        el: "Στραφείτε ώστε το φως να είναι ομοιόμορφο",
    }
    HeadUpright { en: "Hold your head upright", it: "Tieni la testa dritta", el: "Κρατήστε το κεφάλι όρθιο" }
    OneAtATime {
        en: "One person at a time, please",
        it: "Una persona alla volta, per favore",
        el: "Ένα άτομο κάθε φορά, παρακαλώ",
    }
    MaskIsFine { en: "Your mask is fine", it: "La mascherina va bene", el: "Η μάσκα δεν πειράζει" }
    MaskOff {
        en: "Take the mask off for a moment",
        it: "Togli la mascherina per un momento",
        el: "Βγάλτε τη μάσκα για μια στιγμή",
    }
    FaceIsSeen { en: "Your face is seen. One moment", it: "Il viso si vede. Un momento", el: "Το πρόσωπο φαίνεται. Μια στιγμή" }
    UseYourKey {
        en: "Touch your security key when it blinks",
        it: "Tocca la chiave di sicurezza quando lampeggia",
        el: "Αγγίξτε το κλειδί ασφαλείας όταν αναβοσβήνει",
    }
    CameraPicture {
        en: "What the camera sees. It is not stored.",
        it: "Ciò che vede la telecamera. Non viene salvato.",
        el: "Ό,τι βλέπει η κάμερα. Δεν αποθηκεύεται.",
    }
    Stop { en: "Stop", it: "Annulla", el: "Διακοπή" }
    Back { en: "Back", it: "Indietro", el: "Πίσω" }
    TryAgain { en: "Try again", it: "Riprova", el: "Ξανά" }
    NotSignedIn { en: "Not let in", it: "Accesso non riuscito", el: "Η είσοδος δεν έγινε" }
    Code { en: "For the help desk: {code}", it: "Per l’assistenza: {code}", el: "Για την υποστήριξη: {code}" }
    Busy {
        en: "Another sign-in is under way here. Wait a moment.",
        it: "Un altro accesso è in corso qui. Attendi un momento.",
        el: "Γίνεται ήδη άλλη σύνδεση εδώ. Περιμένετε λίγο.",
    }
    TryAgainOrOther {
        en: "Try again, or use another way below.",
        it: "Riprova, oppure usa un altro modo qui sotto.",
        el: "Προσπαθήστε ξανά ή χρησιμοποιήστε άλλον τρόπο παρακάτω.",
    }
    WhoAreYou {
        en: "Several phones are near. Who are you?",
        it: "Ci sono più telefoni vicini. Chi sei?",
        el: "Υπάρχουν πολλά κινητά κοντά. Ποιος είστε;",
    }
    KeyTitle {
        en: "Put your security key in and type its PIN",
        it: "Inserisci la chiave di sicurezza e digita il PIN",
        el: "Συνδέστε το κλειδί ασφαλείας και πληκτρολογήστε το PIN",
    }
    Pin { en: "PIN of the key", it: "PIN della chiave", el: "PIN του κλειδιού" }
    PinMayBeEmpty {
        en: "Leave it empty if the key reads your finger.",
        it: "Lascia vuoto se la chiave legge l’impronta.",
        el: "Αφήστε το κενό αν το κλειδί διαβάζει αποτύπωμα.",
    }
    Continue { en: "Continue", it: "Continua", el: "Συνέχεια" }
    EmergencyTitle {
        en: "Emergency access is recorded and reviewed",
        it: "L’accesso d’emergenza è registrato e verificato",
        el: "Η πρόσβαση ανάγκης καταγράφεται και ελέγχεται",
    }
    Username { en: "Your user name", it: "Il tuo nome utente", el: "Το όνομα χρήστη σας" }
    Reason { en: "The reason", it: "Il motivo", el: "Ο λόγος" }
    BothNeeded {
        en: "User name and reason are both needed.",
        it: "Servono sia il nome utente sia il motivo.",
        el: "Χρειάζονται και το όνομα χρήστη και ο λόγος.",
    }
    Open { en: "Open", it: "Apri", el: "Άνοιγμα" }
    Lock { en: "Lock", it: "Blocca", el: "Κλείδωμα" }
    SwitchUser { en: "Switch user", it: "Cambia utente", el: "Αλλαγή χρήστη" }
    SignOut { en: "Sign out", it: "Esci", el: "Αποσύνδεση" }
    Took { en: "Opened in {seconds} s", it: "Aperto in {seconds} s", el: "Άνοιξε σε {seconds} s" }
    LocksIn {
        en: "Locks in {seconds} s",
        it: "Si blocca tra {seconds} s",
        el: "Κλειδώνει σε {seconds} s",
    }
    AnyKeyStays {
        en: "Press any key to stay signed in",
        it: "Premi un tasto per continuare",
        el: "Πατήστε ένα πλήκτρο για να συνεχίσετε",
    }
    IAmHere { en: "I am here", it: "Sono qui", el: "Είμαι εδώ" }
    PhoneFar { en: "Your phone is far away.", it: "Il tuo telefono è lontano.", el: "Το κινητό σας είναι μακριά." }
    PhoneSilent {
        en: "Your phone is no longer heard.",
        it: "Il tuo telefono non si sente più.",
        el: "Το κινητό σας δεν ακούγεται πλέον.",
    }
    LinkLost {
        en: "The connection to your phone was lost.",
        it: "La connessione al tuo telefono è caduta.",
        el: "Η σύνδεση με το κινητό σας χάθηκε.",
    }
    Idle {
        en: "Nobody has touched anything for a while.",
        it: "Nessuno tocca nulla da un po’.",
        el: "Κανείς δεν έχει αγγίξει τίποτα εδώ και ώρα.",
    }
    NowAnother {
        en: "This is now the desktop of {name}",
        it: "Ora è la scrivania di {name}",
        el: "Τώρα εργάζεται εδώ: {name}",
    }
    BeforeThat {
        en: "A moment ago it was that of {name}. Not you? Press “Switch user”.",
        it: "Un momento fa era di {name}. Non sei tu? Premi «Cambia utente».",
        el: "Πριν λίγο ήταν: {name}. Δεν είστε εσείς; Πατήστε «Αλλαγή χρήστη».",
    }
    Offline { en: "OFFLINE", it: "FUORI LINEA", el: "ΕΚΤΟΣ ΣΥΝΔΕΣΗΣ" }
    OfflineMeans {
        en: "The server does not answer. Work goes on; messages that wait for it: {count}",
        it: "Il server non risponde. Il lavoro continua; messaggi in attesa: {count}",
        el: "Ο διακομιστής δεν απαντά. Η εργασία συνεχίζεται· σε αναμονή: {count}",
    }
    OfflineUntil {
        en: "Sign-in works here for {minutes} more minutes.",
        it: "Qui si accede ancora per {minutes} minuti.",
        el: "Η σύνδεση λειτουργεί εδώ για {minutes} λεπτά ακόμη.",
    }
    JournalRefused {
        en: "The server refuses what was decided here without it. Tell the help desk.",
        it: "Il server rifiuta ciò che è stato deciso qui senza di esso. Avvisa l’assistenza.",
        el: "Ο διακομιστής απορρίπτει όσα αποφασίστηκαν εδώ χωρίς αυτόν. Ενημερώστε την υποστήριξη.",
    }
    ClockOff {
        en: "This computer’s clock is {seconds} seconds wrong. Tell the help desk.",
        it: "L’orologio di questo computer è sbagliato di {seconds} secondi. Avvisa l’assistenza.",
        el: "Το ρολόι αυτού του υπολογιστή έχει απόκλιση {seconds} δευτερολέπτων. Ενημερώστε την υποστήριξη.",
    }
    RadioFails {
        en: "Bluetooth does not work here. Use a security key.",
        it: "Il Bluetooth qui non funziona. Usa una chiave di sicurezza.",
        el: "Το Bluetooth δεν λειτουργεί. Χρησιμοποιήστε κλειδί ασφαλείας.",
    }
    NotLocked {
        en: "The screen cannot be locked. Close what you have open and tell the help desk.",
        it: "Lo schermo non si blocca. Chiudi ciò che hai aperto e avvisa l’assistenza.",
        el: "Η οθόνη δεν κλειδώνει. Κλείστε ό,τι έχετε ανοιχτό και ενημερώστε την υποστήριξη.",
    }
    NotOpened {
        en: "You are signed in, and the screen does not open yet. It is tried again.",
        it: "L’accesso è riuscito, ma lo schermo non si apre ancora. Si riprova.",
        el: "Η σύνδεση έγινε, αλλά η οθόνη δεν ανοίγει ακόμη. Γίνεται νέα προσπάθεια.",
    }
    AgentAway {
        en: "This workstation is not ready",
        it: "Questa postazione non è pronta",
        el: "Αυτός ο σταθμός εργασίας δεν είναι έτοιμος",
    }
    AgentAwayMeans {
        en: "Its agent does not answer. This window tries again every second. If it takes longer than a minute, use another workstation and tell the help desk.",
        it: "Il suo agente non risponde. Questa finestra riprova ogni secondo. Se dura più di un minuto, usa un’altra postazione e avvisa l’assistenza.",
        el: "Ο πράκτοράς του δεν απαντά. Το παράθυρο ξαναδοκιμάζει κάθε δευτερόλεπτο. Αν διαρκέσει πάνω από ένα λεπτό, χρησιμοποιήστε άλλον σταθμό και ενημερώστε την υποστήριξη.",
    }
    Starting { en: "Starting", it: "Avvio in corso", el: "Εκκίνηση" }
    WindowTitle { en: "Sign-in", it: "Accesso", el: "Σύνδεση" }
    LanguageIs { en: "Language: {name}", it: "Lingua: {name}", el: "Γλώσσα: {name}" }
}
