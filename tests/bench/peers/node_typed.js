// A grpc-js server that reads the request and makes the answer message anew for every GetContext,
// with protobufjs. Usage: node_typed.js PORT PROTO_FOLDER FILL_FILE. Serves until killed.
'use strict';

const path = require('path');
const grpc = require('@grpc/grpc-js');
const protobuf = require('protobufjs');

const [port, protos, fillFile] = process.argv.slice(2);
const fillContext = require(path.resolve(fillFile));

// protobufjs brings the well-known types itself, this one when asked for.
const descriptor = require('protobufjs/google/protobuf/descriptor.json');
protobuf.common('descriptor', descriptor.nested.google.nested.protobuf.nested);
const root = new protobuf.Root();
root.resolvePath = (origin, target) => path.join(protos, target);
root.loadSync('profilecontext/v1/profile_context.proto', { keepCase: true });
const Request = root.lookupType('profilecontext.v1.GetContextRequest');
const Response = root.lookupType('profilecontext.v1.GetContextResponse');

const service = {
  GetContext: {
    path: '/profilecontext.v1.ProfileContext/GetContext',
    requestStream: false,
    responseStream: false,
    requestDeserialize: (bytes) => Request.decode(bytes),
    requestSerialize: (message) => Request.encode(message).finish(),
    responseDeserialize: (bytes) => Response.decode(bytes),
    responseSerialize: (message) => Response.encode(message).finish(),
  },
};

function getContext(call, answer) {
  if (!call.request.identity) {
    answer({ code: grpc.status.INVALID_ARGUMENT, details: 'identity is missing' });
    return;
  }
  answer(null, fillContext());
}

const server = new grpc.Server();
server.addService(service, { GetContext: getContext });
server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), (error, bound) => {
  if (error) {
    console.error(`node_typed: ${error.message}`);
    process.exit(1);
  }
  console.log(`listening on ${bound}`);
});
