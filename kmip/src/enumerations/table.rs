// Written by scripts/generate-kmip from the tables of the KMIP 2.1 standard, sections 11 and 12. Do not edit.

enumeration! { AdjustmentType
    Increment=0x1, Decrement=0x2, Negate=0x3,
}

enumeration! { AlternativeNameType
    UninterpretedTextString=0x1, URI=0x2, ObjectSerialNumber=0x3, EmailAddress=0x4, DNSName=0x5,
    X_500DistinguishedName=0x6/X500DistinguishedName, IPAddress=0x7,
}

enumeration! { AsynchronousIndicator
    Mandatory=0x1, Optional=0x2, Prohibited=0x3,
}

enumeration! { AttestationType
    TPMQuote=0x1, TCGIntegrityReport=0x2, SAMLAssertion=0x3,
}

enumeration! { BatchErrorContinuationOption
    Continue=0x1, Stop=0x2, Undo=0x3,
}

enumeration! { BlockCipherMode
    CBC=0x1, ECB=0x2, PCBC=0x3, CFB=0x4, OFB=0x5, CTR=0x6, CMAC=0x7, CCM=0x8, GCM=0x9, CBC_MAC=0xa/CBCMAC, XTS=0xb,
    AESKeyWrapPadding=0xc, NISTKeyWrap=0xd, X9_102AESKW=0xe/X9102AESKW, X9_102TDKW=0xf/X9102TDKW,
    X9_102AKW1=0x10/X9102AKW1, X9_102AKW2=0x11/X9102AKW2, AEAD=0x12,
}

enumeration! { CancellationResult
    Canceled=0x1, UnableToCancel=0x2, Completed=0x3, Failed=0x4, Unavailable=0x5,
}

enumeration! { CertificateRequestType
    CRMF=0x1, PKCS_10=0x2/PKCS10, PEM=0x3, Reserved=0x4,
}

enumeration! { CertificateType
    X_509=0x1/X509, PGP=0x2,
}

enumeration! { ClientRegistrationMethod
    Unspecified=0x1, ServerPreGenerated=0x2, ServerOnDemand=0x3, ClientGenerated=0x4, ClientRegistered=0x5,
}

enumeration! { CredentialType
    UsernameAndPassword=0x1, Device=0x2, Attestation=0x3, OneTimePassword=0x4, HashedPassword=0x5, Ticket=0x6,
}

enumeration! { CryptographicAlgorithm
    DES=0x1, DES3=0x2/THREE_DES, AES=0x3, RSA=0x4, DSA=0x5, ECDSA=0x6, HMAC_SHA1=0x7/HMACSHA1,
    HMAC_SHA224=0x8/HMACSHA224, HMAC_SHA256=0x9/HMACSHA256, HMAC_SHA384=0xa/HMACSHA384, HMAC_SHA512=0xb/HMACSHA512,
    HMAC_MD5=0xc/HMACMD5, DH=0xd, ECDH=0xe, ECMQV=0xf, Blowfish=0x10, Camellia=0x11, CAST5=0x12, IDEA=0x13,
    MARS=0x14, RC2=0x15, RC4=0x16, RC5=0x17, SKIPJACK=0x18, Twofish=0x19, EC=0x1a, OneTimePad=0x1b, ChaCha20=0x1c,
    Poly1305=0x1d, ChaCha20Poly1305=0x1e, SHA3_224=0x1f/SHA3224, SHA3_256=0x20/SHA3256, SHA3_384=0x21/SHA3384,
    SHA3_512=0x22/SHA3512, HMAC_SHA3_224=0x23/HMACSHA3224, HMAC_SHA3_256=0x24/HMACSHA3256,
    HMAC_SHA3_384=0x25/HMACSHA3384, HMAC_SHA3_512=0x26/HMACSHA3512, SHAKE_128=0x27/SHAKE128,
    SHAKE_256=0x28/SHAKE256, ARIA=0x29, SEED=0x2a, SM2=0x2b, SM3=0x2c, SM4=0x2d, GOSTR34_10_2012=0x2e/GOSTR34102012,
    GOSTR34_11_2012=0x2f/GOSTR34112012, GOSTR34_13_2015=0x30/GOSTR34132015, GOST28147_89=0x31/GOST2814789,
    XMSS=0x32, SPHINCS_256=0x33/SPHINCS256, McEliece=0x34, McEliece_6960119=0x35/McEliece6960119,
    McEliece_8192128=0x36/McEliece8192128, Ed25519=0x37, Ed448=0x38,
}

