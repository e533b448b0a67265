// The interop cases through connect-node, speaking gRPC. Usage: connect_client.js HOST:PORT
// [CA CERTIFICATE KEY]. Environment: PC_TESTING_DESCRIPTORS is the descriptor set of grpc.testing.
'use strict';

const fs = require('fs');
const { createFileRegistry, fromBinary } = require('@bufbuild/protobuf');
const { FileDescriptorSetSchema } = require('@bufbuild/protobuf/wkt');
const { Code, createClient, encodeBinaryHeader, decodeBinaryHeader } = require('@connectrpc/connect');
const { compressionGzip, createGrpcTransport } = require('@connectrpc/connect-node');
const { Skip, fails, run, same, specialMessage } = require('./cases.js');

const [target, ...files] = process.argv.slice(2);
const read = (path) => fs.readFileSync(path);
const registry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, read(process.env.PC_TESTING_DESCRIPTORS)));
const decompressions = { since: 0 };
const countingGzip = {
  ...compressionGzip,
  decompress: (...given) => {
    decompressions.since += 1;
    return compressionGzip.decompress(...given);
  },
};
const secure = files.length > 0;

function client(service, options = {}) {
  return createClient(registry.getService(service), createGrpcTransport({
    baseUrl: `${secure ? 'https' : 'http'}://${target}`,
    acceptCompression: [countingGzip],
    nodeOptions: secure
      ? { ca: read(files[0]), cert: read(files[1]), key: read(files[2]) }
      : {},
    ...options,
  }));
}

const test = client('grpc.testing.TestService');
const gzipTest = client('grpc.testing.TestService', { sendCompression: countingGzip });
const unimplemented = client('grpc.testing.UnimplementedService');
const limit = { timeoutMs: 30000 };

const payload = (size) => ({ body: new Uint8Array(size) });
const large = (fields) => ({ responseSize: 314159, payload: payload(271828), ...fields });

async function isLarge(promise) {
  const answer = await promise;
  same(Buffer.from(answer.payload.body).equals(Buffer.alloc(314159)), true, 'a payload of zeros');
}

async function sizes(stream, onData = () => {}) {
  const seen = [];
  for await (const message of stream) {
    seen.push(message.payload.body.length);
    onData(seen.length);
  }
  return seen;
}

// A stream of requests that are given to it one after the other.
function requests() {
  const waiting = [];
  let wake = () => {};
  const put = (item) => {
    waiting.push(item);
    wake();
  };
  async function* all() {
    for (;;) {
      while (waiting.length === 0) {
        await new Promise((resolve) => { wake = resolve; });
      }
      const item = waiting.shift();
      if (item === null) {
        return;
      }
      yield item;
    }
  }
  return { all: all(), send: put, end: () => put(null) };
}

async function* of(...items) {
  yield* items;
}

