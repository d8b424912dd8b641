//! Why somebody was not let in, and what to do now: the same in three languages. The English is that of `imp-identity`.
use imp_identity::Refusal;
use imp_identity::refusal::Abandonment;

use super::Language;

/// What the server's refusal means, and what to do now.
pub(crate) const fn refused(reason: Refusal, language: Language) -> &'static str {
    match language {
        Language::English => reason.explain(),
        Language::Italian => italian(reason),
        Language::Greek => greek(reason),
    }
}

/// Why the workstation gave up, and what to do now.
pub(crate) const fn abandoned(reason: Abandonment, language: Language) -> &'static str {
    match language {
        Language::English => reason.explain(),
        Language::Italian => abandoned_italian(reason),
        Language::Greek => abandoned_greek(reason),
    }
}

const fn italian(reason: Refusal) -> &'static str {
    match reason {
        Refusal::ChallengeUnknown => {
            "La postazione ha risposto a una domanda che questo server non ha mai fatto. Riprova."
        }
        Refusal::ChallengeUsed => {
            "Questa risposta è già stata usata. Una risposta registrata non vale due volte."
        }
        Refusal::ChallengeExpired => "Ci è voluto troppo tempo. Riprova.",
        Refusal::WrongWorkstation => "Il telefono ha risposto a un’altra postazione. Riprova qui.",
        Refusal::ExporterMismatch => {
            "Qualcosa si trova tra il telefono e la postazione. Riprova vicino allo schermo; la sicurezza è stata avvisata."
        }
        Refusal::ReferenceMismatch => {
            "Il modello del viso su questo telefono non è quello registrato. Vai all’ufficio registrazioni."
        }
        Refusal::ReferenceRevoked => {
            "La registrazione su questo telefono non è più valida. Vai all’ufficio registrazioni."
        }
        Refusal::ReferenceExpired => {
            "La registrazione su questo telefono è scaduta. Vai all’ufficio registrazioni."
        }
        Refusal::ComparisonFailed => {
            "Il viso non corrisponde al proprietario di questo telefono. Guarda dritto la telecamera e riprova."
        }
        Refusal::PresentationAttack => {
            "La telecamera non ha visto un viso reale. Guarda dritto la telecamera con luce uniforme e riprova."
        }
        Refusal::UserDisabled => {
            "Questo account è disattivato. Chiedi al responsabile o all’assistenza."
        }
        Refusal::PhoneUnknown => {
            "Questo telefono non appartiene a nessuno qui. Vai all’ufficio registrazioni."
        }
        Refusal::PhoneRevoked => "Questo telefono è stato revocato. Vai all’ufficio registrazioni.",
        Refusal::WorkstationRevoked => "Questa postazione è fuori servizio. Usane un’altra.",
        Refusal::StatementInvalid => {
            "La firma del telefono non è valida. Vai all’ufficio registrazioni."
        }
        Refusal::EvidenceInvalid => "La firma della postazione non è valida. Avvisa l’assistenza.",
        Refusal::PurposeMismatch => {
            "Il telefono ha confermato una cosa diversa da quella richiesta. Riprova."
        }
        Refusal::ClockSkew => {
            "L’orologio del telefono è sbagliato. Impostalo sull’ora di rete e riprova."
        }
        Refusal::ModelSetRefused => {
            "Il riconoscimento del viso di questa postazione non è ammesso dall’ospedale. Avvisa l’assistenza."
        }
        Refusal::PolicyRole => "Il tuo ruolo non può accedere a questa postazione.",
        Refusal::PolicyPlace => {
            "Il personale della tua unità non può accedere a questa postazione."
        }
        Refusal::PolicyHour => "A quest’ora qui l’accesso non è consentito.",
        Refusal::PolicyPurpose => "Questo non è consentito a questa postazione.",
        Refusal::TooManyAttempts => {
            "Troppi tentativi falliti. Attendi un po’ e riprova, oppure usa la chiave di sicurezza."
        }
        Refusal::BiometricDisabled => {
            "Dopo troppi errori il riconoscimento del viso è disattivato per questo account. Vai all’ufficio registrazioni."
        }
        Refusal::NoSession => "Non c’è una tua sessione da riprendere. Accedi.",
        Refusal::OneFactorInsufficient => {
            "Qui e ora un solo fattore non basta. Usa il viso, oppure la chiave di sicurezza con il PIN."
        }
    }
}

