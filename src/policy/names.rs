//! The names of an object that the resource patterns of policies are matched against.

use super::resource::Resource;

/// The names of an object that the resource patterns of policies are matched against.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The names by which every policy knows the object.
    pub(super) own: Vec<String>,
    /// The names by which only a deny knows it also: those of a replacement and of the keys that it replaces, except
    /// the first. An allow does not match them; otherwise a caller who replaces a key could choose an identifier that
    /// gives rights.
    pub(super) denied: Vec<String>,
}

impl Names {
    /// The names of an object. A replacement is known by the identifier of the first key of its chain.
    pub(super) fn of(resource: &Resource<'_>) -> Self {
        let mut ids = resource.properties.formers();
        ids.push(resource.id.to_owned());
        let mut ids = ids.iter();
        let first = ids.next().map_or(resource.id, String::as_str);
        let mut own = of_identifier(first, resource.project);
        own.extend(resource.properties.tags().into_iter().map(|tag| format!("tags/{tag}")));
        Self { own, denied: ids.flat_map(|id| of_identifier(id, resource.project)).collect() }
    }
}

/// The names that contain the identifier.
pub(super) fn of_identifier(id: &str, project: Option<&str>) -> Vec<String> {
    let mut names = vec![format!("objects/{id}")];
    names.extend(project.map(|project| format!("projects/{project}/{id}")));
    names
}
