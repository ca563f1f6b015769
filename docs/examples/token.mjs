// SPDX-License-Identifier: Apache-2.0
// Draws a fresh token of an integration: node token.mjs github
// Node 20 or newer, no packages. The key is read from a file with mode 0600:
//   mkdir -p -m 700 ~/.config/my-script
//   standpipe apps add my-script --grant github --key-file ~/.config/my-script/standpipe.key

import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';

const url = process.env.STANDPIPE_URL ?? 'http://127.0.0.1:4780';
const keyFile = process.env.STANDPIPE_KEY_FILE ?? `${homedir()}/.config/my-script/standpipe.key`;

/** Returns { access_token, expires_at, scopes, … } of a live token, or throws with code and remedy. */
export async function token(integration, minTTL = 0) {
  const response = await fetch(`${url}/data-integrations/${integration}/token`, {
    method: 'POST',
    redirect: 'error',
    headers: {
      Authorization: `Bearer ${(await readFile(keyFile, 'utf8')).trim()}`,
      'Content-Type': 'application/json',
      Prefer: 'wait=30', // gives the user half a minute to allow a first draw
    },
    body: JSON.stringify({ min_ttl: minTTL }),
  });
  const body = await response.json();
  if (!response.ok || !body.active) {
    const error = new Error(`standpipe: ${body.message ?? `${integration} cannot be drawn from`} ${body.remedy ?? ''}`.trim());
    throw Object.assign(error, { code: body.code ?? body.error, remedy: body.remedy });
  }
  return body.access_token;
}

if (import.meta.filename === process.argv[1]) {
  try {
    console.log((await token(process.argv[2])).access_token);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
