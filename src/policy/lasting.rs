//! The identifiers of replaced keys by which policies go on to know the replacement.

use super::model::Policy;
use super::names::of_identifier;

impl Policy {
    /// The identifiers of replaced keys by which the object `id`, which replaces them, must stay known: the first one,
    /// and each by which a policy denies something that it would not deny otherwise. The result has their order.
    #[must_use]
    pub fn lasting(&self, formers: Vec<String>, id: &str, project: Option<&str>) -> Vec<String> {
        let mut known = of_identifier(id, project);
        known.extend(formers.first().into_iter().flat_map(|first| of_identifier(first, project)));
        let mut lasting = Vec::new();
        for (number, former) in formers.into_iter().enumerate() {
            let own = of_identifier(&former, project);
            if number == 0 || self.roles.values().any(|role| role.denies_only(&own, &known)) {
                lasting.push(former);
            }
        }
        lasting
    }
}
