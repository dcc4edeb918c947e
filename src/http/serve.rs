//! The steps of a request: checks of its host and origin, the route, a place at the front desk, authentication, the
//! body, and then the handler.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Handle;
use warp::http::StatusCode;

use super::anonymous_request::AnonymousRequest;
use super::answer::{Answer, Weight};
use super::app::App;
use super::caller_request::{CallerRequest, Parameters};
use super::fields::Fields;
use super::head::Head;
use super::incoming::Incoming;
use super::problem::Problem;
use super::route::{Handler, Route};
use super::{request, routes};
use crate::auth::{Authorization, DECISION_STANDS, Known, network};
use crate::desk::{self, Admission, Full, Refused, Ticket, Who};
use crate::kms::{self, Context, NotKnown, Way};
use crate::metrics;
use crate::principal;

/// A request that is being served.
pub(super) struct Request {
    pub(super) app: Arc<App>,
    pub(super) head: Arc<Head>,
    pub(super) ticket: Arc<Ticket>,
    pub(super) measured: metrics::Request,
}

/// The data of a request that is known before its body is read.
struct Found {
    route: &'static Route,
    handler: Handler,
    parameters: Parameters,
    query: Fields,
    began: Instant,
}

/// Answers a request.
pub(super) async fn serve(request: &Arc<Request>, body: &mut Incoming) -> Result<Answer, Problem> {
    let Request { app, head, measured, .. } = &**request;
    request::check_host(head.version, head.uri.authority(), &head.headers, head.peer.tls)
        .map_err(|fault| Problem::new(StatusCode::BAD_REQUEST, fault))?;
    request::refuse_foreign_page(head)?;
    if app.loopback && !app.authenticator.authenticates() {
        request::require_loopback_name(head.host().as_ref())?;
    }
    let (route, parameters) = routes::find(head.api, &head.method, head.path())?;
    head.api.count(route, measured);
    let query = Fields::parse(head.uri.query().unwrap_or_default())?;
    query.check(route.query).map_err(|error| Problem::new(head.api.fault, error.to_string()))?;
    let handler = route.handler.for_request(head.presented().authorization);
    if let Handler::AtOnce(handler) = handler {
        return handler(app);
    }
    let found = Found { route, handler, parameters, query, began: Instant::now() };
    // In a box, because the future is moved several times before it is polled.
    Box::pin(request.ask(body, found)).await
}

impl App {
    /// Returns the share that a request takes before authentication: that of its network, as given by `unknown`, unless
    /// its credential names a caller.
    pub(super) fn expected(&self, head: &Head, unknown: fn(IpAddr) -> Who) -> Who {
        let network = network(head.peer.address.ip());
        match self.authenticator.expected(&head.presented(), kms::now()) {
            Some(name) => Who::Caller(name),
            None if !self.authenticator.authenticates() => Who::Network(network),
            None => unknown(network),
        }
    }
}

impl Request {
    /// The request's id.
    pub(super) fn id(&self) -> &str {
        self.ticket.name().map_or("", |name| &name.id)
    }

    /// Admits the request, authenticates its caller if the route requires it, and runs the handler.
    async fn ask(self: &Arc<Self>, body: &mut Incoming, found: Found) -> Result<Answer, Problem> {
        let expected = match found.handler {
            Handler::Visitor(_) => self.app.expected(&self.head, Who::Stranger),
            _ => self.app.expected(&self.head, Who::Claimant),
        };
        let mut admission = self.admit(expected)?;
        let known = match found.handler {
            Handler::AtOnce(_) | Handler::Anyone(_) | Handler::Visitor(_) => None,
            Handler::Caller(_) | Handler::BasicOrCaller(..) => {
                let known = self.known(true).await?;
                let who = kms::who(&known, &self.head.presented());
                if who != *admission.who() {
                    admission = self.admit(who)?;
                }
                Some(known)
            }
        };
        let is_of_table = |own: &Known| matches!(own.caller.method, principal::Method::Jwt { table: Some(_), .. });
        let (is_of_caller, is_of_table) = (known.is_some(), known.as_ref().is_some_and(is_of_table));
        let answer = self.perform(body, found, admission, known).await;
        let answer = answer.map_err(|problem| if is_of_table { problem.of_table() } else { problem });
        answer.map_err(|problem| if is_of_caller { problem.of_caller() } else { problem })
    }

    fn admit(&self, who: Who) -> Result<Admission, Problem> {
        let admission = self.app.desk.admit(&who).map_err(|full| self.refused(Refused::Place, full, &who))?;
        self.ticket.bear(who);
        Ok(admission)
    }

    /// Counts a refusal of the desk, and returns its problem.
    fn refused(&self, refused: Refused, full: Full, who: &Who) -> Problem {
        self.app.desk.refused(refused, who);
        Problem::full(full, refused)
    }

