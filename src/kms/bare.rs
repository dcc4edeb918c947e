//! Operations that come without a KMIP message (Cosmian's dialect). They follow Cosmian's server where the standard
//! leaves a choice: a new object is Active at once unless the request says otherwise, a list of tags names the one
//! object that has them, and Revoke and Destroy affect both halves of a key pair if the request asks for it.

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

/// The first character of a list of tags; no identifier begins with it.
const LIST: char = '[';

/// Number of objects that a search reads before it counts as a long one.
const FIRST: usize = 16;

/// Tags that Cosmian's server gives each object by its type. Here they mean the object type, so that the halves of a
/// pair can be distinguished.
const TYPES: [(&str, ObjectType); 3] =
    [("_kk", ObjectType::SymmetricKey), ("_sk", ObjectType::PrivateKey), ("_pk", ObjectType::PublicKey)];

/// Removes the tags that mean an object type, and returns that type. If two of them contradict each other, the second
/// one stays in the list; no object has it.
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
    /// See [`Error`]. If both halves of a pair are affected, nothing is done unless the caller may do it with both and
    /// the state of both permits it. If the call fails in between, the same request completes it.
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

    /// Replaces a list of tags by the identifier of the object that has them. Later changes of tags do not matter for
    /// this call.
    fn name_by_tags(&self, call: &Call<'_>, request: &mut Request) -> Result<(), Error> {
        let Some(named) = request.named_mut() else { return Ok(()) };
        let Some(text) = named.as_text().filter(|text| text.starts_with(LIST)) else { return Ok(()) };
        let id = self.tagged(call, text)?;
        *named = UniqueIdentifier::Text(id);
        Ok(())
    }

    /// The one object that has all of these tags, among those that the caller or a project of the caller owns; if there
    /// is none, among those that the caller may know of. In this way, a grant by another user cannot make the caller's
    /// own objects ambiguous. Destroyed objects do not count.
    fn tagged(&self, call: &Call<'_>, text: &str) -> Result<String, Error> {
        let mut tags = tags_of(text).map_err(|error| error.within(Tag::UniqueIdentifier))?;
        let object_type = take_type(&mut tags);
        if tags.is_empty() {
            return Err(Error::Invalid { tag: Tag::UniqueIdentifier, fault: "a list of tags must name at least one" });
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

    /// Checks that the object has the expected type. If `cascades`, performs the request first on the other half of its
    /// pair.
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
                    // A half that was revoked or destroyed before needs no second revocation.
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
