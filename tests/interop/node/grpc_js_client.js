// The interop cases through grpc-js. Usage: grpc_js_client.js HOST:PORT [CA CERTIFICATE KEY]
// Environment: PC_TESTING_DESCRIPTORS is the descriptor set of grpc.testing.
'use strict';

const fs = require('fs');
const zlib = require('zlib');
const { countDecompressions, fails, run, same, specialMessage } = require('./cases.js');

const decompressions = countDecompressions(zlib); // before grpc-js takes hold of it
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [target, ...files] = process.argv.slice(2);
const read = (path) => fs.readFileSync(path);
const credentials = files.length === 0
  ? grpc.credentials.createInsecure()
  : grpc.credentials.createSsl(read(files[0]), read(files[2]), read(files[1]));
const { TestService, UnimplementedService } = grpc.loadPackageDefinition(
  loader.loadFileDescriptorSetFromBuffer(read(process.env.PC_TESTING_DESCRIPTORS), {
    keepCase: true,
    defaults: true,
  }),
).grpc.testing;
const GZIP = 2;
const NO_COMPRESS = 2;
const test = new TestService(target, credentials);
// Good for one call: having seen core's "identity, deflate, gzip", grpc-js takes " gzip" for another
// algorithm, and compresses no more.
const gzipTest = () => new TestService(target, credentials, {
  'grpc.default_compression_algorithm': GZIP,
});
const unimplemented = new UnimplementedService(target, credentials);
const { status, Metadata } = grpc;

const payload = (size) => ({ body: Buffer.alloc(size) });
const large = (fields) => ({ response_size: 314159, payload: payload(271828), ...fields });
const withDeadline = (seconds = 30) => ({ deadline: Date.now() + seconds * 1000 });

// The answer of a unary call.
function unary(method, request, { client = test, metadata = new Metadata(), seconds } = {}) {
  return new Promise((resolve, reject) => {
    client[method](request, metadata, withDeadline(seconds), (error, answer) => {
      if (error) {
        reject(error);
      } else {
        resolve(answer);
      }
    });
  });
}

// The call and the promise of the answer of StreamingInputCall.
function input(client = test) {
  let call;
  const answer = new Promise((resolve, reject) => {
    call = client.StreamingInputCall(withDeadline(), (error, message) => {
      if (error) {
        reject(error);
      } else {
        resolve(message);
      }
    });
  });
  return { call, answer };
}

// The sizes of all that a stream brings.
function sizes(call, onData = () => {}) {
  return new Promise((resolve, reject) => {
    const seen = [];
    call.on('data', (message) => {
      seen.push(message.payload.body.length);
      onData(seen.length);
    });
    call.on('error', reject);
    call.on('end', () => resolve(seen));
  });
}

async function isLarge(promise) {
  const answer = await promise;
  same(answer.payload.body.equals(Buffer.alloc(314159)), true, 'a payload of zeros');
}

