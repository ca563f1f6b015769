// SPDX-License-Identifier: Apache-2.0
// The JSON bodies of the hub. They mirror app/internal/api/contract/contract.go
// name by name; that file says what each means. Times are RFC 3339 strings.

export type Credentials = "own" | "public" | "sandbox";
export type IntegrationState = "ready" | "needs_setup" | "disabled" | "unavailable";
export type ConnectionState = "connected" | "needs_reauthorization" | "disconnected";
export type FlowState = "waiting" | "confirm" | "done" | "failed";
export type Reach = "none" | "token" | "grant";

export interface ErrorBody {
  message: string;
  code: string;
  remedy?: string;
  field?: string;
  reason?: string;
  choices?: { connected_account_id: string; account: string }[];
  retry_after?: number;
}

export interface Login {
  code: string;
}

export interface LoggedIn {
  token: string;
  expires_at: string;
}

export interface Notice {
  severity: "info" | "warning" | "error";
  message: string;
  remedy?: string;
}

export interface Hub {
  version: string;
  app_api: string;
  key_source: string;
  sandbox: string;
  data: string;
  config: string;
  notices: Notice[];
}

export interface ScopeChoice {
  name: string;
  title: string;
  default: boolean;
  required: boolean;
  selected: boolean;
  sensitivity?: "low" | "medium" | "high";
}

export interface ConfigField {
  key: string;
  label: string;
  description: string;
  example: string;
  pattern: string;
  default: string;
  required: boolean;
  installation: boolean;
  value: string;
}

export interface Integration {
  slug: string;
  provider: string;
  name: string;
  description: string;
  icon: string;
  docs_url: string;
  console_url: string;
  setup_steps: string[];
  state: IntegrationState;
  problem?: string;
  /** What was set up cannot be read any more. */
  damaged?: boolean;
  enabled: boolean;
  from_file: boolean;
  /** It was declared on this page. */
  custom?: boolean;
  /** The user's file that declares it. */
  declared_in?: string;
  /** That file wins over a provider of the same name that was declared on this page. */
  hides_custom?: boolean;
  plugin?: PluginBrief;
  credentials: Credentials | "";
  credentials_offered: Credentials[];
  client_id: string;
  client_secret_set: boolean;
  client_secret_hint: string;
  secret_required: boolean;
  redirect_uri: string;
  scopes: ScopeChoice[];
  config: ConfigField[];
  capabilities: string[];
  revokes_grant?: boolean;
  /** The hub can call its API for apps. */
  relays?: boolean;
  /** A token can be for fewer scopes than the account has. */
  narrows_scopes?: boolean;
  /** A token can be for one resource server only; audiences are those that the user's consent is for. */
  narrows_audience?: boolean;
  audiences?: string[];
  categories?: string[];
  warnings?: string[];
  connect_ways?: FlowKind[];
}

/** The plugin that serves a provider, and how it is held. */
export interface PluginBrief {
  name: string;
  source: "bundled" | "installed" | "development";
  version?: string;
  development: boolean;
  state: "stopped" | "starting" | "running" | "backoff" | "crashed" | "refused";
  error?: string;
  network?: "closed" | "limited" | "open";
  files?: "closed" | "limited" | "open";
  /** Why it is not held more firmly, a sentence each. */
  missing?: string[];
}

/** A provider that is declared on the page. */
export interface CustomProvider {
  slug: string;
  name: string;
  description?: string;
  issuer?: string;
  authorize_url?: string;
  token_url?: string;
  revoke_url?: string;
  hosts?: string[];
  private_network?: boolean;
  no_pkce?: boolean;
  scope_separator?: string;
  client_auth?: string;
  secret_required?: boolean;
  redirect_host?: string;
  authorize_params?: Record<string, string>;
  token_params?: Record<string, string>;
  scopes?: { name: string; title?: string }[];
  identity?: {
    url?: string;
    subject?: string;
    login?: string;
    name?: string;
    email?: string;
    picture?: string;
  };
  picture_hosts?: string[];
}

/** A declared provider as a file; it holds no secret. */
export interface ProviderFile {
  name: string;
  text: string;
}

export interface ProviderPreview {
  authorization_url: string;
  redirect_uri: string;
  hosts: string[];
}

export interface Check {
  step: "credentials" | "addresses" | "page" | "token";
  result: "ok" | "failed" | "unclear" | "skipped";
  message: string;
  remedy?: string;
  field?: string;
}

