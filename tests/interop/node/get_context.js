// GetContext through grpc-js: prints the answer's bytes as they are after this client has read and
// written them, in base64. Usage: get_context.js ADDRESS PROTO_FOLDER NAMESPACE ID
'use strict';

const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [address, protos, namespace, id] = process.argv.slice(2);
const definition = loader.loadSync('profilecontext/v1/profile_context.proto', {
  includeDirs: [protos],
  keepCase: true,
  longs: String,
  defaults: false,
  oneofs: true,
});
const { ProfileContext } = grpc.loadPackageDefinition(definition).profilecontext.v1;
const client = new ProfileContext(address, grpc.credentials.createInsecure());
const method = definition['profilecontext.v1.ProfileContext'].GetContext;

client.GetContext(
  { identity: { namespace, id } },
  { deadline: Date.now() + 10000 },
  (error, answer) => {
    if (error) {
      console.error(`${error.code} ${error.details}`);
      process.exit(1);
    }
    console.log(Buffer.from(method.responseSerialize(answer)).toString('base64'));
    client.close();
  },
);
