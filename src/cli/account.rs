//! `--account`: the Conjur account of secrets and hosts.

/// The account that a secret or a host belongs to.
#[derive(clap::Args)]
pub(super) struct Account {
    /// Account of the secret or the host: the project with the same name
    #[arg(
        id = "account",
        long = "account",
        value_name = "ACCOUNT",
        env = "CLAVIGER_ACCOUNT",
        default_value = "default"
    )]
    pub(super) name: String,
}