enumeration! { DRBGAlgorithm
    Unspecified=0x1, Dual_EC=0x2/DualEC, Hash=0x3, HMAC=0x4, CTR=0x5,
}

enumeration! { DataEnumeration
    Decrypt=0x1, Encrypt=0x2, Hash=0x3, MACMACData=0x4, RNGRetrieve=0x5, SignSignatureData=0x6, SignatureVerify=0x7,
}

enumeration! { DerivationMethod
    PBKDF2=0x1, HASH=0x2, HMAC=0x3, ENCRYPT=0x4, NIST800_108_C=0x5/NIST800108C, NIST800_108_F=0x6/NIST800108F,
    NIST800_108_DPI=0x7/NIST800108DPI, AsymmetricKey=0x8, AWSSignatureVersion4=0x9, HKDF=0xa,
}

enumeration! { DestroyAction
    Unspecified=0x1, KeyMaterialDeleted=0x2, KeyMaterialShredded=0x3, MetaDataDeleted=0x4, MetaDataShredded=0x5,
    Deleted=0x6, Shredded=0x7,
}

enumeration! { DigitalSignatureAlgorithm
    MD2WithRSAEncryption=0x1, MD5WithRSAEncryption=0x2, SHA_1WithRSAEncryption=0x3/SHA1WithRSAEncryption,
    SHA_224WithRSAEncryption=0x4/SHA224WithRSAEncryption, SHA_256WithRSAEncryption=0x5/SHA256WithRSAEncryption,
    SHA_384WithRSAEncryption=0x6/SHA384WithRSAEncryption, SHA_512WithRSAEncryption=0x7/SHA512WithRSAEncryption,
    RSASSA_PSS=0x8/RSASSAPSS, DSAWithSHA_1=0x9/DSAWithSHA1, DSAWithSHA224=0xa, DSAWithSHA256=0xb,
    ECDSAWithSHA_1=0xc/ECDSAWithSHA1, ECDSAWithSHA224=0xd, ECDSAWithSHA256=0xe, ECDSAWithSHA384=0xf,
    ECDSAWithSHA512=0x10, SHA3_256WithRSAEncryption=0x11/SHA3256WithRSAEncryption,
    SHA3_384WithRSAEncryption=0x12/SHA3384WithRSAEncryption, SHA3_512WithRSAEncryption=0x13/SHA3512WithRSAEncryption,
}

enumeration! { EncodingOption
    NoEncoding=0x1, TTLVEncoding=0x2,
}

enumeration! { EndpointRole
    Client=0x1, Server=0x2,
}

enumeration! { FIPS186Variation
    Unspecified=0x1, GPXOriginal=0x2, GPXChangeNotice=0x3, XOriginal=0x4, XChangeNotice=0x5, KOriginal=0x6,
    KChangeNotice=0x7,
}

enumeration! { HashingAlgorithm
    MD2=0x1, MD4=0x2, MD5=0x3, SHA_1=0x4/SHA1, SHA_224=0x5/SHA224, SHA_256=0x6/SHA256, SHA_384=0x7/SHA384,
    SHA_512=0x8/SHA512, RIPEMD_160=0x9/RIPEMD160, Tiger=0xa, Whirlpool=0xb, SHA_512_224=0xc/SHA512224,
    SHA_512_256=0xd/SHA512256, SHA3_224=0xe/SHA3224, SHA3_256=0xf/SHA3256, SHA3_384=0x10/SHA3384,
    SHA3_512=0x11/SHA3512,
}

enumeration! { InteropFunction
    Begin=0x1, End=0x2, Reset=0x3,
}

enumeration! { ItemType
    Structure=0x1, Integer=0x2, LongInteger=0x3, BigInteger=0x4, Enumeration=0x5, Boolean=0x6, TextString=0x7,
    ByteString=0x8, DateTime=0x9, Interval=0xa, DateTimeExtended=0xb,
}

enumeration! { KeyCompressionType
    ECPublicKeyTypeUncompressed=0x1, ECPublicKeyTypeX9_62CompressedPrime=0x2/ECPublicKeyTypeX962CompressedPrime,
    ECPublicKeyTypeX9_62CompressedChar2=0x3/ECPublicKeyTypeX962CompressedChar2,
    ECPublicKeyTypeX9_62Hybrid=0x4/ECPublicKeyTypeX962Hybrid,
}

