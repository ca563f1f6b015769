// SPDX-License-Identifier: Apache-2.0
import type {
  Activity,
  ActivityFilter,
  AddApp,
  AddedApp,
  App,
  Apps,
  Approval,
  Approve,
  ApprovePairing,
  AuditReport,
  Lock,
  LockSettings,
  NewGrant,
  Pairing,
  Revoked,
} from "./access";
import type {
  Accounts,
  Checked,
  ConnectionDetail,
  CustomProvider,
  Desktop,
  Disconnected,
  ErrorBody,
  Flow,
  Hub,
  Integration,
  LoggedIn,
  ProviderFile,
  ProviderPreview,
  Revealed,
  SaveIntegration,
  StartFlow,
} from "./types";

/** The header that carries the session; never a cookie: a web view has none. */
export const sessionHeader = "Standpipe-Session";

/** A call that did not succeed, told in the hub's words. */
export class ApiError extends Error {
  readonly status: number;
  readonly body: ErrorBody;

  constructor(status: number, body: ErrorBody) {
    super(body.message);
    this.name = "ApiError";
    this.status = status;
    this.body = body;
  }
}

/** What of any error to show: the hub's own words, or our best. */
export function asErrorBody(e: unknown): ErrorBody {
  if (e instanceof ApiError) return e.body;
  return { code: "internal_error", message: e instanceof Error ? e.message : String(e) };
}

export interface ClientConfig {
  /** The session token; empty before the login. */
  token: () => string;
  /** Called when the hub does not know the session (any more). */
  onEnded: () => void;
  fetch?: typeof fetch;
}

export type Client = ReturnType<typeof createClient>;

