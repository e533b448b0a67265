// Asks for the context of one customer, with a deadline. Usage: get_context.js TARGET NAMESPACE ID
'use strict';

const grpc = require('@grpc/grpc-js');
const { ProfileContext } = require('./profile_context.js');

const [target, namespace, id] = process.argv.slice(2);
const client = new ProfileContext(target, grpc.credentials.createInsecure());

// The server answers before the deadline with what it has by then.
const options = { deadline: Date.now() + 1000 };
client.GetContext({ identity: { namespace, id }, event_limit: 20 }, options, (error, response) => {
  if (error) {
    console.error(error.message);
    process.exitCode = 1;
  } else {
    const { context } = response;
    for (const info of context.sections) {
      if (info.status !== 'SECTION_STATUS_OK') {
        console.log(`${info.section} is incomplete: ${info.status}`);
      }
    }
    console.log(`first name: ${context.profile?.person?.name?.first_name ?? ''}`);
    console.log(`${context.events.length} events`);
  }
  client.close();
});
