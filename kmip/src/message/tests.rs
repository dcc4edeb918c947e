use super::super::Dialect;
use super::super::enumerations::{Operation, ResultReason};
use super::super::error::{Error, Fault};
use super::super::payloads::{Request, Response, destroy, get};
use super::super::tag::Tag;
use super::super::ttlv::{DateTime, json};
use super::*;
use crate::Bytes;

fn read(count: usize, items: &str) -> Result<RequestMessage, Error> {
    let json = format!(
        r#"{{"tag":"RequestMessage","value":[{{"tag":"RequestHeader","value":[
        {{"tag":"ProtocolVersion","value":[{{"tag":"ProtocolVersionMajor","type":"Integer","value":"0x00000002"}},
          {{"tag":"ProtocolVersionMinor","type":"Integer","value":1}}]}},
        {{"tag":"Authentication","value":[{{"tag":"Credential","value":[
          {{"tag":"CredentialType","type":"Enumeration","value":"UsernameAndPassword"}},
          {{"tag":"CredentialValue","value":[{{"tag":"Username","type":"TextString","value":"alice"}},
            {{"tag":"Password","type":"TextString","value":"p"}}]}}]}}]}},
        {{"tag":"BatchCount","type":"Integer","value":{count}}}]}}{items}]}}"#
    );
    json::read(json.as_bytes()).and_then(RequestMessage::from_document)
}

fn item(operation: &str, payload: &str) -> String {
    format!(
        r#",{{"tag":"BatchItem","value":[{{"tag":"Operation","type":"Enumeration","value":"{operation}"}},
        {{"tag":"UniqueBatchItemID","type":"ByteString","value":"01"}},{{"tag":"RequestPayload","value":[{payload}]}}]}}"#
    )
}