enumeration! { KeyFormatType
    Raw=0x1, Opaque=0x2, PKCS_1=0x3/PKCS1, PKCS_8=0x4/PKCS8, X_509=0x5/X509, ECPrivateKey=0x6,
    TransparentSymmetricKey=0x7, TransparentDSAPrivateKey=0x8, TransparentDSAPublicKey=0x9,
    TransparentRSAPrivateKey=0xa, TransparentRSAPublicKey=0xb, TransparentDHPrivateKey=0xc,
    TransparentDHPublicKey=0xd, Reserved=0x13, TransparentECPrivateKey=0x14, TransparentECPublicKey=0x15,
    PKCS_12=0x16/PKCS12, PKCS_10=0x17/PKCS10,
}

enumeration! { KeyRoleType
    BDK=0x1, CVK=0x2, DEK=0x3, MKAC=0x4, MKSMC=0x5, MKSMI=0x6, MKDAC=0x7, MKDN=0x8, MKCP=0x9, MKOTH=0xa, KEK=0xb,
    MAC16609=0xc, MAC97971=0xd, MAC97972=0xe, MAC97973=0xf, MAC97974=0x10, MAC97975=0x11, ZPK=0x12, PVKIBM=0x13,
    PVKPVV=0x14, PVKOTH=0x15, DUKPT=0x16, IV=0x17, TRKBK=0x18,
}

enumeration! { KeyValueLocationType
    UninterpretedTextString=0x1, URI=0x2,
}

enumeration! { KeyWrapType
    NotWrapped=0x1, AsRegistered=0x2,
}

enumeration! { LinkType
    CertificateLink=0x101, PublicKeyLink=0x102, PrivateKeyLink=0x103, DerivationBaseObjectLink=0x104,
    DerivedKeyLink=0x105, ReplacementObjectLink=0x106, ReplacedObjectLink=0x107, ParentLink=0x108, ChildLink=0x109,
    PreviousLink=0x10a, NextLink=0x10b, PKCS_12CertificateLink=0x10c/PKCS12CertificateLink,
    PKCS_12PasswordLink=0x10d/PKCS12PasswordLink, WrappingKeyLink=0x10e,
}

enumeration! { MaskGenerator
    MGF1=0x1,
}

enumeration! { NISTKeyType
    PrivateSignatureKey=0x1, PublicSignatureVerificationKey=0x2, SymmetricAuthenticationKey=0x3,
    PrivateAuthenticationKey=0x4, PublicAuthenticationKey=0x5, SymmetricDataEncryptionKey=0x6,
    SymmetricKeyWrappingKey=0x7, SymmetricRandomNumberGenerationKey=0x8, SymmetricMasterKey=0x9,
    PrivateKeyTransportKey=0xa, PublicKeyTransportKey=0xb, SymmetricKeyAgreementKey=0xc,
    PrivateStaticKeyAgreementKey=0xd, PublicStaticKeyAgreementKey=0xe, PrivateEphemeralKeyAgreementKey=0xf,
    PublicEphemeralKeyAgreementKey=0x10, SymmetricAuthorizationKey=0x11, PrivateAuthorizationKey=0x12,
    PublicAuthorizationKey=0x13,
}

enumeration! { NameType
    UninterpretedTextString=0x1, URI=0x2,
}

enumeration! { ObjectGroupMember
    GroupMemberFresh=0x1, GroupMemberDefault=0x2,
}

enumeration! { ObjectType
    Certificate=0x1, SymmetricKey=0x2, PublicKey=0x3, PrivateKey=0x4, SplitKey=0x5, Reserved=0x6, SecretData=0x7,
    OpaqueObject=0x8, PGPKey=0x9, CertificateRequest=0xa,
}