    /// Returns the problem of a request that has no answer of its own.
    pub(super) fn ended(&self, ended: desk::Ended) -> Problem {
        match ended {
            desk::Ended::Panicked => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
            desk::Ended::Hsm => Problem::hangs(),
            desk::Ended::Deadline => {
                let who = self.ticket.who().unwrap_or_else(|| Who::Network(network(self.head.peer.address.ip())));
                self.app.desk.refused(Refused::Deadline, &who);
                Problem::too_long(self.ticket.allowed())
            }
        }
    }

    /// Reads the body and runs the route's handler.
    async fn perform(
        self: &Arc<Self>,
        body: &mut Incoming,
        found: Found,
        admission: Admission,
        known: Option<Known>,
    ) -> Result<Answer, Problem> {
        let ticket = &self.ticket;
        let limit = request::bound(found.route, &self.head.headers)?;
        let no_room = |full| self.refused(Refused::Memory, full, admission.who());
        let body = match limit {
            0 => None,
            limit => Some(request::body(body, &self.head.headers, limit, &admission, ticket, &no_room).await?),
        };
        let turn = admission.turn(ticket).await;
        let turn = turn.map_err(|full| self.refused(Refused::Turn, full, admission.who()))?;
        // A caller must not avoid a revocation by sending the body slowly, so they are authenticated again.
        let known = match known {
            Some(_) if found.began.elapsed() > DECISION_STANDS => Some(self.known(false).await?),
            known => known,
        };
        if let Some(known) = &known {
            self.measured.method(&known.caller.method);
        }
        let own = Arc::clone(self);
        let work = move || own.work(&found, &admission, known.as_ref(), body);
        desk::perform(ticket, turn, work).await.unwrap_or_else(|ended| Err(self.ended(ended)))
    }

    /// Runs the handler on a thread that it may block, and reserves memory for its answer.
    fn work(
        &self,
        found: &Found,
        admission: &Admission,
        known: Option<&Known>,
        body: Option<request::Read>,
    ) -> Result<Answer, Problem> {
        self.ticket.work_in(admission.room());
        let answer = self.answer(found, known, body.as_ref().map_or(&[], |body| &body.bytes));
        drop(self.ticket.release());
        drop(body);
        answer?.weighed(admission.room()).map_err(|weight| match weight {
            Weight::TooLarge => kms::Error::AnswerTooLarge.into(),
            Weight::Full(full) => self.refused(Refused::Memory, full, admission.who()),
        })
    }

    fn answer(&self, found: &Found, known: Option<&Known>, body: &[u8]) -> Result<Answer, Problem> {
        let Self { app, head, ticket, measured } = self;
        let id = self.id();
        let (parameters, headers) = (&found.parameters, &head.headers);
        match (found.handler, known) {
            (Handler::AtOnce(handler) | Handler::Anyone(handler), _) => handler(app),
            (Handler::Visitor(handler), _) => {
                app.kms.check_contact()?;
                let (peer, request_id, query) = (&*head.peer, id, &found.query);
                let request = AnonymousRequest { peer, headers, request_id, ticket, parameters, query, body };
                Handle::current().block_on(handler(app, request))
            }
            (Handler::Caller(handler) | Handler::BasicOrCaller(_, handler), Some(known)) => {
                app.kms.check_contact()?;
                let (caller, peer, way) = (&known.caller, head.peer.address, Way::default());
                let context = Context { caller, request: id, peer, ticket, way };
                let (proved, query) = (&known.name, &found.query);
                handler(app, &CallerRequest { context, proved, measured, parameters, headers, query, body })
            }
            (Handler::Caller(_) | Handler::BasicOrCaller(..), None) => Err(Problem::unauthenticated()),
        }
    }

    /// Authenticates the caller. A credential other than a certificate may need a lookup or a comparison, which block,
    /// so it is checked in a task of its own.
    async fn known(self: &Arc<Self>, counted: bool) -> Result<Known, Problem> {
        if matches!(self.head.presented().authorization, Authorization::Absent) {
            return self.caller(counted).await;
        }
        let own = Arc::clone(self);
        let known = desk::accompany(&self.ticket, async move { own.caller(counted).await });
        known.await.unwrap_or_else(|ended| Err(self.ended(ended)))
    }

    /// Authenticates the caller in this task. `counted` is false if the credential is only checked again, which is not
    /// a use of it.
    async fn caller(&self, counted: bool) -> Result<Known, Problem> {
        self.app.logins.caller(&self.head.presented(), counted).await.map_err(|refused| match refused {
            NotKnown::Unauthenticated { limited: true, .. } => Problem::limited(),
            NotKnown::Unauthenticated { is_of_table: true, .. } => Problem::unauthenticated().of_table(),
            NotKnown::Unauthenticated { .. } => Problem::unauthenticated(),
            NotKnown::Unavailable => Problem::new(StatusCode::SERVICE_UNAVAILABLE, kms::UNCHECKED),
        })
    }
}
