//! Tests of the real programs with real TLS, a real HSM token and real SQLite. Each test has its own temporary
//! directory, authority, HSM token and port. They are one binary, so that they are linked only once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::string_slice,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "a test that meets something unexpected is to fail there and say where"
)]

mod harness;
#[path = "../markdown/mod.rs"]
mod markdown;

mod a_call_of_the_hsm_hangs;
mod a_message_is_one_commit;
mod authority_file;
mod browser;
mod changes_take_turns;
mod cli_access_rights;
mod cli_connection;
mod cli_encrypted_files;
mod cli_identities;
mod cli_key_files;
mod cli_lifecycle;
mod cli_login;
mod cli_login_by_secrets;
mod cli_options;
mod cli_output;
mod cli_round_trip;
mod client_certificate;
mod client_secrets_are_exact;
mod clients;
mod commands_of_the_pages;
mod common_name;
mod configuration;
mod conjur_api_keys;
mod conjur_authn_jwt;
mod conjur_clients;
mod conjur_peers_cases;
mod cosmian_clients;
mod costs_do_not_grow;
mod default_mode;
mod destroyed_is_erased;
mod dialects_answer_in_their_words;
mod dialects_ignore_what_they_do_not_know;
mod documents;
mod documents_of_jwts;
mod encrypting_is_not_decrypting;
mod environment_variables;
mod gate_after_a_reload;
mod gate_api_token;
mod gate_certificates;
mod gate_failure_limit;
mod gate_failures_stay_apart;
mod gate_jwt;
mod gate_known_faults;
mod gate_providers;
mod gate_recipes;
mod gate_sessions;
mod gate_two_of_one;
mod hostile_requests;
mod links_are_data;
mod live_tokens_of_every_way;
mod log_lines_of_strangers_are_few;
mod log_on_a_full_disk;
mod log_secrecy;
mod logins_end_the_oldest_token;
mod memory_is_given_back;
mod metrics;
mod piiano_clients;
mod piiano_direct_jwt;
mod piiano_errors;
mod piiano_forged;
mod piiano_iam_file;
mod piiano_narrowing;
mod piiano_version;
mod probe;
mod replacing_is_destroying;
mod server_identity;
mod signals;
mod silent_clients;
mod start_refusals;

mod a_backup_is_one_moment;
mod a_backup_restores_elsewhere;
mod a_database_that_cannot_be_written;
mod a_failed_first_start_leaves_no_keys;
mod a_forged_row_does_not_open_a_sealed_key;
mod a_token_that_cannot_wrap;
mod a_token_that_promises_less;
mod administrators_are_watched;
mod an_hsm_of_another_kind;
mod an_import_replaces_only_ones_own;
mod attributes_are_changed;
mod attributes_are_told;
mod attributes_need_rights;
mod audit_and_database_agree_after_kills;
mod audit_comes_before_the_commit;
mod audit_every_change_is_found;
mod audit_files_succeed_each_other;
mod audit_finds_older_rows;
mod audit_goes_on_after_any_end;
mod audit_head_is_bound;
mod audit_holds_no_secret;
mod audit_is_searched_in_files;
mod audit_is_verified_from_outside;
mod audit_refuses_what_it_cannot_record;
mod audit_rotates_under_load;
mod audit_sums_up_failed_authentication;
mod audit_survives_a_full_disk;
mod audit_tells_each_decision;
mod batches;
mod both_routes_and_dialects_are_read;
mod cbc_equals_openssl;
mod gcm_equals_openssl;
mod gcm_invocations_are_counted;
mod hanzo_forged;
mod hanzo_jwt_auth;
mod hanzo_keys;
mod hanzo_node;
mod hanzo_sdks;
mod hanzo_secret_places;
mod hanzo_secrets;
mod hanzo_tokens;
mod hmac_secrets_of_odd_lengths;
mod identifiers_names_and_tags_have_bounds;
mod inventory;
mod issuers_are_tested;
mod key_pairs_sign;
mod keys_are_disabled;
mod keys_may_be_placed_in_the_token;
mod keys_that_prove_nothing;
mod kmip_socket;
mod lists_are_bounded;
mod locate_finds;
mod macs_equal_openssl;
mod many_at_once;
mod nothing_acknowledged_is_lost;
mod nothing_but_the_credential_lets_in;
mod one_caller_does_not_stop_the_others;
mod outside_text_is_escaped;
mod peers_list;
mod permission_faults_of_others;
mod permission_is_explained;
mod permission_is_recorded;
mod permission_rows_are_bound;
mod permission_table;
mod pkcs11_calls;
mod policy_definitions;
mod policy_file;
mod random_bytes_and_what_the_server_can;
mod recovery_needs_two;
mod refusals_reach_their_clients;
mod rights_are_as_the_table_says;
mod root_keys_are_made_once;
mod root_keys_are_not_made_again;
mod root_keys_are_recognised;
mod second_token;
mod secrets_are_kept;
mod secrets_at_rest;
mod secrets_of_an_account;
mod smoke;
mod strangers_to_administration_learn_nothing;
mod tampering_is_refused;
mod the_cache_is_bounded;
mod the_first_start_is_killed;
mod the_hsm_makes_the_iv;
mod the_hsm_misbehaves;
mod the_hsm_takes_little_in_one_call;
mod the_log_is_named_after_its_database;
mod the_process_keeps_its_secrets;
mod the_signing_key_is_one_pair;
mod the_token_may_go_and_come_back;
mod transfer_is_an_offer;
mod universal_auth;
mod what_http_asks;
mod what_is_anothers_does_not_exist;
mod what_is_not_extractable_stays;
mod what_may_wrap_a_sensitive_key;
mod what_the_hsm_can_do;
mod what_was_agreed_on_is_what_is_done;
mod writes_are_gathered;
