//! Delete Attribute (KMIP 2.1 section 6.1.13).

use super::super::attribute_change::{Changed, Named, change};
use super::super::{Call, Error, Kms};
use crate::kmip::Tag;
use crate::kmip::attributes::{Edit, SingleAttribute};
use crate::kmip::payloads::delete_attribute::{Request, Response};

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let id = request.unique_identifier.as_ref();
    let current = request.current_attribute.as_ref();
    let reference = request.attribute_reference.or_else(|| current.map(SingleAttribute::reference));
    let reference = reference.ok_or(Error::Missing(Tag::AttributeReference))?;
    let named = Named { current, index: request.attribute_index };
    let Changed { unique_identifier, instance } = change(kms, call, id, &reference, None, |present| {
        Ok(match named.find(present, &reference)? {
            Some(index) => Edit::Remove(reference.clone(), index),
            None => Edit::RemoveAll(reference.clone()),
        })
    })?;
    Ok(Response { unique_identifier, instance })
}