#[test]
fn a_bad_item_leaves_the_others_alone() {
    let items = [
        item("Get", r#"{"tag":"UniqueIdentifier","type":"TextString","value":"k"}"#),
        item("Fly", ""),
        item("Get", r#"{"tag":"Spoon","type":"Integer","value":1}"#),
        item("Archive", ""),
        item("Get", r#"{"tag":"KeyFormatType","type":"Enumeration","value":"Spoon"}"#),
        String::from(r#",{"tag":"BatchItem","type":"Integer","value":7}"#),
    ];
    let message = read(items.len(), &items.concat()).unwrap();
    let outcomes: Vec<_> = message
        .items
        .iter()
        .map(|item| (item.operation, item.request.as_ref().map(|_| ()).map_err(|error| error.to_string())))
        .collect();
    let payload = "BatchItem/RequestPayload";
    assert_eq!(
        outcomes,
        [
            (Some(Operation::Get), Ok(())),
            (None, Err(String::from("BatchItem/Operation: unknown Operation `Fly`"))),
            (Some(Operation::Get), Err(format!("{payload}: unknown tag `Spoon`"))),
            (Some(Operation::Archive), Err(format!("{payload}: operation Archive is not supported"))),
            (Some(Operation::Get), Err(format!("{payload}/KeyFormatType: unknown KeyFormatType `Spoon`"))),
            (None, Err(String::from("BatchItem: expected a Structure, found an Integer"))),
        ]
    );
    let unknown = message.items.get(1).unwrap();
    assert_eq!(unknown.request.as_ref().unwrap_err().result_reason(), ResultReason::OperationNotSupported);
    assert_eq!(unknown.unique_batch_item_id, Some(Bytes::from(vec![1])));
}

#[test]
fn the_batch_count_must_be_right_and_within_its_bound() {
    assert_eq!(read(0, "").map(|message| message.items.len()), Ok(0));
    let error = read(2, &item("Query", "")).unwrap_err();
    assert_eq!(error.fault(), &Fault::Contradiction(Tag::BatchCount, Tag::BatchItem));
    assert!(read(BATCH_ITEMS, &item("Query", "").repeat(BATCH_ITEMS)).is_ok());
    let error = read(BATCH_ITEMS + 1, &item("Query", "").repeat(BATCH_ITEMS + 1)).unwrap_err();
    assert_eq!(error.fault(), &Fault::TooMany { tag: Tag::BatchItem, bound: BATCH_ITEMS });
}

#[test]
fn a_bad_item_keeps_its_operation_and_its_identifier() {
    let items = [
        // An unknown tag beside the payload.
        item("Get", "").replace(r#"{"tag":"RequestPayload""#, r#"{"tag":"Spoon","value":[]},{"tag":"RequestPayload""#),
        item("0x00000099", ""),
        item("Get", "").replace(r#""ByteString","value":"01""#, r#""TextString","value":"01""#),
        item("Get", "").replace(r#""value":"Get""#, r#""value":7.5"#),
        item("Get", "").replace(
            r#"{"tag":"RequestPayload""#,
            r#"{"tag":"Ephemeral","type":"Boolean","value":true},{"tag":"RequestPayload""#,
        ),
    ];
    let id = Some(Bytes::from(vec![1]));
    let expected = [
        (Some(Operation::Get), None, id.clone(), ResultReason::UnknownTag),
        (None, Some(0x99), id.clone(), ResultReason::OperationNotSupported),
        (Some(Operation::Get), None, None, ResultReason::InvalidDataType),
        (None, None, id.clone(), ResultReason::InvalidDataType),
        (Some(Operation::Get), None, id, ResultReason::FeatureNotSupported),
    ];
    for (item, expected) in read(items.len(), &items.concat()).unwrap().items.into_iter().zip(expected) {
        let reason = item.request.unwrap_err().result_reason();
        assert_eq!((item.operation, item.unknown_operation, item.unique_batch_item_id, reason), expected);
    }
    // The answer names an operation that the standard does not have by its code.
    let failure = ResponseBatchItem::failure(None, None, ResultReason::OperationNotSupported, String::new());
    let item = ResponseBatchItem { unknown_operation: Some(0x99), ..failure };
    let response = ResponseMessage::new(DateTime(0), None, vec![item]);
    let mut out = Vec::new();
    json::write(&response.clone().into_document(), Dialect::Oasis, &mut out);
    assert!(String::from_utf8_lossy(&out).contains(r#""0x00000099""#));
    assert_eq!(json::read(&out).and_then(ResponseMessage::from_document), Ok(response));
}

#[test]
fn a_critical_extension_refuses_the_message() {
    let extended = |critical: bool| {
        let extension = format!(
            r#"{{"tag":"MessageExtension","value":[
            {{"tag":"VendorIdentification","type":"TextString","value":"x"}},
            {{"tag":"CriticalityIndicator","type":"Boolean","value":{critical}}}]}},{{"tag":"RequestPayload""#
        );
        let json = item("Query", "").replace(r#"{"tag":"RequestPayload""#, &extension);
        read(2, &[item("Query", ""), json].concat())
    };
    assert!(extended(false).unwrap().items.iter().all(|item| item.request.is_ok()));
    let refused = extended(true).unwrap().items;
    assert_eq!(refused.len(), 2);
    for item in refused {
        let error = item.request.unwrap_err();
        assert_eq!(
            (error.fault(), error.result_reason()),
            (&Fault::CriticalExtension, ResultReason::UnknownMessageExtension)
        );
        assert_eq!(item.operation, Some(Operation::Query));
    }
}

#[test]
fn messages_survive_their_spelling() {
    let get = get::Request {
        unique_identifier: Some("k".into()),
        key_format_type: None,
        key_wrap_type: None,
        key_compression_type: None,
        key_wrapping_specification: None,
    };
    let request = RequestMessage::new(vec![get.into(), destroy::Request { unique_identifier: None }.into()]);
    let mut out = Vec::new();
    json::write(&request.clone().into_document(), Dialect::Oasis, &mut out);
    assert_eq!(json::read(&out).and_then(RequestMessage::from_document), Ok(request));

    let response = ResponseMessage::new(
        DateTime(1_700_000_000),
        Some(String::from("mine")),
        vec![
            ResponseBatchItem::success(None, Response::Destroy(destroy::Response { unique_identifier: "k".into() })),
            ResponseBatchItem::failure(
                Some(Operation::Get),
                Some(Bytes::from(vec![2])),
                ResultReason::ObjectNotFound,
                String::from("no such object"),
            ),
        ],
    );
    for (dialect, reason) in [(Dialect::Oasis, "ObjectNotFound"), (Dialect::Bare, "Object_Not_Found")] {
        let mut out = Vec::new();
        json::write(&response.clone().into_document(), dialect, &mut out);
        assert!(String::from_utf8_lossy(&out).contains(&format!("\"{reason}\"")));
        assert_eq!(json::read(&out).and_then(ResponseMessage::from_document).as_ref(), Ok(&response));
    }
}

#[test]
fn requests_of_a_message_are_those_of_bare_operations() {
    let message = read(1, &item("Query", "")).unwrap();
    let bare = json::read(br#"{"tag":"Query","value":[]}"#).and_then(Request::from_document);
    assert_eq!(message.items.into_iter().next().unwrap().request, bare);
}
