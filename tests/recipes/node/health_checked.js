// Sends calls only when the server says that it can serve them. grpc-js has no channel that checks
// health, so this watches it. Usage: health_checked.js TARGET NAMESPACE ID
'use strict';

const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const { ProfileContext } = require('./profile_context.js');

const [target, namespace, id] = process.argv.slice(2);
const credentials = grpc.credentials.createInsecure();
const { Health } = grpc.loadPackageDefinition(
  loader.loadSync('grpc/health/v1/health.proto', { includeDirs: [process.env.PC_GRPC_PROTOS] }),
).grpc.health.v1;
const SERVING = 1;

// Resolves when the service is healthy.
function healthy(deadline) {
  const health = new Health(target, credentials);
  const watch = health.Watch({ service: 'profilecontext.v1.ProfileContext' },
    new grpc.Metadata({ waitForReady: true }), { deadline });
  return new Promise((resolve, reject) => {
    watch.on('data', ({ status }) => {
      if (status === SERVING) {
        resolve();
        watch.cancel();
      }
    });
    watch.on('error', reject); // after the promise is kept it changes nothing
  }).finally(() => health.close());
}

async function main() {
  const deadline = Date.now() + 10000;
  await healthy(deadline);
  const client = new ProfileContext(target, credentials);
  client.GetProfile({ identity: { namespace, id } }, { deadline }, (error, response) => {
    if (error) {
      console.error(error.message);
      process.exitCode = 1;
    } else {
      console.log(`first name: ${response.profile.person.name.first_name}`);
    }
    client.close();
  });
}

main();
