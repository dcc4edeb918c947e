// The tags of KMIP 1.0 to 1.4 that 2.0 marks as reserved (KMIP 1.4, section 9.1.3.1).

tags! {
    /// The tags that only KMIP 1.x has, in the order of their codes.
    FORMER ", of KMIP 1.x only" {
        AttributeIndex=0x420009, CertificateIdentifier=0x420014, CertificateIssuer=0x420015,
        CertificateIssuerAlternativeName=0x420016, CertificateIssuerDistinguishedName=0x420017,
        CertificateSubject=0x42001a, CertificateSubjectAlternativeName=0x42001b,
        CertificateSubjectDistinguishedName=0x42001c, CommonTemplateAttribute=0x42001f, CustomAttribute=0x42002d,
        Issuer=0x42003b, OperationPolicyName=0x42005d, PrivateKeyTemplateAttribute=0x420065,
        PublicKeyTemplateAttribute=0x42006e, SerialNumber=0x420087, Template=0x420090, TemplateAttribute=0x420091,
    }
}