enumeration! { Operation
    Create=0x1, CreateKeyPair=0x2, Register=0x3, ReKey=0x4, DeriveKey=0x5, Certify=0x6, ReCertify=0x7, Locate=0x8,
    Check=0x9, Get=0xa, GetAttributes=0xb, GetAttributeList=0xc, AddAttribute=0xd, ModifyAttribute=0xe,
    DeleteAttribute=0xf, ObtainLease=0x10, GetUsageAllocation=0x11, Activate=0x12, Revoke=0x13, Destroy=0x14,
    Archive=0x15, Recover=0x16, Validate=0x17, Query=0x18, Cancel=0x19, Poll=0x1a, Notify=0x1b, Put=0x1c,
    ReKeyKeyPair=0x1d, DiscoverVersions=0x1e, Encrypt=0x1f, Decrypt=0x20, Sign=0x21, SignatureVerify=0x22, MAC=0x23,
    MACVerify=0x24, RNGRetrieve=0x25, RNGSeed=0x26, Hash=0x27, CreateSplitKey=0x28, JoinSplitKey=0x29, Import=0x2a,
    Export=0x2b, Log=0x2c, Login=0x2d, Logout=0x2e, DelegatedLogin=0x2f, AdjustAttribute=0x30, SetAttribute=0x31,
    SetEndpointRole=0x32, PKCS_11=0x33/PKCS11, Interop=0x34, ReProvision=0x35, SetDefaults=0x36,
    SetConstraints=0x37, GetConstraints=0x38, QueryAsynchronousRequests=0x39, Process=0x3a, Ping=0x3b,
}

enumeration! { PaddingMethod
    None=0x1, OAEP=0x2, PKCS5=0x3, SSL3=0x4, Zeros=0x5, ANSIX9_23=0x6/ANSIX923, ISO10126=0x7,
    PKCS1V1_5=0x8/PKCS1V15, X9_31=0x9/X931, PSS=0xa,
}

enumeration! { ProcessingStage
    Submitted=0x1, InProcess=0x2, Completed=0x3,
}

enumeration! { ProfileName
    CompleteServerBasic=0x104, CompleteServerTLSV1_2=0x105/CompleteServerTLSV12, TapeLibraryClient=0x106,
    TapeLibraryServer=0x107, SymmetricKeyLifecycleClient=0x108, SymmetricKeyLifecycleServer=0x109,
    AsymmetricKeyLifecycleClient=0x10a, AsymmetricKeyLifecycleServer=0x10b, BasicCryptographicClient=0x10c,
    BasicCryptographicServer=0x10d, AdvancedCryptographicClient=0x10e, AdvancedCryptographicServer=0x10f,
    RNGCryptographicClient=0x110, RNGCryptographicServer=0x111, BasicSymmetricKeyFoundryClient=0x112,
    IntermediateSymmetricKeyFoundryClient=0x113, AdvancedSymmetricKeyFoundryClient=0x114,
    SymmetricKeyFoundryServer=0x115, OpaqueManagedObjectStoreClient=0x116, OpaqueManagedObjectStoreServer=0x117,
    Reserved=0x11b, StorageArrayWithSelfEncryptingDriveClient=0x11c,
    StorageArrayWithSelfEncryptingDriveServer=0x11d, HTTPSClient=0x11e, HTTPSServer=0x11f, JSONClient=0x120,
    JSONServer=0x121, XMLClient=0x122, XMLServer=0x123, AESXTSClient=0x124, AESXTSServer=0x125,
    QuantumSafeClient=0x126, QuantumSafeServer=0x127, PKCS_11Client=0x128/PKCS11Client,
    PKCS_11Server=0x129/PKCS11Server, BaselineClient=0x12a, BaselineServer=0x12b, CompleteServer=0x12c,
}

enumeration! { ProtectionLevel
    High=0x1, Low=0x2,
}

enumeration! { PutFunction
    New=0x1, Replace=0x2,
}

enumeration! { QueryFunction
    QueryOperations=0x1, QueryObjects=0x2, QueryServerInformation=0x3, QueryApplicationNamespaces=0x4,
    QueryExtensionList=0x5, QueryExtensionMap=0x6, QueryAttestationTypes=0x7, QueryRNGs=0x8, QueryValidations=0x9,
    QueryProfiles=0xa, QueryCapabilities=0xb, QueryClientRegistrationMethods=0xc, QueryDefaultsInformation=0xd,
    QueryStorageProtectionMasks=0xe,
}

enumeration! { RNGAlgorithm
    Unspecified=0x1, FIPS186_2=0x2/FIPS1862, DRBG=0x3, NRBG=0x4, ANSIX9_31=0x5/ANSIX931, ANSIX9_62=0x6/ANSIX962,
}

enumeration! { RNGMode
    Unspecified=0x1, SharedInstantiation=0x2, NonSharedInstantiation=0x3,
}

