// The service's stub, from its .proto files. PC_PROTOS is the folder of these.
'use strict';

const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const definition = loader.loadSync(
  'profilecontext/v1/profile_context.proto',
  {
    includeDirs: [process.env.PC_PROTOS],
    keepCase: true,
    enums: String,
    longs: String,
    defaults: true,
    oneofs: true,
  },
);

module.exports = {
  ProfileContext: grpc.loadPackageDefinition(definition).profilecontext.v1.ProfileContext,
};
