//! Reviewing the log: searching, timelines, proofs, saved searches and cases. Every read is itself an entry, and what
//! would show when somebody was at work is refused ([`imp_events::attendance`]).
mod ask;
mod case_file;
mod cases;
mod export;
mod known_names;
mod prove;
mod resolve;
mod saved_searches;
mod search;
mod timeline;

pub use ask::{AskError, Begun, begin_reading, permit_question, record_reading};
pub use case_file::{CaseFile, ReadCaseError, read_case};
pub use cases::{
    CaseChange, ChangeCaseError, OpenCase, change_case, find_case, list_cases, open_case,
};
pub use export::{ExportLog, LogExport, Piece, export_log};
pub use known_names::KnownNames;
pub use prove::{ProveError, Proven, prove_entries, prove_entry};
pub use resolve::{ResolveError, resolve_case, resolve_person, resolve_workstation};
pub use saved_searches::{
    RemoveSearchError, SaveSearch, SaveSearchError, find_search, list_searches, remove_search,
    save_search,
};
pub use search::{Paging, Reviewed, SearchPage, read_page, search_events};
pub use timeline::{Group, Subject, Timeline, TimelineQuestion, read_timeline};