enumeration! { RecommendedCurve
    P_192=0x1/P192, K_163=0x2/K163, B_163=0x3/B163, P_224=0x4/P224, K_233=0x5/K233, B_233=0x6/B233, P_256=0x7/P256,
    K_283=0x8/K283, B_283=0x9/B283, P_384=0xa/P384, K_409=0xb/K409, B_409=0xc/B409, P_521=0xd/P521, K_571=0xe/K571,
    B_571=0xf/B571, SECP112R1=0x10, SECP112R2=0x11, SECP128R1=0x12, SECP128R2=0x13, SECP160K1=0x14, SECP160R1=0x15,
    SECP160R2=0x16, SECP192K1=0x17, SECP224K1=0x18, SECP256K1=0x19, SECT113R1=0x1a, SECT113R2=0x1b, SECT131R1=0x1c,
    SECT131R2=0x1d, SECT163R1=0x1e, SECT193R1=0x1f, SECT193R2=0x20, SECT239K1=0x21, ANSIX9P192V2=0x22,
    ANSIX9P192V3=0x23, ANSIX9P239V1=0x24, ANSIX9P239V2=0x25, ANSIX9P239V3=0x26, ANSIX9C2PNB163V1=0x27,
    ANSIX9C2PNB163V2=0x28, ANSIX9C2PNB163V3=0x29, ANSIX9C2PNB176V1=0x2a, ANSIX9C2TNB191V1=0x2b,
    ANSIX9C2TNB191V2=0x2c, ANSIX9C2TNB191V3=0x2d, ANSIX9C2PNB208W1=0x2e, ANSIX9C2TNB239V1=0x2f,
    ANSIX9C2TNB239V2=0x30, ANSIX9C2TNB239V3=0x31, ANSIX9C2PNB272W1=0x32, ANSIX9C2PNB304W1=0x33,
    ANSIX9C2TNB359V1=0x34, ANSIX9C2PNB368W1=0x35, ANSIX9C2TNB431R1=0x36, BRAINPOOLP160R1=0x37, BRAINPOOLP160T1=0x38,
    BRAINPOOLP192R1=0x39, BRAINPOOLP192T1=0x3a, BRAINPOOLP224R1=0x3b, BRAINPOOLP224T1=0x3c, BRAINPOOLP256R1=0x3d,
    BRAINPOOLP256T1=0x3e, BRAINPOOLP320R1=0x3f, BRAINPOOLP320T1=0x40, BRAINPOOLP384R1=0x41, BRAINPOOLP384T1=0x42,
    BRAINPOOLP512R1=0x43, BRAINPOOLP512T1=0x44, CURVE25519=0x45, CURVE448=0x46,
}

