// SPDX-License-Identifier: Apache-2.0

// Asks auth.test with the token on standard input: node slack.mjs BASE_URL
import { WebClient } from '@slack/web-api';
import { readFileSync } from 'node:fs';

const client = new WebClient(readFileSync(0, 'utf8').trim(), {
  slackApiUrl: `${process.argv[2]}/api/`,
  retryConfig: { retries: 0 },
});
const { user, user_id, team, bot_id } = await client.auth.test();
console.log(JSON.stringify({ user, user_id, team, bot_id }));
