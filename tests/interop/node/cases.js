// What the two Node clients of the interop cases share: running them one by one.
'use strict';

class Skip extends Error {}

function same(found, wanted, what) {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) {
    throw new Error(`${what} is ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`);
  }
}

// Waits for a promise that has to fail with this code; the error.
async function fails(code, promise) {
  let error;
  try {
    await promise;
  } catch (caught) {
    error = caught;
  }
  if (error === undefined) {
    throw new Error(`went well, wanted code ${code}`);
  }
  same(error.code, code, `code of ${error.message}`);
  return error;
}

// Counts the messages that come compressed: grpc-js reads them with Node's zlib.
function countDecompressions(zlib) {
  const count = { since: 0 };
  for (const name of ['createGunzip', 'createInflate']) {
    const real = zlib[name];
    Object.defineProperty(zlib, name, {
      value: (...given) => {
        count.since += 1;
        return real.apply(zlib, given);
      },
    });
  }
  return count;
}

// Prints a line for each case: its name, a tab, and "ok", "skip" or "FAIL" with another tab and why.
// Ends the process, and with it the connections that are still open.
async function run(cases) {
  // Of what a failed case has left behind; it is told already.
  process.on('unhandledRejection', () => {});
  for (const [name, body] of Object.entries(cases)) {
    let result = 'ok';
    try {
      await body();
    } catch (error) {
      const word = error instanceof Skip ? 'skip' : 'FAIL';
      result = `${word}\t${error.message.replace(/\s/g, ' ')}`;
    }
    console.log(`${name}\t${result}`);
  }
  process.exit(0);
}

module.exports = {
  Skip,
  countDecompressions,
  fails,
  run,
  same,
  specialMessage: '\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \u{1f608}\t\n',
};
