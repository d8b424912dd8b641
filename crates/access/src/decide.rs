//! The decision.
use cedar_policy::{Authorizer, Decision as Verdict, Entities, Request};

use crate::caller::{Caller, Circumstances, Subject};
use crate::load::{Access, Action};
use crate::place;

/// Whether somebody may do something, and which policies said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether she may.
    pub allowed: bool,
    /// The names of the policies that decided, in order. None: no policy permits it.
    pub policies: Vec<String>,
    /// What a policy that forbids it advises (`@advice`).
    pub advice: Option<String>,
}

impl Decision {
    const NOTHING: Self = Self { allowed: false, policies: vec![], advice: None };
}

impl Access {
    /// Decides. What is unknown, and whatever cannot be evaluated, is not allowed.
    pub fn decide(
        &self,
        caller: &Caller,
        operation: &str,
        subject: &Subject,
        circumstances: &Circumstances,
    ) -> Decision {
        let Some(action) = self.actions.get(operation) else { return Decision::NOTHING };
        if !action.callers.contains(&caller.kind()) {
            return Decision::NOTHING;
        }
        self.ask(caller, action, subject, circumstances).unwrap_or(Decision::NOTHING)
    }

    fn ask(
        &self,
        caller: &Caller,
        action: &Action,
        subject: &Subject,
        circumstances: &Circumstances,
    ) -> Option<Decision> {
        let (principal, resource) = (self.names.caller(caller)?, self.names.subject(subject)?);
        let context = place::context(circumstances)?;
        let names = (principal.uid(), action.entity.uid(), resource.uid());
        let request = Request::new(names.0, names.1, names.2, context, None).ok()?;
        // A person who asks about herself is one entity.
        let resource = (resource.uid() != principal.uid()).then_some(resource);
        let entities = [Some(principal), Some(action.entity.clone()), resource];
        let entities = Entities::from_entities(entities.into_iter().flatten(), None).ok()?;
        let response = Authorizer::new().is_authorized(&request, &action.policies, &entities);
        let diagnostics = response.diagnostics();
        // A policy that could not be evaluated may have been one that forbids.
        if diagnostics.errors().next().is_some() {
            return None;
        }
        let mut deciders: Vec<_> = diagnostics.reason().collect();
        deciders.sort_unstable();
        let allowed = response.decision() == Verdict::Allow;
        let advice = deciders.iter().find_map(|policy| self.advice(policy)).cloned();
        Some(Decision {
            allowed,
            policies: deciders.iter().map(ToString::to_string).collect(),
            advice: advice.filter(|_| !allowed),
        })
    }
}