enumeration! { ResultReason
    ItemNotFound=0x1/Item_Not_Found, ResponseTooLarge=0x2/Response_Too_Large,
    AuthenticationNotSuccessful=0x3/Authentication_Not_Successful, InvalidMessage=0x4/Invalid_Message,
    OperationNotSupported=0x5/Operation_Not_Supported, MissingData=0x6/Missing_Data, InvalidField=0x7/Invalid_Field,
    FeatureNotSupported=0x8/Feature_Not_Supported, OperationCanceledByRequester=0x9/Operation_Canceled_By_Requester,
    CryptographicFailure=0xa/Cryptographic_Failure, PermissionDenied=0xc/Permission_Denied,
    ObjectArchived=0xd/Object_Archived, ApplicationNamespaceNotSupported=0xf/Application_Namespace_Not_Supported,
    KeyFormatTypeNotSupported=0x10/Key_Format_Type_Not_Supported,
    KeyCompressionTypeNotSupported=0x11/Key_Compression_Type_Not_Supported,
    EncodingOptionError=0x12/Encoding_Option_Error, KeyValueNotPresent=0x13/Key_Value_Not_Present,
    AttestationRequired=0x14/Attestation_Required, AttestationFailed=0x15/Attestation_Failed, Sensitive=0x16,
    NotExtractable=0x17/Not_Extractable, ObjectAlreadyExists=0x18/Object_Already_Exists,
    InvalidTicket=0x19/Invalid_Ticket, UsageLimitExceeded=0x1a/Usage_Limit_Exceeded,
    NumericRange=0x1b/Numeric_Range, InvalidDataType=0x1c/Invalid_Data_Type,
    ReadOnlyAttribute=0x1d/Read_Only_Attribute, MultiValuedAttribute=0x1e/Multi_Valued_Attribute,
    UnsupportedAttribute=0x1f/Unsupported_Attribute, AttributeInstanceNotFound=0x20/Attribute_Instance_Not_Found,
    AttributeNotFound=0x21/Attribute_Not_Found, AttributeReadOnly=0x22/Attribute_Read_Only,
    AttributeSingleValued=0x23/Attribute_Single_Valued,
    BadCryptographicParameters=0x24/Bad_Cryptographic_Parameters, BadPassword=0x25/Bad_Password,
    CodecError=0x26/Codec_Error, IllegalObjectType=0x28/Illegal_Object_Type,
    IncompatibleCryptographicUsageMask=0x29/Incompatible_Cryptographic_Usage_Mask,
    InternalServerError=0x2a/Internal_Server_Error,
    InvalidAsynchronousCorrelationValue=0x2b/Invalid_Asynchronous_Correlation_Value,
    InvalidAttribute=0x2c/Invalid_Attribute, InvalidAttributeValue=0x2d/Invalid_Attribute_Value,
    InvalidCorrelationValue=0x2e/Invalid_Correlation_Value, InvalidCSR=0x2f/Invalid_CSR,
    InvalidObjectType=0x30/Invalid_Object_Type, KeyWrapTypeNotSupported=0x32/Key_Wrap_Type_Not_Supported,
    MissingInitializationVector=0x34/Missing_Initialization_Vector,
    NonUniqueNameAttribute=0x35/Non_Unique_Name_Attribute, ObjectDestroyed=0x36/Object_Destroyed,
    ObjectNotFound=0x37/Object_Not_Found, Reserved=0x38, NotAuthorised=0x39/Not_Authorised,
    ServerLimitExceeded=0x3a/Server_Limit_Exceeded, UnknownEnumeration=0x3b/Unknown_Enumeration,
    UnknownMessageExtension=0x3c/Unknown_Message_Extension, UnknownTag=0x3d/Unknown_Tag,
    UnsupportedCryptographicParameters=0x3e/Unsupported_Cryptographic_Parameters,
    UnsupportedProtocolVersion=0x3f/Unsupported_Protocol_Version,
    WrappingObjectArchived=0x40/Wrapping_Object_Archived, WrappingObjectDestroyed=0x41/Wrapping_Object_Destroyed,
    WrappingObjectNotFound=0x42/Wrapping_Object_Not_Found, WrongKeyLifecycleState=0x43/Wrong_Key_Lifecycle_State,
    ProtectionStorageUnavailable=0x44/Protection_Storage_Unavailable, PKCS_11CodecError=0x45/PKCS_11_Codec_Error,
    PKCS_11InvalidFunction=0x46/PKCS_11_Invalid_Function, PKCS_11InvalidInterface=0x47/PKCS_11_Invalid_Interface,
    PrivateProtectionStorageUnavailable=0x48/Private_Protection_Storage_Unavailable,
    PublicProtectionStorageUnavailable=0x49/Public_Protection_Storage_Unavailable,
    UnknownObjectGroup=0x4a/Unknown_Object_Group, ConstraintViolation=0x4b/Constraint_Violation,
    DuplicateProcessRequest=0x4c/Duplicate_Process_Request, GeneralFailure=0x100/General_Failure,
}

enumeration! { ResultStatus
    Success=0x0, OperationFailed=0x1, OperationPending=0x2, OperationUndone=0x3,
}

enumeration! { RevocationReasonCode
    Unspecified=0x1, KeyCompromise=0x2, CACompromise=0x3, AffiliationChanged=0x4, Superseded=0x5,
    CessationOfOperation=0x6, PrivilegeWithdrawn=0x7,
}

enumeration! { RotateNameType
    UninterpretedTextString=0x1, URI=0x2,
}

enumeration! { SecretDataType
    Password=0x1, Seed=0x2,
}

enumeration! { ShreddingAlgorithm
    Unspecified=0x1, Cryptographic=0x2, Unsupported=0x3,
}

enumeration! { SplitKeyMethod
    XOR=0x1, PolynomialSharingGF216=0x2, PolynomialSharingPrimeField=0x3, PolynomialSharingGF28=0x4,
}

enumeration! { State
    PreActive=0x1, Active=0x2, Deactivated=0x3, Compromised=0x4, Destroyed=0x5,
    DestroyedCompromised=0x6/Destroyed_Compromised,
}

