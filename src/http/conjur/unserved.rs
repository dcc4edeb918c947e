//! Messages for the parts of Conjur's API that this server does not serve. They say what to use instead.

use warp::http::Method;

/// Authentication methods that are not served, by the first segment of their paths.
const AUTHENTICATORS: [(&str, &str); 8] = [
    ("authn-azure", "Azure"),
    ("authn-cert", "client certificates"),
    ("authn-gcp", "Google Cloud"),
    ("authn-iam", "AWS IAM"),
    ("authn-k8s", "Kubernetes"),
    ("authn-ldap", "LDAP"),
    ("authn-oidc", "OIDC"),
    ("authn-local", "a local socket"),
];

/// Other paths that are not served, by their first segment, with the message.
const FAMILIES: [(&str, &str); 15] = [
    (
        "authn",
        "passwords and logins of users are not served: hosts log in by authn-jwt or an API key, people by client certificates",
    ),
    ("authn-jwt", "authn-jwt has authenticate, status and PATCH enabled=true or enabled=false, and nothing else"),
    ("branches", "branches of policies are not served: an administrator defines hosts, projects and roles"),
    ("ca", "a certificate authority is not served"),
    (
        "groups",
        "groups are not served: a project says which role its members have (PUT /access/definitions/projects/NAME)",
    ),
    (
        "host_factories",
        "host factories are not served: an administrator defines hosts (PUT /access/definitions/hosts/ID)",
    ),
    (
        "host_factory_tokens",
        "host factories are not served: an administrator defines hosts (PUT /access/definitions/hosts/ID)",
    ),
    (
        "policies",
        "policies in YAML are not served: an administrator defines hosts, authenticators, projects and roles \
         (PUT /access/definitions/KIND/NAME), and a variable is made by writing its first value",
    ),
    ("issuers", "issuers of dynamic secrets are not served; GET /issuers has those that this server trusts"),
    ("public_keys", "public keys of users are not served"),
    ("remote_health", "the health of other servers is not served: GET /health has that of this one"),
    ("resources", "resources are read by GET /resources/ACCOUNT, and defined by PUT /access/definitions/KIND/NAME"),
    (
        "roles",
        "memberships of roles are not served: a project says which role its members have (PUT /access/definitions/projects/NAME)",
    ),
    ("workloads", "workloads are called hosts here: an administrator defines them (PUT /access/definitions/hosts/ID)"),
    ("secrets", "only variables have values: /secrets/ACCOUNT/variable/ID with GET, POST and DELETE, and GET /secrets"),
];

/// Returns the message for a method and a path that no route serves.
pub(in crate::http) fn not_served(method: &Method, path: &str) -> String {
    let first = path.split('/').nth(1).unwrap_or_default();
    if let Some((_, name)) = AUTHENTICATORS.iter().find(|(own, _)| *own == first) {
        return format!("authentication by {name} ({first}) is not served: hosts log in by authn-jwt or an API key");
    }
    match FAMILIES.iter().find(|(own, _)| *own == first) {
        Some((_, what)) => format!("this server does not serve {method} on this path: {what}"),
        None => format!("this server does not serve {method} on this path"),
    }
}
