//! What objects are called: attributes that say what a key is for and decide nothing (Modify Attribute, KMIP 2.1 section 6.1.34).

use super::operation::Operation;
use super::{Call, Context, Error, Kms, secret_path};
use crate::kmip::attributes::Name;
use crate::kmip::enumerations::Operation as Kmip;

impl Kms {
    /// Gives an object another name or description; `None` leaves it as it is.
    ///
    /// # Errors
    /// The caller may not, or a text is longer than an attribute's may be.
    pub fn describe(
        &self,
        context: &Context<'_>,
        id: &str,
        name: Option<&str>,
        description: Option<&str>,
    ) -> Result<(), Error> {
        let call = Call::new(context, Operation::Kmip(Kmip::ModifyAttribute));
        self.recorded(&call, || {
            let grant = self.authorize(&call, Kmip::ModifyAttribute, Some(&id.into()))?.undestroyed()?;
            // A secret's name is its path.
            if secret_path::last_number(&grant.object().attributes).is_some() {
                return Err(Error::ASecret);
            }
            grant.change(|present, attributes| {
                if let Some(name) = name {
                    attributes.names = vec![Name::text(name)];
                }
                if let Some(description) = description {
                    attributes.description = (!description.is_empty()).then(|| description.to_owned());
                }
                *attributes = attributes.overridden(None)?;
                if name.is_some() {
                    attributes.check_names()?;
                }
                grant.check_outcome(present, attributes)
            })
        })
    }
}
