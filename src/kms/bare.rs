//! Operations that come without a message. The servers of that dialect do what the standard leaves open: what is added is Active at
//! once unless the request says otherwise, a list of tags names the one object that has them, and an end reaches both halves of a
//! pair where the request says so.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::call::Call;
use super::context::Context;
use super::error::Error;
use super::gate::{End, Kms, Whose};
use super::object::{Object, is_destroyed};
use super::operation::Operation;
use super::operations::locate;
use crate::kmip::attributes::tags_of;
use crate::kmip::bare;
use crate::kmip::enumerations::{ObjectType, State};
use crate::kmip::payloads::{Request, Response};
use crate::kmip::state::{self, Refusal};
use crate::kmip::{Tag, UniqueIdentifier};
use crate::store::search::{Search, Start};

/// What begins a list of tags, and no identifier.
const LIST: char = '[';

/// Objects that are looked at before a search counts as a long one.
const FIRST: usize = 16;

/// Tags that those servers give each object by its type. Here they say the type, so that the halves of a pair can be told apart.
const TYPES: [(&str, ObjectType); 3] =
    [("_kk", ObjectType::SymmetricKey), ("_sk", ObjectType::PrivateKey), ("_pk", ObjectType::PublicKey)];

/// Takes the tags out that say a type; the type, if there is one. Of two that contradict each other one stays, which no object has.
fn take_type(tags: &mut Vec<String>) -> Option<ObjectType> {
    let mut taken = None;
    tags.retain(|tag| match TYPES.iter().find(|(own, _)| own == tag) {
        Some((_, kind)) if taken.is_none_or(|taken| taken == *kind) => {
            taken = Some(*kind);
            false
        }
        _ => true,
    });
    taken
}

impl Kms {
    /// Performs an operation that came without a message.
    ///
    /// # Errors
    /// See [`Error`]. Where both halves of a pair are ended, neither is before the caller may do so with each and the state of
    /// each permits it; what it did not come to is done when it is asked again.
    pub fn execute_bare(&self, context: &Context<'_>, operation: bare::Operation) -> Result<Response, Error> {
        let bare::Operation { mut request, cascades, expected_type, .. } = operation;
        let kmip = Operation::Kmip(request.operation());
        let call = Call { is_bare: true, ..Call::new(context, kmip) };
        self.recorded(&call, || {
            self.name_by_tags(&call, &mut request)?;
            if cascades || expected_type.is_some() {
                self.prepare_end(&call, &request, cascades, expected_type)?;
            }
            self.perform(&call, request)
        })
    }

    /// Puts an object's identifier in the place of a list of its tags. From here on the object is named, whatever becomes of tags.
    fn name_by_tags(&self, call: &Call<'_>, request: &mut Request) -> Result<(), Error> {
        let Some(named) = request.named_mut() else { return Ok(()) };
        let Some(text) = named.as_text().filter(|text| text.starts_with(LIST)) else { return Ok(()) };
        let id = self.tagged(call, text)?;
        *named = UniqueIdentifier::Text(id);
        Ok(())
    }

    /// The one object that has all of these tags, among those that the caller holds; if they hold none, among those that they may
    /// know of. Any caller can grant others an object of any tag, and must not come in the way of their own. What was destroyed
    /// does not count.
    fn tagged(&self, call: &Call<'_>, text: &str) -> Result<String, Error> {
        let mut tags = tags_of(text).map_err(|error| error.within(Tag::UniqueIdentifier))?;
        let object_type = take_type(&mut tags);
        if tags.is_empty() {
            return Err(Error::Invalid { tag: Tag::UniqueIdentifier, fault: "a list of tags names at least one" });
        }
        let grant = self.searching(call)?;
        let code = object_type.map(|kind| i64::from(kind.code()));
        let search = Search { now: call.now.0, tags, object_type: code, ..Search::default() };
        let not_one = || Error::NotTagged(text.to_owned());
        for whose in [Whose::Held, Whose::Reachable] {
            let mut found = Vec::new();
            let walked = grant.walk(whose, &search, Start::default(), FIRST, |id| {
                // The search tables are not bound; the object is.
                let object = self.sighted(call, id)?;
                let counts = |object: &Arc<Object>| {
                    !is_destroyed(object.attributes.state)
                        && locate::holds_tags(&object.attributes, &search.tags)
                        && (object_type.is_none() || object_type == object.attributes.object_type)
                };
                found.extend(object.filter(counts).map(|object| object.id.clone()));
                Ok(if found.len() > 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?;
            match (found.pop(), found.pop(), walked.end) {
                (Some(only), None, End::Last) => return Ok(only),
                (None, _, End::Last) => {}
                _ => return Err(not_one()),
            }
        }
        Err(not_one())
    }

    /// Before an object is ended: whether it is what the request expects; and ends the other half of its pair.
    fn prepare_end(
        &self,
        call: &Call<'_>,
        request: &Request,
        cascades: bool,
        expected: Option<ObjectType>,
    ) -> Result<(), Error> {
        let Some(id) = request.named().and_then(|named| named.as_text().map(str::to_owned)) else { return Ok(()) };
        let object = self.foresee(call, &id)?;
        if expected.is_some_and(|expected| object.attributes.object_type != Some(expected)) {
            return Err(Error::Invalid { tag: Tag::ObjectType, fault: "the object is not of the ExpectedObjectType" });
        }
        let other = if cascades { self.other_half(call, &object)? } else { None };
        let Some(other) = other else { return Ok(()) };
        let is_due = match request {
            Request::Revoke(request) => {
                state::revoke(object.state(call.now), request.revocation_reason.code)?;
                match state::revoke(other.state(call.now), request.revocation_reason.code) {
                    Ok(_) => true,
                    // One that has ended already needs no second end.
                    Err(Refusal::State(state)) if !matches!(state, State::PreActive) => false,
                    Err(refusal) => return Err(refusal.into()),
                }
            }
            Request::Destroy(_) => {
                state::destroy(object.state(call.now))?;
                let is_gone = is_destroyed(Some(other.state(call.now)));
                if !is_gone {
                    state::destroy(other.state(call.now))?;
                }
                !is_gone
            }
            _ => false,
        };
        if !is_due {
            return Ok(());
        }
        let (call, mut of_other) = (Call::new(&call.context, call.operation), request.clone());
        if let Some(named) = of_other.named_mut() {
            *named = UniqueIdentifier::Text(other.id.clone());
        }
        self.recorded(&call, || self.perform(&call, of_other)).map(drop)
    }
}
