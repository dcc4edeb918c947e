//! Objects as the items of a message leave them that is committed as a whole, before the commit.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::object::Object;

/// The objects that such a message has added or changed so far, by identifier; none for every other call.
#[derive(Clone, Default)]
pub(super) struct Uncommitted(Option<Rc<RefCell<Objects>>>);

type Objects = HashMap<String, Arc<Object>>;

impl Uncommitted {
    /// The objects of a message that is committed as a whole.
    pub(super) fn of_message() -> Self {
        Self(Some(Rc::default()))
    }

    /// Notes an object that was added or changed.
    pub(super) fn note(&self, object: &Arc<Object>) {
        if let Some(objects) = &self.0 {
            objects.borrow_mut().insert(object.id.clone(), Arc::clone(object));
        }
    }

    /// The object, if the message has added or changed it.
    pub(super) fn get(&self, id: &str) -> Option<Arc<Object>> {
        self.0.as_ref()?.borrow().get(id).cloned()
    }

    /// Whether the message has added or changed objects.
    pub(super) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|objects| objects.borrow().is_empty())
    }
}
