// SPDX-License-Identifier: Apache-2.0
import type { Activity, ActivityEntry, App, Approval, Lock, Pairing } from "../lib/api/access";
import type {
  Accounts,
  Checked,
  Connection,
  ConnectionDetail,
  CustomProvider,
  Hub,
  Integration,
  ProviderFile,
  ProviderPreview,
} from "../lib/api/types";

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
    plugin: {
      name: slug,
      source: "bundled",
      development: false,
      state: "running",
      network: "closed",
      files: "closed",
    },
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
    named:
      c.id === "c2"
        ? [
            {
              name: "user",
              scopes: ["search:read"],
              reason: "revoked_by_user",
              remedy: "The access was withdrawn at the provider. Reauthorize to grant it again.",
            },
          ]
        : [],
    config: {},
    client_id: "Iv1.0123456789abcdef",
    apps: [
      { id: "app_1", name: "backup script", all: false, last_used: ago(42) },
      { id: "app_2", name: "editor", all: true },
    ],
    history: [
      { time: ago(10), cause: "ahead" },
      { time: ago(70), cause: "draw" },
      { time: ago(75), cause: "ahead", code: "provider_unavailable", message: "it answers with HTTP 503" },
      { time: ago(130), cause: "refused" },
      {
        time: ago(600),
        cause: "draw",
        code: "needs_reauthorization",
        reason: "revoked_by_user",
        message: "The access was withdrawn at the provider.",
      },
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
  relays: true,
  narrows_audience: true,
  audiences: ["https://api.example.org/"],
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
    integration("acme", "Acme CRM", {
      custom: true,
      credentials: "own",
      credentials_offered: ["own", "public"],
      client_id: "acme-client",
      secret_required: false,
      plugin: { name: "oauth2", source: "bundled", development: false, state: "stopped" },
    }),
    integration("intranet", "Intranet", {
      declared_in: "/home/ada/.config/standpipe/providers/intranet.hcl",
      hides_custom: true,
      plugin: { name: "oauth2", source: "bundled", development: false, state: "stopped" },
    }),
    integration("draft", "Plugin draft", {
      plugin: {
        name: "draft",
        source: "development",
        development: true,
        state: "backoff",
        error: "it ended with status 2: panic: not finished",
        network: "limited",
        files: "open",
        missing: ["This kernel has no Landlock: the user's files stay within reach."],
      },
    }),
  ],
  connections: [
    connection("c1", "github", "octocat", {
      sandbox: true,
      account: { label: "octocat", name: "Mona Octocat", email: "mona@example.org" },
      picture: "a1",
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

/** Declared on the page. */
export const custom: CustomProvider = {
  slug: "acme",
  name: "Acme CRM",
  authorize_url: "https://login.acme.example/oauth/authorize",
  token_url: "https://api.acme.example/oauth/token",
  scope_separator: ",",
  authorize_params: { prompt: "consent" },
  scopes: [{ name: "contacts.read", title: "Read your contacts" }],
  identity: {
    url: "https://api.acme.example/v1/me",
    subject: "data.id",
    login: "data.login",
    picture: "data.avatar",
  },
  picture_hosts: ["images.acme.example"],
};
export const customFile: ProviderFile = {
  name: "acme.hcl",
  text: `# The provider acme, as it was declared in Standpipe. Keep this file as
# providers/acme.hcl beside standpipe.hcl, on any machine.

provider "acme" {
  name          = "Acme CRM"
  authorize_url = "https://login.acme.example/oauth/authorize"
  token_url     = "https://api.acme.example/oauth/token"
}
`,
};
export const preview: ProviderPreview = {
  authorization_url:
    "https://login.acme.example/oauth/authorize?client_id=YOUR-CLIENT-ID&code_challenge=CODE-CHALLENGE&code_challenge_method=S256&prompt=consent&redirect_uri=http%3A%2F%2F127.0.0.1%3A4780%2Fcallback%2Facme&response_type=code&scope=contacts.read&state=STATE",
  redirect_uri: "http://127.0.0.1:4780/callback/acme",
  hosts: ["api.acme.example:443", "login.acme.example:443"],
};
/** A test with every result. */
export const checked: Checked = {
  ok: false,
  checks: [
    { step: "credentials", result: "ok", message: "client ID and secret have the form of such" },
    {
      step: "addresses",
      result: "unclear",
      message: "the provider answers slowly",
      remedy: "Try again later.",
    },
    {
      step: "page",
      result: "failed",
      message: "the provider does not know the redirect URI",
      remedy: "Enter the redirect URI that is shown here, letter by letter.",
    },
    { step: "token", result: "skipped", message: "not tried, because of what failed before" },
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

const reasons: Record<string, string> = {
  revoked_by_user: "The access was withdrawn at the provider. Reauthorize to grant it again.",
  refresh_token_expired: "The provider ended the session. Reauthorize to begin a new one.",
  refresh_token_missing:
    "The access token has expired and the provider gave nothing to renew it with. Reauthorize.",
  consent_scope_missing:
    "A permission that this integration needs was not granted. Reauthorize and leave it ticked.",
  client_credentials_invalid:
    "The provider refuses the client id or secret of this integration. Correct them.",
  account_mismatch:
    "The provider now answers with another account. Reauthorize with the account of this connection.",
  policy_or_mfa: "Your organization asks for a fresh sign-in. Reauthorize.",
  provider_uninstalled: "The app was removed at the provider. Reauthorize to install it again.",
  refresh_answer_lost: "The hub was stopped while the provider was answering. Reauthorize once.",
  unknown_permanent: "The provider refuses to renew the access and does not say why. Reauthorize.",
};
/** Every state that a row can be in. */
const states: Accounts = {
  integrations: [
    github,
    slack,
    google,
    integration("off", "Switched off", { state: "disabled", enabled: false }),
    integration("gone", "Plugin gone", { state: "unavailable", problem: "no plugin serves the provider" }),
    integration("half", "Half set up", { state: "needs_setup", problem: "the client secret is missing" }),
    integration("broken", "Damaged settings", {
      state: "needs_setup",
      credentials: "",
      damaged: true,
      problem: 'the settings of the integration "broken" in the data folder were altered or are damaged',
    }),
    integration("devices", "Device only", {
      connect_ways: ["device"],
      warnings: ["Codes live for ten minutes."],
    }),
    integration("both", "Browser or code", { connect_ways: ["browser", "device"] }),
  ],
  connections: [
    ...Object.entries(reasons).map(([reason, remedy], n) =>
      connection(`r${n}`, "slack", `${reason}@acme`, { state: "needs_reauthorization", reason, remedy }),
    ),
    connection("ok", "github", "octocat", { sandbox: true }),
    connection("less", "github", "work-bot", { missing_scopes: ["gist"] }),
    connection("off1", "off", "still-here"),
    connection("gone1", "gone", "left-behind"),
    connection("orphan1", "never-heard-of", "orphan"),
    connection("down", "google", "ada@example.org", {
      health: {
        code: "provider_unavailable",
        message: "Google cannot be reached",
        since: ago(12),
        next_try: ago(-4),
      },
    }),
    connection("away", "google", "offline@example.org", {
      health: {
        code: "provider_unavailable",
        message: "this machine is offline",
        since: ago(2),
        next_try: ago(-1),
        tries: 0,
      },
    }),
    connection("slow", "google", "limited@example.org", {
      health: {
        code: "rate_limited",
        message: "Google asks to wait",
        since: ago(2),
        next_try: ago(1),
        tries: 2,
      },
    }),
  ],
  providers: [
    { integration: "github", state: "ok", failing: 0 },
    {
      integration: "google",
      state: "down",
      failing: 3,
      code: "provider_unavailable",
      message: "Google cannot be reached or is out of order: it answers with HTTP 503",
      since: ago(12),
      next_try: ago(-4),
    },
    {
      integration: "slack",
      state: "degraded",
      failing: 1,
      code: "rate_limited",
      message: "Slack asks to wait",
      since: ago(2),
    },
  ],
};
/** What outsiders can put into names, texts and icons. */
const evil = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>';
const hostile: Accounts = {
  integrations: [
    integration("evil", evil, {
      description: evil,
      icon: `<svg onload="window.pwned=1"><script>window.pwned=1</script></svg>`,
      setup_steps: [evil],
      docs_url: "javascript:window.pwned=1",
      console_url: "javascript:window.pwned=1",
      problem: evil,
      scopes: [{ name: evil, title: evil, default: true, required: false, selected: true }],
    }),
  ],
  connections: [
    connection("h1", "evil", evil, {
      account: { label: evil, name: evil, email: evil },
      state: "needs_reauthorization",
      reason: evil,
      remedy: evil,
    }),
  ],
};
const sixty: Accounts = {
  integrations: many.integrations.slice(0, 20),
  connections: Array.from({ length: 60 }, (_, n) =>
    connection(`m${n}`, `p${n % 20}`, `account-${n}@example.org`, {
      ...(n % 11 === 0
        ? { state: "needs_reauthorization", reason: "revoked_by_user", remedy: "Reauthorize." }
        : {}),
    }),
  ),
};

const lock: Lock = {
  locked: false,
  passphrase: true,
  settings: { idle: 900, screen: true, suspend: false, background: "keep" },
  from_file: false,
  session: true,
};
const apps: App[] = [
  {
    id: "app_1",
    name: "backup script",
    kind: "app",
    all: false,
    grants: [
      { id: "grant_1", integration: "github", mode: "token", lasts: "always" },
      { id: "grant_3", integration: "github", mode: "relay", lasts: "until_lock" },
      {
        id: "grant_2",
        integration: "google",
        connection: "c4",
        account: "ada@example.org",
        scopes: ["calendar.readonly"],
        mode: "token",
        lasts: "until",
        expires_at: ago(-300),
      },
    ],
    program: { uid: 1000, pid: 4711, exe: "/usr/bin/backup" },
    created_at: ago(90_000),
    last_used: ago(42),
    expires_at: ago(-9000),
  },
  { id: "app_2", name: evil, kind: "server", all: true, grants: [], created_at: ago(900) },
  { id: "app_3", name: "editor", kind: "app", all: false, grants: [], created_at: ago(9) },
];
const approvals: Approval[] = [
  {
    id: "approval_1",
    app: "app_3",
    app_name: "editor",
    app_kind: "app",
    program: { uid: 1000, pid: 4242, exe: "/usr/bin/editor" },
    user: "me",
    integration: "github",
    integration_name: "GitHub",
    choices: [
      { connected_account_id: "c1", account: "octocat" },
      { connected_account_id: "c2", account: "work-bot" },
    ],
    scopes: [{ name: "repo", title: "Read and write your repositories" }],
    limited: true,
    narrows: false,
    wider: [{ name: "gist", title: "Write gists" }],
    created_at: ago(0),
    expires_at: ago(-2),
  },
];
const pairings: Pairing[] = [
  {
    code: "KFTN-2309",
    name: "agent",
    program: { uid: 1000 },
    grants: [
      {
        id: "g",
        integration: "github",
        scopes: ["repo"],
        audience: "https://api.example.org/",
        mode: "relay",
        lasts: "always",
      },
    ],
    approved: false,
    created_at: ago(0),
    expires_at: ago(-5),
  },
];
const entries: ActivityEntry[] = [
  {
    seq: 6,
    time: ago(1),
    action: "token.vend",
    decision: "allowed",
    app: "app_1",
    app_name: "backup script",
    connection: "c1",
    integration: "github",
    account: "octocat",
    scope: "repo",
    peer: { uid: 1000, pid: 4711, exe: "/usr/bin/backup" },
  },
  {
    seq: 5,
    time: ago(3),
    action: "token.vend",
    decision: "denied",
    app: "app_3",
    app_name: "editor",
    connection: "c1",
    integration: "github",
    account: "octocat",
    code: "consent_required",
  },
  {
    seq: 4,
    time: ago(12),
    action: "token.vend",
    decision: "failed",
    app: "app_1",
    app_name: "backup script",
    connection: "c3",
    integration: "slack",
    account: "ada@acme",
    code: "needs_reauthorization",
  },
  {
    seq: 3,
    time: ago(30),
    action: "token.reveal",
    decision: "allowed",
    app: "user",
    connection: "c1",
    integration: "github",
    account: "octocat",
  },
  {
    seq: 2,
    time: ago(4000),
    action: "app.grant",
    decision: "allowed",
    app: "user",
    subject: "app_1",
    subject_name: "backup script",
  },
  {
    seq: 1,
    time: ago(5000),
    action: "connection.connect",
    decision: "allowed",
    app: "user",
    connection: "c1",
    integration: "github",
    account: "octocat",
  },
];

export function activityOf(query: URLSearchParams): Activity {
  const wanted = (["app", "connection", "decision", "action"] as const).filter((k) => query.get(k));
  return { entries: entries.filter((e) => wanted.every((k) => e[k] === query.get(k))) };
}

export interface Scene {
  hub: Hub;
  accounts: Accounts;
  lock: Lock;
  apps: App[];
  approvals: Approval[];
  pairings: Pairing[];
}

const scene = (accounts: Accounts, over: Partial<Scene> = {}): Scene => ({
  hub,
  accounts,
  lock,
  apps,
  approvals: [],
  pairings: [],
  ...over,
});

export const scenes: Record<string, Scene> = {
  mixed: scene(some),
  states: scene(states),
  warned: scene(some, { hub: warned }),
  first: scene({ integrations: some.integrations, connections: [] }, { apps: [] }),
  empty: scene(none, { apps: [] }),
  many: scene(many),
  sixty: scene(sixty),
  hostile: scene(hostile),
  asked: scene(some, { approvals }),
  paired: scene(some, { pairings }),
  prompts: scene(some),
  wait: scene(states),
  refused: scene(some),
  locked: scene(some, { lock: { ...lock, locked: true, since: ago(3), cause: "idle" } }),
};
