// SPDX-License-Identifier: Apache-2.0

// Draws a token with WorkOS's published SDK, its base URL on the hub:
//   node workos.mjs PORT PROVIDER USER   (the key on standard input)
import { WorkOS } from '@workos-inc/node';
import { readFileSync } from 'node:fs';

const [port, provider, userId] = process.argv.slice(2);
const workos = new WorkOS({
  apiKey: readFileSync(0, 'utf8').trim(),
  apiHostname: '127.0.0.1',
  port: Number(port),
  https: false,
});
const attempt = async (f) => {
  try {
    return await f();
  } catch (error) {
    return { exception: error.constructor.name, status: error.status, message: error.message, requestId: error.requestID };
  }
};
console.log(
  JSON.stringify({
    token: await attempt(() => workos.pipes.getAccessToken({ provider, userId })),
    missing: await attempt(() => workos.pipes.getAccessToken({ provider: 'no-such-provider', userId })),
  }),
);
