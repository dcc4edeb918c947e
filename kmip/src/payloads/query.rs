//! Query (KMIP 2.1, section 6.1.40).

use super::ProtectionStorageMasks;
use crate::attributes::RandomNumberGenerator;
use crate::enumerations::{
    DestroyAction, ObjectType, Operation, ProfileName, QueryFunction, RNGMode, ShreddingAlgorithm, UnwrapMode,
};
use crate::structure::structure;
use crate::ttlv::field::Ignored;

structure! {
    /// The request.
    #[derive(Eq)]
    pub struct Request {
        /// The functions to answer.
        query_functions: Vec<QueryFunction> = QueryFunction,
        /// The object groups that the query concerns. They do not change the answers.
        object_groups: Option<Ignored> = ObjectGroups,
    }
}

structure! {
    /// The response.
    #[derive(Default, Eq)]
    pub struct Response {
        /// The operations that the server supports.
        operations: Vec<Operation> = Operation,
        /// The object types that the server stores.
        object_types: Vec<ObjectType> = ObjectType,
        /// The vendor of the server.
        vendor_identification: Option<String> = VendorIdentification,
        /// Information about the server.
        server_information: Option<ServerInformation> = ServerInformation,
        /// The namespaces for which the server generates application data.
        application_namespaces: Vec<String> = ApplicationNamespace,
        /// The random number generators.
        rng_parameters: Vec<RandomNumberGenerator> = RNGParameters,
        /// The profiles.
        profile_information: Vec<ProfileInformation> = ProfileInformation,
        /// The capabilities.
        capability_information: Vec<CapabilityInformation> = CapabilityInformation,
        /// Where objects may be stored.
        protection_storage_masks: Option<ProtectionStorageMasks> = ProtectionStorageMasks,
    }
}

structure! {
    /// Section 7.37.
    #[derive(Default, Eq)]
    pub struct ServerInformation {
        /// The name of this server.
        server_name: Option<String> = ServerName,
        /// The serial number of the server.
        server_serial_number: Option<String> = ServerSerialNumber,
        /// The version of the server.
        server_version: Option<String> = ServerVersion,
        /// The load of the server.
        server_load: Option<String> = ServerLoad,
        /// The product.
        product_name: Option<String> = ProductName,
        /// The build.
        build_level: Option<String> = BuildLevel,
        /// The date of the build.
        build_date: Option<String> = BuildDate,
        /// The cluster.
        cluster_info: Option<String> = ClusterInfo,
        /// The endpoints to use if this server is unavailable.
        alternate_failover_endpoints: Vec<String> = AlternateFailoverEndpoints,
    }
}

structure! {
    /// Section 7.31.
    #[derive(Eq)]
    pub struct ProfileInformation {
        /// The profile.
        profile_name: ProfileName = ProfileName,
        /// The version of the profile.
        profile_version: Option<ProfileVersion> = ProfileVersion,
        /// The URI at which the profile is served.
        server_uri: Option<String> = ServerURI,
        /// The port at which the profile is served.
        server_port: Option<i32> = ServerPort,
    }
}

structure! {
    /// Section 7.32.
    #[derive(Copy, Eq)]
    pub struct ProfileVersion {
        /// The major version.
        major: i32 = ProfileVersionMajor,
        /// The minor version.
        minor: i32 = ProfileVersionMinor,
    }
}

structure! {
    /// Section 7.5.
    #[derive(Default, Eq)]
    pub struct CapabilityInformation {
        /// Whether operations in several parts are supported.
        streaming: Option<bool> = StreamingCapability,
        /// Whether asynchronous responses are supported.
        asynchronous: Option<bool> = AsynchronousCapability,
        /// Whether attestation is supported.
        attestation: Option<bool> = AttestationCapability,
        /// Whether undoing the operations of a batch is supported.
        batch_undo: Option<bool> = BatchUndoCapability,
        /// Whether continuing a batch after a failure is supported.
        batch_continue: Option<bool> = BatchContinueCapability,
        /// How keys that are registered wrapped are stored.
        unwrap_mode: Option<UnwrapMode> = UnwrapMode,
        /// The effect of Destroy.
        destroy_action: Option<DestroyAction> = DestroyAction,
        /// The method of shredding.
        shredding_algorithm: Option<ShreddingAlgorithm> = ShreddingAlgorithm,
        /// How random number generators are instantiated.
        rng_mode: Option<RNGMode> = RNGMode,
        /// Whether algorithms that resist quantum computers are supported.
        quantum_safe: Option<bool> = QuantumSafeCapability,
    }
}
