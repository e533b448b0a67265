// Tries again what failed in passing, by gRPC's own retries. Usage: retries.js TARGET NAMESPACE ID
'use strict';

const grpc = require('@grpc/grpc-js');
const { ProfileContext } = require('./profile_context.js');

const [target, namespace, id] = process.argv.slice(2);
// The tries share one deadline; only calls that change nothing belong here.
const serviceConfig = {
  methodConfig: [{
    name: [{ service: 'profilecontext.v1.ProfileContext' }],
    retryPolicy: {
      maxAttempts: 4,
      initialBackoff: '0.2s',
      maxBackoff: '2s',
      backoffMultiplier: 2,
      retryableStatusCodes: ['UNAVAILABLE'],
    },
  }],
};
const client = new ProfileContext(target, grpc.credentials.createInsecure(), {
  'grpc.service_config': JSON.stringify(serviceConfig),
});

const options = { deadline: Date.now() + 10000 };
client.GetProfile({ identity: { namespace, id } }, options, (error, response) => {
  if (error) {
    console.error(error.message);
    process.exitCode = 1;
  } else {
    console.log(`first name: ${response.profile.person.name.first_name}`);
  }
  client.close();
});
