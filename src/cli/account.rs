//! `--account`: where secrets and hosts of Conjur are.

/// The account that a secret or a host belongs to.
#[derive(clap::Args)]
pub(super) struct Account {
    /// Account of the secret or the host; it is the project of the same name
    #[arg(
        id = "account",
        long = "account",
        value_name = "ACCOUNT",
        env = "CLAVIGER_ACCOUNT",
        default_value = "default"
    )]
    pub(super) name: String,
}
