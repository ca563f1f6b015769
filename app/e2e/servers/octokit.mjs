// SPDX-License-Identifier: Apache-2.0

// Reads /user with the token on standard input: node octokit.mjs BASE_URL
import { Octokit } from 'octokit';
import { readFileSync } from 'node:fs';

const octokit = new Octokit({ auth: readFileSync(0, 'utf8').trim(), baseUrl: process.argv[2] });
const { data } = await octokit.rest.users.getAuthenticated();
console.log(JSON.stringify({ login: data.login, id: data.id }));