export interface Checked {
  ok: boolean;
  checks: Check[];
}

export interface SaveIntegration {
  credentials?: Credentials;
  client_id?: string;
  client_secret?: string;
  scopes?: string[];
  description?: string;
  enabled?: boolean;
  config?: Record<string, string>;
}

export interface Account {
  label: string;
  login?: string;
  name?: string;
  email?: string;
}

export interface Health {
  code: string;
  message: string;
  since: string;
  next_try: string;
  /** Tries that failed in a row; 0 while the machine is offline. */
  tries?: number;
}

export interface Forecast {
  needs_user_at: string;
  why: "no_refresh_token" | "refresh_token_expires" | "refresh_token_idle";
}

export interface ProviderHealth {
  integration: string;
  state: "ok" | "degraded" | "down";
  failing: number;
  code?: string;
  message?: string;
  since?: string;
  next_try?: string;
}

export interface Connection {
  id: string;
  integration: string;
  provider: string;
  owner: { user?: string; organization?: string; shared?: boolean };
  state: ConnectionState;
  reason?: string;
  remedy?: string;
  account: Account;
  /** Changes with the account's picture; absent: there is none. */
  picture?: string;
  scopes: string[];
  missing_scopes: string[];
  sandbox: boolean;
  health?: Health;
  forecast?: Forecast;
  requested_scopes?: string[];
  expires_at?: string;
  last_refresh?: string;
  created_at: string;
  updated_at: string;
}

export interface NamedToken {
  name: string;
  scopes: string[];
  expires_at?: string;
  /** Why only the user can bring it back. */
  reason?: string;
  remedy?: string;
}

export interface ConnectionApp {
  id: string;
  name: string;
  all: boolean;
  last_used?: string;
}

/** What became of a try to renew a token: it was renewed, or code and message say why not. */
export interface Renewal {
  time: string;
  cause: "ahead" | "draw" | "refused" | "asked" | "disconnect";
  token?: string;
  code?: string;
  reason?: string;
  message?: string;
}

export interface ConnectionDetail extends Connection {
  token_type: string;
  expiry_source: "" | "declared" | "assumed" | "jwt" | "introspected" | "never";
  refresh_expires_at?: string;
  renewable: boolean;
  generation: number;
  metadata: Record<string, string>;
  named: NamedToken[];
  config: Record<string, string>;
  client_id: string;
  apps: ConnectionApp[];
  /** The newest first. */
  history: Renewal[];
}

export interface Revealed {
  access_token: string;
  expires_at: string | null;
  clear_after: number;
}

export interface Accounts {
  integrations: Integration[];
  connections: Connection[];
  providers?: ProviderHealth[];
}

export interface StartFlow {
  integration: string;
  connection?: string;
  config?: Record<string, string>;
  /** Connect with a code that is entered at the provider. */
  device?: boolean;
  /** Ask for these beyond the integration's. */
  scopes?: string[];
}

export type FlowKind = "browser" | "paste" | "device";

/** What a plugin shows or asks during a connect; text from outside. */
export interface Prompt {
  id: string;
  kind: "message" | "ask" | "open";
  text: string;
  label?: string;
  secret?: boolean;
  url?: string;
}

export interface DeviceCode {
  user_code: string;
  verification_uri: string;
  verification_uri_complete?: string;
  interval: number;
  expires_at: string;
}

export interface Flow {
  id: string;
  integration: string;
  kind?: FlowKind;
  state: FlowState;
  authorization_url?: string;
  device?: DeviceCode;
  prompts?: Prompt[];
  requested_scopes?: string[];
  expires_at: string;
  account?: Account;
  scopes?: string[];
  missing_scopes?: string[];
  replaces?: Account;
  reauthorize?: string;
  connection?: string;
  error?: ErrorBody;
}

export interface Disconnected {
  revoked: Reach;
  message: string;
}

/** An event of the stream: it names what changed and holds no content. */
export interface HubEvent {
  type: string;
  connection?: string;
  flow?: string;
  slug?: string;
  reason?: string;
  detail?: string;
  time: string;
}

/** What the window remembers and can do; /desktop/state. */
export interface Desktop {
  /** The hub runs in another process, and outlives the window. */
  attached: boolean;
  can_autostart: boolean;
  autostart: boolean;
  /** Closing the window keeps Standpipe running. */
  background: boolean;
  notify: boolean;
}
