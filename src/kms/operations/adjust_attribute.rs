//! Adjust Attribute (KMIP 2.1 section 6.1.3).

use super::super::attribute_change::{Changed, change};
use super::super::attribute_fault::AttributeFault;
use super::super::{Call, Error, Kms};
use crate::kmip::attributes::{Edit, SingleAttribute};
use crate::kmip::payloads::adjust_attribute::{Request, Response};

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let (id, reference) = (request.unique_identifier.as_ref(), &request.attribute_reference);
    let amount = request.adjustment_value.as_ref();
    let Changed { unique_identifier, .. } = change(kms, call, id, reference, None, |present| {
        let adjusted = |own: SingleAttribute| own.adjusted(request.adjustment_type, amount);
        let mut instances = present.instances(reference);
        match (instances.pop(), instances.len()) {
            (Some(only), 0) => Ok(Edit::Replace(0, adjusted(SingleAttribute::of(only)?)?)),
            (Some(_), _) => Err(AttributeFault::SeveralInstances(reference.clone()).into()),
            (None, _) => {
                let zero = SingleAttribute::zero(reference, amount);
                let zero = zero.ok_or_else(|| AttributeFault::NotFound(reference.clone()))?;
                Ok(Edit::Insert(adjusted(zero)?))
            }
        }
    })?;
    Ok(Response { unique_identifier })
}
