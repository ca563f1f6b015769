// SPDX-License-Identifier: Apache-2.0

// Queries Salesforce with a token of the hub's, which jsforce asks for anew when
// the API refuses it. Standard input: {"key", "token", "instance"}.
//   node jsforce.mjs HUB_URL
import jsforce from 'jsforce';
import { readFileSync } from 'node:fs';

const { key, token, instance } = JSON.parse(readFileSync(0, 'utf8'));
let refreshes = 0;
const connection = new jsforce.Connection({
  instanceUrl: instance,
  accessToken: token,
  refreshFn: async (conn, done) => {
    refreshes++;
    const response = await fetch(`${process.argv[2]}/data-integrations/salesforce/token`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ refused_token: conn.accessToken }),
    });
    const body = await response.json();
    if (body.active) done(null, body.access_token.access_token);
    else done(new Error(JSON.stringify(body)));
  },
});
const result = await connection.query('SELECT Id, Name FROM Account');
console.log(JSON.stringify({ records: result.totalSize, refreshes, token: connection.accessToken }));