/** The calls of the page. Bodies are JSON strings, never Blob or FormData. */
export function createClient(config: ClientConfig) {
  const send = config.fetch ?? ((...args: Parameters<typeof fetch>) => fetch(...args));

  async function call<T>(
    method: string,
    path: string,
    body?: unknown,
    as: "json" | "text" = "json",
  ): Promise<T> {
    const headers: Record<string, string> = { Accept: as === "json" ? "application/json" : "*/*" };
    const token = config.token();
    if (token) headers[sessionHeader] = token;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let answer: Response;
    try {
      answer = await send(path, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        cache: "no-store",
        redirect: "error",
      });
    } catch {
      throw new ApiError(0, {
        code: "unreachable",
        message: "Standpipe does not answer.",
        remedy: "It may have been stopped. This page tries again by itself.",
      });
    }
    const text = await answer.text();
    if (answer.ok) {
      if (as === "text") return text as T;
      if (!text) return undefined as T;
      try {
        return JSON.parse(text) as T;
      } catch {
        throw new ApiError(answer.status, {
          code: "internal_error",
          message: "Standpipe gave an answer that is not JSON.",
        });
      }
    }
    if (answer.status === 401) config.onEnded();
    throw new ApiError(answer.status, errorBody(answer.status, text));
  }

  const id = encodeURIComponent;
  return {
    login: (code: string) => call<LoggedIn>("POST", "/ui/api/session", { code }),
    logout: () => call<void>("DELETE", "/ui/api/session"),
    hub: () => call<Hub>("GET", "/ui/api/hub"),
    accounts: () => call<Accounts>("GET", "/ui/api/accounts"),
    integration: (slug: string) => call<Integration>("GET", `/ui/api/integrations/${id(slug)}`),
    saveIntegration: (slug: string, change: SaveIntegration) =>
      call<Integration>("PUT", `/ui/api/integrations/${id(slug)}`, change),
    checkIntegration: (slug: string, change: SaveIntegration) =>
      call<Checked>("POST", `/ui/api/integrations/${id(slug)}/check`, change),
    provider: (slug: string) => call<CustomProvider>("GET", `/ui/api/providers/${id(slug)}`),
    providerFile: (slug: string) => call<ProviderFile>("GET", `/ui/api/providers/${id(slug)}/file`),
    addProvider: (p: CustomProvider) => call<Integration>("POST", "/ui/api/providers", p),
    saveProvider: (p: CustomProvider) => call<Integration>("PUT", `/ui/api/providers/${id(p.slug)}`, p),
    removeProvider: (slug: string) => call<void>("DELETE", `/ui/api/providers/${id(slug)}`),
    previewProvider: (p: CustomProvider) => call<ProviderPreview>("POST", "/ui/api/provider-preview", p),
    startFlow: (start: StartFlow) => call<Flow>("POST", "/ui/api/flows", start),
    flow: (flow: string) => call<Flow>("GET", `/ui/api/flows/${id(flow)}`),
    confirmFlow: (flow: string, accept_other_account: boolean) =>
      call<Flow>("POST", `/ui/api/flows/${id(flow)}/confirm`, { accept_other_account }),
    pasteCallback: (flow: string, url: string) =>
      call<Flow>("POST", `/ui/api/flows/${id(flow)}/callback`, { url }),
    cancelFlow: (flow: string) => call<void>("DELETE", `/ui/api/flows/${id(flow)}`),
    connection: (connection: string) =>
      call<ConnectionDetail>("GET", `/ui/api/connections/${id(connection)}`),
    refreshConnection: (connection: string) =>
      call<ConnectionDetail>("POST", `/ui/api/connections/${id(connection)}/refresh`, {}),
    /** A PNG in base64. */
    picture: (connection: string) =>
      call<{ png: string }>("GET", `/ui/api/connections/${id(connection)}/picture`),
    reveal: (connection: string) =>
      call<Revealed>("POST", `/ui/api/connections/${id(connection)}/reveal`, {}),
    diagnostics: () => call<{ text: string }>("GET", "/ui/api/diagnostics"),
    disconnect: (connection: string, revoke_grant?: boolean) =>
      call<Disconnected>("DELETE", `/ui/api/connections/${id(connection)}`, { revoke_grant }),
    answerPrompt: (flow: string, prompt: string, answer: { value?: string; decline?: boolean }) =>
      call<Flow>("POST", `/ui/api/flows/${id(flow)}/prompts/${id(prompt)}`, answer),

    apps: () => call<Apps>("GET", "/ui/api/apps"),
    addApp: (app: AddApp) => call<AddedApp>("POST", "/ui/api/apps", app),
    renameApp: (app: string, name: string) => call<App>("PATCH", `/ui/api/apps/${id(app)}`, { name }),
    rotateApp: (app: string) => call<AddedApp>("POST", `/ui/api/apps/${id(app)}/key`, {}),
    revokeApp: (app: string) => call<Revoked>("DELETE", `/ui/api/apps/${id(app)}`),
    addGrant: (app: string, grant: NewGrant) => call<App>("POST", `/ui/api/apps/${id(app)}/grants`, grant),
    withdrawGrant: (app: string, grant: string) =>
      call<Revoked>("DELETE", `/ui/api/apps/${id(app)}/grants/${id(grant)}`),
    approvals: () => call<{ approvals: Approval[] }>("GET", "/ui/api/approvals"),
    approve: (approval: string, answer: Approve) =>
      call<unknown>("POST", `/ui/api/approvals/${id(approval)}/approve`, answer),
    deny: (approval: string) => call<void>("POST", `/ui/api/approvals/${id(approval)}/deny`, {}),
    pairings: () => call<{ pairings: Pairing[] }>("GET", "/ui/api/pairings"),
    approvePairing: (code: string, answer: ApprovePairing) =>
      call<void>("POST", `/ui/api/pairings/${id(code)}/approve`, answer),
    denyPairing: (code: string) => call<void>("POST", `/ui/api/pairings/${id(code)}/deny`, {}),

    lock: () => call<Lock>("GET", "/ui/api/lock"),
    lockNow: () => call<Lock>("POST", "/ui/api/lock", {}),
    unlock: (passphrase: string) =>
      call<Lock>("POST", "/ui/api/lock/unlock", passphrase ? { passphrase } : {}),
    saveLock: (settings: LockSettings) => call<Lock>("PUT", "/ui/api/lock/settings", settings),

    activity: (filter: ActivityFilter) => call<Activity>("GET", `/ui/api/activity?${queryOf(filter)}`),
    checkActivity: () => call<AuditReport>("GET", "/ui/api/activity/check"),
    /** The whole record that a filter lets through, as JSON lines. */
    exportActivity: (filter: ActivityFilter) =>
      call<string>("GET", `/ui/api/activity/export?${queryOf(filter)}`, undefined, "text"),

    desktop: () => call<Desktop>("GET", "/desktop/state"),
    saveDesktop: (change: Partial<Desktop>) => call<Desktop>("PUT", "/desktop/state", change),
    saveFile: (name: string, text: string) => call<{ path: string }>("POST", "/desktop/save", { name, text }),
    quit: () => call<void>("POST", "/desktop/quit", {}),
    /** Asks the window's host for the system browser. */
    openInBrowser: (url: string) => call<void>("POST", "/desktop/open", { url }),
  };
}

function queryOf(filter: ActivityFilter): string {
  const set = Object.entries(filter).filter(([, v]) => v !== undefined && v !== "");
  return new URLSearchParams(set.map(([k, v]) => [k, String(v)])).toString();
}

function errorBody(status: number, text: string): ErrorBody {
  try {
    const parsed: unknown = JSON.parse(text);
    if (parsed && typeof parsed === "object" && "message" in parsed && typeof parsed.message === "string") {
      return { code: "internal_error", ...(parsed as Partial<ErrorBody>), message: parsed.message };
    }
  } catch {
    // Not of the hub; said below.
  }
  return {
    code: "internal_error",
    message: `Standpipe answered with the status ${status} and no explanation.`,
  };
}
