// Reads the details of an error (google.rpc.Status). Usage: error_details.js TARGET
'use strict';

const grpc = require('@grpc/grpc-js');
const protobuf = require('protobufjs');
const { ProfileContext } = require('./profile_context.js');

const [target] = process.argv.slice(2);
const client = new ProfileContext(target, grpc.credentials.createInsecure());
const types = new protobuf.Root();
types.resolvePath = (origin, path) => (path.startsWith('google/protobuf/')
  ? path : `${process.env.PC_PROTOS}/${path}`);
types.loadSync(['google/rpc/status.proto', 'google/rpc/error_details.proto']);

// The details by type, such as details.ErrorInfo.
function detailsOf(error) {
  const found = {};
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  const status = bytes ? types.lookupType('google.rpc.Status').decode(bytes) : { details: [] };
  for (const item of status.details) {
    const name = item.type_url.split('/').pop();
    found[name.split('.').pop()] = types.lookupType(name).decode(item.value);
  }
  return found;
}

// Wrong on purpose: there is no identity without a namespace.
client.GetContext({ identity: {} }, { deadline: Date.now() + 1000 }, (error) => {
  const { ErrorInfo, BadRequest, RetryInfo, RequestInfo } = detailsOf(error);
  // The code is for general rules, the reason for special ones; the message is for people.
  console.log(`code: ${grpc.status[error.code]}`);
  if (ErrorInfo) {
    console.log(`reason: ${ErrorInfo.reason}`);
    console.log(`domain: ${ErrorInfo.domain}`);
  }
  for (const violation of BadRequest?.fieldViolations ?? []) {
    console.log(`field: ${violation.field}: ${violation.description}`);
  }
  if (RetryInfo) {
    console.log(`retry after: ${RetryInfo.retryDelay.seconds * 1000} ms`);
  }
  if (RequestInfo) {
    console.log(`request id: ${RequestInfo.requestId}`);
  }
  client.close();
});
