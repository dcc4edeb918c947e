//! Add Attribute (KMIP 2.1 section 6.1.2).

use super::super::attribute_change::{Changed, change};
use super::super::attribute_fault::AttributeFault;
use super::super::{Call, Error, Kms};
use crate::kmip::attributes::{Edit, has_several};
use crate::kmip::payloads::add_attribute::{Request, Response};

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let (id, new) = (request.unique_identifier.as_ref(), &request.new_attribute);
    let reference = new.reference();
    let Changed { unique_identifier, instance } = change(kms, call, id, &reference, Some(new), |present| {
        if !has_several(new.item().tag) && !present.instances(&reference).is_empty() {
            return Err(AttributeFault::SingleValued(reference.clone()).into());
        }
        Ok(Edit::Insert(new.clone()))
    })?;
    Ok(Response { unique_identifier, instance })
}
