//! Modify Attribute (KMIP 2.1 section 6.1.34).

use super::super::attribute_change::{Changed, Named, change};
use super::super::attribute_fault::AttributeFault;
use super::super::{Call, Error, Kms};
use crate::kmip::attributes::Edit;
use crate::kmip::payloads::modify_attribute::{Request, Response};

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let (id, new) = (request.unique_identifier.as_ref(), &request.new_attribute);
    let reference = new.reference();
    let named = Named { current: request.current_attribute.as_ref(), index: request.attribute_index };
    let Changed { unique_identifier, instance } = change(kms, call, id, &reference, Some(new), |present| {
        let index = match named.find(present, &reference)? {
            Some(index) => index,
            None if present.instances(&reference).len() == 1 => 0,
            None => return Err(AttributeFault::NoInstanceNamed(reference.clone()).into()),
        };
        Ok(Edit::Replace(index, new.clone()))
    })?;
    Ok(Response { unique_identifier, instance })
}
