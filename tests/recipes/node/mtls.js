// Shows the server a certificate, and believes only one that this CA has signed.
// Usage: mtls.js TARGET CA CERTIFICATE KEY NAMESPACE ID
'use strict';

const fs = require('fs');
const grpc = require('@grpc/grpc-js');
const { ProfileContext } = require('./profile_context.js');

const [target, ca, certificate, key, namespace, id] = process.argv.slice(2);
const client = new ProfileContext(target, grpc.credentials.createSsl(
  fs.readFileSync(ca), fs.readFileSync(key), fs.readFileSync(certificate)));

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