const fn greek(reason: Refusal) -> &'static str {
    match reason {
        Refusal::ChallengeUnknown => {
            "Ο σταθμός απάντησε σε ερώτηση που αυτός ο διακομιστής δεν έθεσε ποτέ. Προσπαθήστε ξανά."
        }
        Refusal::ChallengeUsed => {
            "Αυτή η απάντηση έχει ήδη χρησιμοποιηθεί. Μια καταγεγραμμένη απάντηση δεν μετρά δύο φορές."
        }
        Refusal::ChallengeExpired => "Πέρασε πολλή ώρα. Προσπαθήστε ξανά.",
        Refusal::WrongWorkstation => "Το κινητό απάντησε σε άλλον σταθμό. Προσπαθήστε ξανά εδώ.",
        Refusal::ExporterMismatch => {
            "Κάτι παρεμβάλλεται ανάμεσα στο κινητό και τον σταθμό. Προσπαθήστε ξανά κοντά στην οθόνη· η ασφάλεια ειδοποιήθηκε."
        }
        Refusal::ReferenceMismatch => {
            "Το πρότυπο προσώπου σε αυτό το κινητό δεν είναι το εγγεγραμμένο. Πηγαίνετε στο γραφείο εγγραφών."
        }
        Refusal::ReferenceRevoked => {
            "Η εγγραφή σε αυτό το κινητό δεν ισχύει πλέον. Πηγαίνετε στο γραφείο εγγραφών."
        }
        Refusal::ReferenceExpired => {
            "Η εγγραφή σε αυτό το κινητό έληξε. Πηγαίνετε στο γραφείο εγγραφών."
        }
        Refusal::ComparisonFailed => {
            "Το πρόσωπο δεν ταιριάζει με τον κάτοχο του κινητού. Κοιτάξτε ίσια την κάμερα και προσπαθήστε ξανά."
        }
        Refusal::PresentationAttack => {
            "Η κάμερα δεν είδε ζωντανό πρόσωπο. Κοιτάξτε ίσια την κάμερα με ομοιόμορφο φως και προσπαθήστε ξανά."
        }
        Refusal::UserDisabled => {
            "Αυτός ο λογαριασμός είναι απενεργοποιημένος. Ρωτήστε τον προϊστάμενο ή την υποστήριξη."
        }
        Refusal::PhoneUnknown => {
            "Αυτό το κινητό δεν ανήκει σε κανέναν εδώ. Πηγαίνετε στο γραφείο εγγραφών."
        }
        Refusal::PhoneRevoked => "Αυτό το κινητό ανακλήθηκε. Πηγαίνετε στο γραφείο εγγραφών.",
        Refusal::WorkstationRevoked => "Αυτός ο σταθμός αποσύρθηκε. Χρησιμοποιήστε άλλον.",
        Refusal::StatementInvalid => {
            "Η υπογραφή του κινητού δεν επαληθεύεται. Πηγαίνετε στο γραφείο εγγραφών."
        }
        Refusal::EvidenceInvalid => {
            "Η υπογραφή του σταθμού δεν επαληθεύεται. Ενημερώστε την υποστήριξη."
        }
        Refusal::PurposeMismatch => {
            "Το κινητό επιβεβαίωσε κάτι άλλο από αυτό που ζητήθηκε. Προσπαθήστε ξανά."
        }
        Refusal::ClockSkew => {
            "Το ρολόι του κινητού είναι λάθος. Ρυθμίστε το στην ώρα δικτύου και προσπαθήστε ξανά."
        }
        Refusal::ModelSetRefused => {
            "Η αναγνώριση προσώπου αυτού του σταθμού δεν επιτρέπεται από το νοσοκομείο. Ενημερώστε την υποστήριξη."
        }
        Refusal::PolicyRole => "Ο ρόλος σας δεν επιτρέπεται να συνδεθεί σε αυτόν τον σταθμό.",
        Refusal::PolicyPlace => {
            "Το προσωπικό της μονάδας σας δεν επιτρέπεται να συνδεθεί σε αυτόν τον σταθμό."
        }
        Refusal::PolicyHour => "Αυτή την ώρα δεν επιτρέπεται σύνδεση εδώ.",
        Refusal::PolicyPurpose => "Αυτό δεν επιτρέπεται σε αυτόν τον σταθμό.",
        Refusal::TooManyAttempts => {
            "Πολλές αποτυχημένες προσπάθειες. Περιμένετε λίγο και προσπαθήστε ξανά ή χρησιμοποιήστε το κλειδί ασφαλείας."
        }
        Refusal::BiometricDisabled => {
            "Η αναγνώριση προσώπου απενεργοποιήθηκε για αυτόν τον λογαριασμό μετά από πολλές αποτυχίες. Πηγαίνετε στο γραφείο εγγραφών."
        }
        Refusal::NoSession => "Δεν υπάρχει δική σας συνεδρία για να συνεχιστεί. Συνδεθείτε.",
        Refusal::OneFactorInsufficient => {
            "Ένας παράγοντας δεν αρκεί εδώ και τώρα. Χρησιμοποιήστε το πρόσωπό σας ή το κλειδί ασφαλείας με το PIN του."
        }
    }
}

