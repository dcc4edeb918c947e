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
        /// What to tell.
        query_functions: Vec<QueryFunction> = QueryFunction,
        /// Groups that the question is about; groups change none of the answers.
        object_groups: Option<Ignored> = ObjectGroups,
    }
}

structure! {
    /// The response.
    #[derive(Default, Eq)]
    pub struct Response {
        /// The operations that are served.
        operations: Vec<Operation> = Operation,
        /// The object types that are kept.
        object_types: Vec<ObjectType> = ObjectType,
        /// The vendor of the server.
        vendor_identification: Option<String> = VendorIdentification,
        /// More about the server.
        server_information: Option<ServerInformation> = ServerInformation,
        /// The namespaces for which the server makes application data.
        application_namespaces: Vec<String> = ApplicationNamespace,
        /// The random number generators.
        rng_parameters: Vec<RandomNumberGenerator> = RNGParameters,
        /// The profiles.
        profile_information: Vec<ProfileInformation> = ProfileInformation,
        /// The capabilities.
        capability_information: Vec<CapabilityInformation> = CapabilityInformation,
        /// Where objects may be kept.
        protection_storage_masks: Option<ProtectionStorageMasks> = ProtectionStorageMasks,
    }
}

structure! {
    /// Section 7.37.
    #[derive(Default, Eq)]
    pub struct ServerInformation {
        /// The name of this server.
        server_name: Option<String> = ServerName,
        /// Its serial number.
        server_serial_number: Option<String> = ServerSerialNumber,
        /// Its version.
        server_version: Option<String> = ServerVersion,
        /// Its load.
        server_load: Option<String> = ServerLoad,
        /// The product.
        product_name: Option<String> = ProductName,
        /// The build.
        build_level: Option<String> = BuildLevel,
        /// The date of the build.
        build_date: Option<String> = BuildDate,
        /// The cluster.
        cluster_info: Option<String> = ClusterInfo,
        /// Where to go when this server is away.
        alternate_failover_endpoints: Vec<String> = AlternateFailoverEndpoints,
    }
}

structure! {
    /// Section 7.31.
    #[derive(Eq)]
    pub struct ProfileInformation {
        /// The profile.
        profile_name: ProfileName = ProfileName,
        /// Its version.
        profile_version: Option<ProfileVersion> = ProfileVersion,
        /// Where it is served.
        server_uri: Option<String> = ServerURI,
        /// The port where it is served.
        server_port: Option<i32> = ServerPort,
    }
}

structure! {
    /// Section 7.32.
    #[derive(Copy, Eq)]
    pub struct ProfileVersion {
        /// The first number.
        major: i32 = ProfileVersionMajor,
        /// The second number.
        minor: i32 = ProfileVersionMinor,
    }
}

structure! {
    /// Section 7.5.
    #[derive(Default, Eq)]
    pub struct CapabilityInformation {
        /// Operations in several parts.
        streaming: Option<bool> = StreamingCapability,
        /// Answers that come later.
        asynchronous: Option<bool> = AsynchronousCapability,
        /// Attestation.
        attestation: Option<bool> = AttestationCapability,
        /// Undoing the operations of a batch.
        batch_undo: Option<bool> = BatchUndoCapability,
        /// Going on after a failure in a batch.
        batch_continue: Option<bool> = BatchContinueCapability,
        /// What happens to keys that are registered wrapped.
        unwrap_mode: Option<UnwrapMode> = UnwrapMode,
        /// What Destroy does.
        destroy_action: Option<DestroyAction> = DestroyAction,
        /// How it shreds.
        shredding_algorithm: Option<ShreddingAlgorithm> = ShreddingAlgorithm,
        /// How generators are instantiated.
        rng_mode: Option<RNGMode> = RNGMode,
        /// Algorithms that resist quantum computers.
        quantum_safe: Option<bool> = QuantumSafeCapability,
    }
}
