//! Set Attribute (KMIP 2.1 section 6.1.51).

use super::super::attribute_change::{Changed, change};
use super::super::attribute_fault::AttributeFault;
use super::super::{Call, Error, Kms};
use crate::kmip::attributes::Edit;
use crate::kmip::payloads::set_attribute::{Request, Response};

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let (id, new) = (request.unique_identifier.as_ref(), &request.new_attribute);
    let reference = new.reference();
    let Changed { unique_identifier, .. } =
        change(kms, call, id, &reference, Some(new), |present| match present.instances(&reference).len() {
            0 => Ok(Edit::Insert(new.clone())),
            1 => Ok(Edit::Replace(0, new.clone())),
            _ => Err(AttributeFault::SeveralInstances(reference.clone()).into()),
        })?;
    Ok(Response { unique_identifier })
}