const fn abandoned_italian(reason: Abandonment) -> &'static str {
    match reason {
        Abandonment::NoPhone => {
            "Non c’è vicino un telefono noto a questo ospedale. Avvicina il telefono e accendi il Bluetooth."
        }
        Abandonment::PhoneUnreachable => "Il telefono non ha risposto. Avvicinalo e riprova.",
        Abandonment::PhoneUntrusted => {
            "Questo telefono non può dimostrare di appartenere a questo ospedale. Vai all’ufficio registrazioni."
        }
        Abandonment::PhoneDeclined => {
            "Il telefono ha rifiutato. Apri la sua app per vedere perché."
        }
        Abandonment::PhoneProtocol => {
            "Il telefono ha inviato qualcosa di incomprensibile. Aggiorna la sua app."
        }
        Abandonment::ReferenceOutdated => {
            "La registrazione su questo telefono precede un cambiamento del riconoscimento del viso. Ripeti la registrazione all’ufficio registrazioni."
        }
        Abandonment::Camera => "La telecamera non dà immagini. Avvisa l’assistenza.",
        Abandonment::NoFace => {
            "Nessun viso nell’immagine. Mettiti davanti alla telecamera e riprova."
        }
        Abandonment::SeveralFaces => {
            "Più visi nell’immagine. Una sola persona davanti alla telecamera, poi riprova."
        }
        Abandonment::PoorQuality => {
            "Il viso non si vedeva abbastanza bene. Avvicinati, guarda la telecamera e riprova."
        }
        Abandonment::Timeout => "Il server non ha risposto in tempo. Riprova.",
        Abandonment::Cancelled => "Annullato.",
    }
}

const fn abandoned_greek(reason: Abandonment) -> &'static str {
    match reason {
        Abandonment::NoPhone => {
            "Δεν υπάρχει κοντά κινητό που γνωρίζει αυτό το νοσοκομείο. Φέρτε το κινητό πιο κοντά και ανοίξτε το Bluetooth."
        }
        Abandonment::PhoneUnreachable => {
            "Το κινητό δεν απάντησε. Φέρτε το πιο κοντά και προσπαθήστε ξανά."
        }
        Abandonment::PhoneUntrusted => {
            "Αυτό το κινητό δεν μπορεί να αποδείξει ότι ανήκει σε αυτό το νοσοκομείο. Πηγαίνετε στο γραφείο εγγραφών."
        }
        Abandonment::PhoneDeclined => {
            "Το κινητό αρνήθηκε. Ανοίξτε την εφαρμογή του για να δείτε γιατί."
        }
        Abandonment::PhoneProtocol => {
            "Το κινητό έστειλε κάτι ακατανόητο. Ενημερώστε την εφαρμογή του."
        }
        Abandonment::ReferenceOutdated => {
            "Η εγγραφή σε αυτό το κινητό είναι παλαιότερη από μια αλλαγή της αναγνώρισης προσώπου. Εγγραφείτε ξανά στο γραφείο εγγραφών."
        }
        Abandonment::Camera => "Η κάμερα δεν δίνει εικόνα. Ενημερώστε την υποστήριξη.",
        Abandonment::NoFace => {
            "Δεν υπάρχει πρόσωπο στην εικόνα. Σταθείτε μπροστά στην κάμερα και προσπαθήστε ξανά."
        }
        Abandonment::SeveralFaces => {
            "Υπάρχουν πολλά πρόσωπα στην εικόνα. Ένα άτομο μπροστά στην κάμερα και προσπαθήστε ξανά."
        }
        Abandonment::PoorQuality => {
            "Το πρόσωπο δεν φαινόταν αρκετά καλά. Ελάτε πιο κοντά, κοιτάξτε την κάμερα και προσπαθήστε ξανά."
        }
        Abandonment::Timeout => "Ο διακομιστής δεν απάντησε εγκαίρως. Προσπαθήστε ξανά.",
        Abandonment::Cancelled => "Διακόπηκε.",
    }
}