enumeration! { TicketType
    Login=0x1,
}

enumeration! { UniqueIdentifierEnumeration
    IDPlaceholder=0x1, Certify=0x2, Create=0x3, CreateKeyPair=0x4, CreateKeyPairPrivateKey=0x5,
    CreateKeyPairPublicKey=0x6, CreateSplitKey=0x7, DeriveKey=0x8, Import=0x9, JoinSplitKey=0xa, Locate=0xb,
    Register=0xc, ReKey=0xd, ReCertify=0xe, ReKeyKeyPair=0xf, ReKeyKeyPairPrivateKey=0x10,
    ReKeyKeyPairPublicKey=0x11,
}

enumeration! { UnwrapMode
    Unspecified=0x1, Processed=0x2, NotProcessed=0x3,
}

enumeration! { UsageLimitsUnit
    Byte=0x1, Object=0x2,
}

enumeration! { ValidationAuthorityType
    Unspecified=0x1, NISTCMVP=0x2, CommonCriteria=0x3,
}

enumeration! { ValidationType
    Unspecified=0x1, Hardware=0x2, Software=0x3, Firmware=0x4, Hybrid=0x5,
}

enumeration! { ValidityIndicator
    Valid=0x1, Invalid=0x2, Unknown=0x3,
}

enumeration! { WrappingMethod
    Encrypt=0x1, MACSign=0x2, EncryptThenMACSign=0x3, MACSignThenEncrypt=0x4, TR_31=0x5/TR31,
}

carried! {
    AdjustmentType=AdjustmentType, AlternativeNameType=AlternativeNameType,
    AsynchronousIndicator=AsynchronousIndicator, AttestationType=AttestationType,
    BatchErrorContinuationOption=BatchErrorContinuationOption, BlockCipherMode=BlockCipherMode,
    CancellationResult=CancellationResult, CertificateRequestType=CertificateRequestType,
    CertificateType=CertificateType, ClientRegistrationMethod=ClientRegistrationMethod,
    CredentialType=CredentialType, CryptographicAlgorithm=CryptographicAlgorithm, DRBGAlgorithm=DRBGAlgorithm,
    DerivationMethod=DerivationMethod, DestroyAction=DestroyAction,
    DigitalSignatureAlgorithm=DigitalSignatureAlgorithm, EncodingOption=EncodingOption, EndpointRole=EndpointRole,
    ExtensionType=ItemType, FIPS186Variation=FIPS186Variation, HashingAlgorithm=HashingAlgorithm,
    InteropFunction=InteropFunction, KeyCompressionType=KeyCompressionType, KeyFormatType=KeyFormatType,
    KeyRoleType=KeyRoleType, KeyValueLocationType=KeyValueLocationType, KeyWrapType=KeyWrapType, LinkType=LinkType,
    LinkedObjectIdentifier=UniqueIdentifierEnumeration, MaskGenerator=MaskGenerator,
    MaskGeneratorHashingAlgorithm=HashingAlgorithm, NISTKeyType=NISTKeyType, NameType=NameType,
    ObjectGroupMember=ObjectGroupMember, ObjectType=ObjectType, Operation=Operation, PaddingMethod=PaddingMethod,
    PrivateKeyUniqueIdentifier=UniqueIdentifierEnumeration, ProfileName=ProfileName,
    ProtectionLevel=ProtectionLevel, PublicKeyUniqueIdentifier=UniqueIdentifierEnumeration, PutFunction=PutFunction,
    QueryFunction=QueryFunction, RNGAlgorithm=RNGAlgorithm, RNGMode=RNGMode, RecommendedCurve=RecommendedCurve,
    ReplacedUniqueIdentifier=UniqueIdentifierEnumeration, ResultReason=ResultReason, ResultStatus=ResultStatus,
    RevocationReasonCode=RevocationReasonCode, RotateNameType=RotateNameType, SecretDataType=SecretDataType, ShreddingAlgorithm=ShreddingAlgorithm,
    SplitKeyMethod=SplitKeyMethod, State=State, TicketType=TicketType, UniqueIdentifier=UniqueIdentifierEnumeration,
    UnwrapMode=UnwrapMode, UsageLimitsUnit=UsageLimitsUnit, ValidationAuthorityType=ValidationAuthorityType,
    ValidationType=ValidationType, ValidityIndicator=ValidityIndicator, WrappingMethod=WrappingMethod,
}