run({
  async empty_unary() {
    await test.emptyCall({}, limit);
  },

  async large_unary() {
    await isLarge(test.unaryCall(large(), limit));
  },

  async client_compressed_unary() {
    const expecting = (value) => large({ expectCompressed: { value } });
    await fails(Code.InvalidArgument, test.unaryCall(expecting(true), limit));
    await isLarge(gzipTest.unaryCall(expecting(true), limit));
    await isLarge(test.unaryCall(expecting(false), limit));
  },

  async server_compressed_unary() {
    for (const value of [true, false]) {
      decompressions.since = 0;
      await isLarge(test.unaryCall(large({ responseCompressed: { value } }), limit));
      same(decompressions.since, value ? 1 : 0, 'messages that came compressed');
    }
  },

  async client_streaming() {
    const parts = [27182, 8, 1828, 45904].map((size) => ({ payload: payload(size) }));
    const answer = await test.streamingInputCall(of(...parts), limit);
    same(answer.aggregatedPayloadSize, 74922, 'the sum');
  },

  async client_compressed_streaming() {
    throw new Skip('connect-node compresses messages from a size on, not this one and not that');
  },

  async server_streaming() {
    const wanted = [31415, 9, 2653, 58979];
    const stream = test.streamingOutputCall(
      { responseParameters: wanted.map((size) => ({ size })) }, limit);
    same(await sizes(stream), wanted, 'sizes');
  },

  async server_compressed_streaming() {
    decompressions.since = 0;
    const stream = test.streamingOutputCall({
      responseParameters: [
        { size: 31415, compressed: { value: true } },
        { size: 92653, compressed: { value: false } },
      ],
    }, limit);
    same(await sizes(stream), [31415, 92653], 'sizes');
    same(decompressions.since, 1, 'messages that came compressed');
  },

  async ping_pong() {
    const turns = [[27182, 31415], [8, 9], [1828, 2653], [45904, 58979]];
    const { all, send, end } = requests();
    const ask = (turn) => {
      if (turn === turns.length) {
        end();
      } else {
        const [size, wanted] = turns[turn];
        send({ responseParameters: [{ size: wanted }], payload: payload(size) });
      }
    };
    ask(0);
    same(await sizes(test.fullDuplexCall(all, limit), ask), turns.map(([, wanted]) => wanted),
      'sizes');
  },

  async empty_stream() {
    same(await sizes(test.fullDuplexCall(of(), limit)), [], 'sizes');
  },

  async custom_metadata() {
    const header = 'x-grpc-test-echo-initial';
    const trailer = 'x-grpc-test-echo-trailing-bin';
    const sent = Uint8Array.from([0xab, 0xab, 0xab]);
    const check = async (call) => {
      let head;
      let end;
      await call({
        ...limit,
        headers: { [header]: 'test_initial_metadata_value', [trailer]: encodeBinaryHeader(sent) },
        onHeader: (headers) => { head = headers; },
        onTrailer: (trailers) => { end = trailers; },
      });
      same(head.get(header), 'test_initial_metadata_value', 'the header');
      same([...decodeBinaryHeader(end.get(trailer))], [...sent], 'the trailer');
    };
    await check((options) => isLarge(test.unaryCall(large(), options)));
    await check((options) => sizes(test.fullDuplexCall(
      of({ responseParameters: [{ size: 314159 }], payload: payload(271828) }), options)));
  },

  async status_code_and_message() {
    const responseStatus = { code: Code.Unknown, message: 'test status message' };
    let error = await fails(Code.Unknown, test.unaryCall({ responseStatus }, limit));
    same(error.rawMessage, responseStatus.message, 'the message');
    error = await fails(Code.Unknown, sizes(test.fullDuplexCall(of({ responseStatus }), limit)));
    same(error.rawMessage, responseStatus.message, 'the message of a stream');
  },

  async special_status_message() {
    const responseStatus = { code: Code.Unknown, message: specialMessage };
    const error = await fails(Code.Unknown, test.unaryCall({ responseStatus }, limit));
    same(error.rawMessage, specialMessage, 'the message');
  },

  async unimplemented_method() {
    await fails(Code.Unimplemented, test.unimplementedCall({}, limit));
  },

  async unimplemented_service() {
    await fails(Code.Unimplemented, unimplemented.unimplementedCall({}, limit));
  },

  async cancel_after_begin() {
    const abort = new AbortController();
    const { all, end } = requests();
    const answer = test.streamingInputCall(all, { ...limit, signal: abort.signal });
    abort.abort();
    end();
    await fails(Code.Canceled, answer);
  },

  async cancel_after_first_response() {
    const abort = new AbortController();
    const { all, send } = requests();
    send({ responseParameters: [{ size: 31415 }], payload: payload(27182) });
    const stream = test.fullDuplexCall(all, { ...limit, signal: abort.signal });
    await fails(Code.Canceled, sizes(stream, () => abort.abort()));
  },

  async timeout_on_sleeping_server() {
    const { all, send } = requests();
    send({ payload: payload(27182) });
    await fails(Code.DeadlineExceeded, sizes(test.fullDuplexCall(all, { timeoutMs: 1 })));
    const sleeping = test.streamingOutputCall(
      { responseParameters: [{ size: 1, intervalUs: 30000000 }] }, { timeoutMs: 50 });
    await fails(Code.DeadlineExceeded, sizes(sleeping));
  },

  async concurrent_large_unary() {
    await Promise.all(Array.from({ length: 1000 },
      () => isLarge(test.unaryCall(large(), { timeoutMs: 120000 }))));
  },
});
