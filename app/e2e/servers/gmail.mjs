// SPDX-License-Identifier: Apache-2.0

// Lists the labels of the mailbox, and says whose it is, with the token on
// standard input: node gmail.mjs BASE_URL
import { gmail } from '@googleapis/gmail';
import { OAuth2Client } from 'google-auth-library';
import { readFileSync } from 'node:fs';

const base = process.argv[2];
const auth = new OAuth2Client();
auth.setCredentials({ access_token: readFileSync(0, 'utf8').trim() });
const labels = await gmail({ version: 'v1', auth, rootUrl: `${base}/` }).users.labels.list({ userId: 'me' });
const { data } = await auth.request({ url: `${base}/oauth2/v2/userinfo` });
console.log(JSON.stringify({ email: data.email, labels: labels.data.labels.length }));