run({
  async empty_unary() {
    same(await unary('EmptyCall', {}), {}, 'the answer');
  },

  async large_unary() {
    await isLarge(unary('UnaryCall', large()));
  },

  async client_compressed_unary() {
    const expecting = (value) => large({ expect_compressed: { value } });
    await fails(status.INVALID_ARGUMENT, unary('UnaryCall', expecting(true)));
    await isLarge(unary('UnaryCall', expecting(true), { client: gzipTest() }));
    await isLarge(unary('UnaryCall', expecting(false)));
  },

  async server_compressed_unary() {
    for (const value of [true, false]) {
      decompressions.since = 0;
      await isLarge(unary('UnaryCall', large({ response_compressed: { value } })));
      same(decompressions.since, value ? 1 : 0, 'messages that came compressed');
    }
  },

  async client_streaming() {
    const { call, answer } = input();
    for (const size of [27182, 8, 1828, 45904]) {
      call.write({ payload: payload(size) });
    }
    call.end();
    same((await answer).aggregated_payload_size, 74922, 'the sum');
  },

  async client_compressed_streaming() {
    const probe = input();
    probe.call.write({ payload: payload(27182), expect_compressed: { value: true } });
    probe.call.end();
    await fails(status.INVALID_ARGUMENT, probe.answer);
    const { call, answer } = input(gzipTest());
    await new Promise((resolve) => {
      call.write({ payload: payload(27182), expect_compressed: { value: true } }, resolve);
    });
    // What write() would take as flags, Node's own streams refuse by now.
    await new Promise((resolve) => {
      call.call.sendMessageWithContext({ flags: NO_COMPRESS, callback: resolve },
        { payload: payload(45904), expect_compressed: { value: false } });
    });
    call.end();
    same((await answer).aggregated_payload_size, 73086, 'the sum');
  },

  async server_streaming() {
    const wanted = [31415, 9, 2653, 58979];
    const call = test.StreamingOutputCall(
      { response_parameters: wanted.map((size) => ({ size })) }, withDeadline());
    same(await sizes(call), wanted, 'sizes');
  },

  async server_compressed_streaming() {
    decompressions.since = 0;
    const call = test.StreamingOutputCall({
      response_parameters: [
        { size: 31415, compressed: { value: true } },
        { size: 92653, compressed: { value: false } },
      ],
    }, withDeadline());
    same(await sizes(call), [31415, 92653], 'sizes');
    same(decompressions.since, 1, 'messages that came compressed');
  },

  async ping_pong() {
    const turns = [[27182, 31415], [8, 9], [1828, 2653], [45904, 58979]];
    const call = test.FullDuplexCall(withDeadline());
    const ask = (turn) => {
      if (turn === turns.length) {
        call.end();
      } else {
        const [size, wanted] = turns[turn];
        call.write({ response_parameters: [{ size: wanted }], payload: payload(size) });
      }
    };
    const seen = sizes(call, ask);
    ask(0);
    same(await seen, turns.map(([, wanted]) => wanted), 'sizes');
  },

  async empty_stream() {
    const call = test.FullDuplexCall(withDeadline());
    call.end();
    same(await sizes(call), [], 'sizes');
  },

  async custom_metadata() {
    const header = 'x-grpc-test-echo-initial';
    const trailer = 'x-grpc-test-echo-trailing-bin';
    const metadata = new Metadata();
    metadata.set(header, 'test_initial_metadata_value');
    metadata.set(trailer, Buffer.from([0xab, 0xab, 0xab]));
    const check = async (call, done) => {
      const head = new Promise((resolve) => { call.on('metadata', resolve); });
      const end = new Promise((resolve) => { call.on('status', resolve); });
      await done;
      same((await head).get(header), ['test_initial_metadata_value'], 'the header');
      same((await end).metadata.get(trailer), [Buffer.from([0xab, 0xab, 0xab])], 'the trailer');
    };
    let call;
    const answered = new Promise((resolve, reject) => {
      call = test.UnaryCall(large(), metadata, withDeadline(),
        (error) => (error ? reject(error) : resolve()));
    });
    await check(call, answered);
    const stream = test.FullDuplexCall(metadata, withDeadline());
    stream.write({ response_parameters: [{ size: 314159 }], payload: payload(271828) });
    stream.end();
    await check(stream, sizes(stream));
  },

  async status_code_and_message() {
    const wanted = { code: status.UNKNOWN, message: 'test status message' };
    let error = await fails(status.UNKNOWN, unary('UnaryCall', { response_status: wanted }));
    same(error.details, wanted.message, 'the message');
    const call = test.FullDuplexCall(withDeadline());
    call.write({ response_status: wanted });
    call.end();
    error = await fails(status.UNKNOWN, sizes(call));
    same(error.details, wanted.message, 'the message of a stream');
  },

  async special_status_message() {
    const error = await fails(status.UNKNOWN, unary('UnaryCall', {
      response_status: { code: status.UNKNOWN, message: specialMessage },
    }));
    same(error.details, specialMessage, 'the message');
  },

  async unimplemented_method() {
    await fails(status.UNIMPLEMENTED, unary('UnimplementedCall', {}));
  },

  async unimplemented_service() {
    await fails(status.UNIMPLEMENTED, unary('UnimplementedCall', {}, { client: unimplemented }));
  },

  async cancel_after_begin() {
    const { call, answer } = input();
    call.cancel();
    await fails(status.CANCELLED, answer);
  },

  async cancel_after_first_response() {
    const call = test.FullDuplexCall(withDeadline());
    const end = sizes(call, () => call.cancel());
    call.write({ response_parameters: [{ size: 31415 }], payload: payload(27182) });
    await fails(status.CANCELLED, end);
  },

  async timeout_on_sleeping_server() {
    const call = test.FullDuplexCall(withDeadline(0.001));
    call.write({ payload: payload(27182) });
    await fails(status.DEADLINE_EXCEEDED, sizes(call));
    const sleeping = test.StreamingOutputCall(
      { response_parameters: [{ size: 1, interval_us: 30000000 }] }, withDeadline(0.05));
    await fails(status.DEADLINE_EXCEEDED, sizes(sleeping));
  },

  async concurrent_large_unary() {
    const calls = Array.from({ length: 1000 },
      () => isLarge(unary('UnaryCall', large(), { seconds: 120 })));
    await Promise.all(calls);
  },
});
