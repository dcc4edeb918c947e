//! Objects as the items of a message leave them that is committed as a whole, before the commit.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::error::Error;
use super::object::Object;

/// The objects that such a message has added or changed so far, by identifier; none for every other call.
#[derive(Clone, Default)]
pub(super) struct Uncommitted(Option<Rc<RefCell<Objects>>>);

#[derive(Default)]
struct Objects {
    present: HashMap<String, Arc<Object>>,
    /// Those whose key is new, and has no rows yet.
    unkeyed: HashSet<String>,
}

impl Uncommitted {
    /// The objects of a message that is committed as a whole.
    pub(super) fn of_message() -> Self {
        Self(Some(Rc::default()))
    }

    /// Whether the message is committed as a whole.
    pub(super) fn is_of_message(&self) -> bool {
        self.0.is_some()
    }

    /// Notes an object that was added or changed. `is_new` says whether its key is a new one.
    pub(super) fn note(&self, object: &Arc<Object>, is_new: bool) {
        if let Some(objects) = &self.0 {
            let mut objects = objects.borrow_mut();
            objects.present.insert(object.id.clone(), Arc::clone(object));
            if is_new {
                objects.unkeyed.insert(object.id.clone());
            }
        }
    }

    /// The object, if the message has added or changed it.
    pub(super) fn get(&self, id: &str) -> Option<Arc<Object>> {
        self.0.as_ref()?.borrow().present.get(id).cloned()
    }

    /// Refuses to use or read an object whose key the message has made: what belongs to the key is not in the database
    /// yet.
    pub(super) fn check_keyed(&self, id: &str) -> Result<(), Error> {
        match &self.0 {
            Some(objects) if objects.borrow().unkeyed.contains(id) => Err(Error::Feature(
                "an object that an earlier item of the message adds or replaces is used only after the message: send another one",
            )),
            _ => Ok(()),
        }
    }

    /// Whether the message has added or changed objects.
    pub(super) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|objects| objects.borrow().present.is_empty())
    }
}
