// SPDX-License-Identifier: Apache-2.0
import type { Accounts, Connection, ConnectionDetail, Hub, Integration } from "../lib/api/types";

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();

const svg = (fill: string, shape: string) => `<svg viewBox="0 0 24 24"><g fill="${fill}">${shape}</g></svg>`;

export function integration(slug: string, name: string, over: Partial<Integration> = {}): Integration {
  return {
    slug,
    provider: slug,
    name,
    description: `Used to read ${name} data`,
    icon: "",
    docs_url: "https://example.org/docs",
    console_url: "https://example.org/console",
    setup_steps: [
      `Open ${name}'s developer settings and create an OAuth app.`,
      "Enter the redirect URI below.",
      "Copy the client ID and a client secret into the fields.",
    ],
    state: "ready",
    enabled: true,
    from_file: false,
    credentials: "sandbox",
    credentials_offered: ["sandbox", "own"],
    client_id: "",
    client_secret_set: false,
    client_secret_hint: "",
    secret_required: true,
    redirect_uri: `http://127.0.0.1:4780/callback/${slug}`,
    scopes: [
      { name: "read:user", title: "Read your profile", default: true, required: true, selected: true },
      {
        name: "repo",
        title: "Read and write your repositories",
        default: true,
        required: false,
        selected: true,
      },
      { name: "gist", title: "Write gists", default: false, required: false, selected: false },
    ],
    config: [],
    capabilities: ["refresh", "revoke", "identify"],
    ...over,
  };
}

export function connection(
  id: string,
  slug: string,
  label: string,
  over: Partial<Connection> = {},
): Connection {
  return {
    id,
    integration: slug,
    provider: slug,
    owner: { user: "me" },
    state: "connected",
    account: { label },
    scopes: ["read:user", "repo"],
    missing_scopes: [],
    sandbox: false,
    expires_at: ago(-47),
    last_refresh: ago(13),
    created_at: ago(5000),
    updated_at: ago(10),
    ...over,
  };
}

/** A connection with everything that its page shows. */
export function detail(c: Connection): ConnectionDetail {
  return {
    ...c,
    token_type: "Bearer",
    expiry_source: "declared",
    renewable: true,
    generation: 7,
    metadata: { instance_url: "https://acme.my.salesforce.com" },
    named: [],
    config: {},
    client_id: "Iv1.0123456789abcdef",
    apps: [
      { id: "app_1", name: "backup script", all: false, last_used: ago(42) },
      { id: "app_2", name: "editor", all: true },
    ],
  };
}

const hub: Hub = {
  version: "v0.1.0",
  app_api: "http://127.0.0.1:4780",
  key_source: "keychain",
  sandbox: "http://127.0.0.1:4790",
  data: "/home/ada/.local/share/standpipe",
  config: "/home/ada/.config/standpipe/standpipe.hcl",
  notices: [],
};

const github = integration("github", "GitHub", {
  icon: svg(
    "#1b1f24",
    '<path d="M12 2a10 10 0 0 0-3 19v-4c-4 0-4-4-4-4 1 0 2 2 4 2l1-2c-4-1-5-5-2-8l1-3 3 1h3l3-1 1 3c2 3 1 7-3 8l1 2v6A10 10 0 0 0 12 2z"/>',
  ),
});
const slack = integration("slack", "Slack", {
  credentials: "own",
  client_id: "123.456",
  client_secret_set: true,
  client_secret_hint: "9f3c",
  from_file: true,
  icon: svg(
    "#611f69",
    '<rect x="4" y="10" width="16" height="4" rx="2"/><rect x="10" y="4" width="4" height="16" rx="2"/>',
  ),
});
const google = integration("google", "Google", {
  credentials: "own",
  client_id: "abc.apps",
  icon: svg("#1a73e8", '<circle cx="12" cy="12" r="9"/>'),
});
const salesforce = integration("salesforce", "Salesforce", {
  state: "needs_setup",
  enabled: false,
  credentials: "",
  credentials_offered: ["own"],
  problem: "A client ID and secret are missing.",
  config: [
    {
      key: "host",
      label: "Login host",
      description: "Where you sign in.",
      example: "acme.my.salesforce.com",
      pattern: "[a-z0-9-]+(\\.[a-z0-9-]+)+",
      default: "login.salesforce.com",
      required: true,
      installation: false,
      value: "",
    },
  ],
});

const some: Accounts = {
  integrations: [
    github,
    slack,
    google,
    salesforce,
    integration("notion", "Notion"),
    integration("linear", "Linear", { credentials: "public" }),
    integration("gitlab", "GitLab", { state: "disabled", enabled: false }),
    integration("zoom", "Zoom", {
      state: "unavailable",
      problem: "The plugin of Zoom does not start: its hash is not the listed one.",
    }),
    integration("discord", "Discord"),
  ],
  connections: [
    connection("c1", "github", "octocat", {
      sandbox: true,
      account: { label: "octocat", name: "Mona Octocat", email: "mona@example.org" },
    }),
    connection("c2", "github", "work-bot", {
      sandbox: true,
      missing_scopes: ["gist"],
      account: { label: "work-bot", name: '<img src=x onerror="alert(1)">' },
    }),
    connection("c3", "slack", "ada@acme", {
      state: "needs_reauthorization",
      reason: "revoked_by_user",
      remedy: "The access was withdrawn at the provider. Reauthorize to grant it again.",
    }),
    connection("c4", "google", "ada@example.org", {
      health: {
        code: "provider_unavailable",
        message: "Google cannot be reached",
        since: ago(12),
        next_try: ago(-4),
      },
    }),
  ],
};

const none: Accounts = { integrations: [], connections: [] };
const warned: Hub = {
  ...hub,
  notices: [
    {
      severity: "warning",
      message: "The client secret of slack stands in clear text in standpipe.hcl.",
      remedy: 'Use file("…") or keychain("…").',
    },
  ],
};
const many: Accounts = {
  integrations: Array.from({ length: 60 }, (_, n) => integration(`p${n}`, `Provider ${n}`)),
  connections: [],
};

export const scenes: Record<string, { hub: Hub; accounts: Accounts }> = {
  mixed: { hub, accounts: some },
  warned: { hub: warned, accounts: some },
  first: { hub, accounts: { integrations: some.integrations, connections: [] } },
  empty: { hub, accounts: none },
  many: { hub, accounts: many },
};
