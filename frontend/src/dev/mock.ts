// SPDX-License-Identifier: Apache-2.0
// `npm run dev`: a hub of canned data, to look at every state of the page. It
// is a plugin of the development server and no part of a build. The scene is
// chosen by the address: /?scene=NAME, with the names of scenes.ts, and broken | ended |
// shared (a disconnect would end other connections) | loading (nothing ever arrives).
// A preview of an address with "wrong" in it fails.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin } from "vite";
import type { Flow, Prompt } from "../lib/api/types";
import { activityOf, checked, custom, customFile, detail, preview, scenes } from "./scenes.ts";

export function mockHub(): Plugin {
  const flows = new Map<string, Flow>();
  const streams = new Set<ServerResponse>();
  let scene = "mixed";

  async function answer(req: IncomingMessage, res: ServerResponse, url: URL) {
    const path = url.pathname;
    const json = (status: number, body?: unknown) => {
      res.writeHead(status, { "Content-Type": "application/json" });
      res.end(body === undefined ? "" : JSON.stringify(body));
    };
    const tell = (event: object) => {
      for (const s of streams)
        s.write(`data: ${JSON.stringify({ ...event, time: new Date().toISOString() })}\n\n`);
    };
    const data = scenes[scene] ?? scenes.mixed!;
    if (scene === "ended") return json(401, { code: "unauthorized", message: "the session has ended" });
    if (scene === "broken")
      return json(503, {
        code: "locked",
        message: "the store is locked",
        remedy: "Unlock it with `standpipe unlock`.",
      });
    if (scene === "loading" && !["hub", "lock", "events"].includes(path.split("/")[3] ?? "")) return;
    const text = await read(req);
    const body = text ? JSON.parse(text) : {};
    const parts = path.split("/").slice(3); // after /ui/api
    switch (`${req.method} ${parts[0]}`) {
      case "GET hub":
        return json(200, data.hub);
      case "GET accounts":
        return json(200, data.accounts);
      case "GET integrations":
      case "PUT integrations": {
        const found = data.accounts.integrations.find((i) => i.slug === parts[1]);
        return found
          ? json(200, found)
          : json(404, { code: "entity_not_found", message: `there is no integration "${parts[1]}"` });
      }
      case "POST integrations":
        return json(200, checked);
      case "GET providers":
        return json(200, parts[2] === "file" ? customFile : custom);
      case "POST providers":
      case "PUT providers":
        return json(
          200,
          data.accounts.integrations.find((i) => i.custom),
        );
      case "DELETE providers":
        return json(409, {
          code: "conflict",
          message: 'an account is still connected through "acme"',
          remedy: "Disconnect first: without the provider nothing can be revoked.",
        });
      case "POST provider-preview":
        if (text.includes("wrong"))
          return json(422, {
            code: "provider_misconfigured",
            message: "there is no discovery document at that address (HTTP 404)",
            remedy: "Compare the issuer with the provider's documentation, letter by letter.",
            field: "issuer",
          });
        return body.authorize_url || body.issuer
          ? json(200, preview)
          : json(400, { code: "invalid_request", message: "the authorization URL is missing" });
      case "POST flows": {
        if (parts[2]) {
          const f = flows.get(parts[1]!)!;
          f.state = parts[2] === "confirm" ? "done" : "confirm";
          return json(200, f);
        }
        const other = data.accounts.connections.find((c) => c.id === body.connection);
        const f: Flow = {
          id: `flow_${flows.size + 1}`,
          integration: body.integration,
          state: "waiting",
          kind: body.device ? "device" : "browser",
          ...(body.device
            ? {
                device: {
                  user_code: "WDJB-MJHT",
                  verification_uri: "https://example.org/device",
                  verification_uri_complete: "https://example.org/device?user_code=WDJB-MJHT",
                  interval: 5,
                  expires_at: new Date(Date.now() + 600_000).toISOString(),
                },
              }
            : { authorization_url: "http://127.0.0.1:5173/?consent" }),
          prompts: scene === "prompts" ? prompts : [],
          expires_at: new Date(Date.now() + 600_000).toISOString(),
          account: { label: "mona", name: "Mona Lisa", email: "mona@example.org" },
          scopes: ["read:user", "repo"],
          missing_scopes: ["gist"],
          replaces: other?.account,
        };
        flows.set(f.id, f);
        if (scene !== "prompts" && scene !== "wait") {
          setTimeout(() => {
            f.state = scene === "refused" ? "failed" : "confirm";
            if (f.state === "failed")
              f.error = { code: "access_denied", message: "you refused", remedy: "Connect again." };
            tell({ type: "flow.changed", flow: f.id });
          }, 400);
        }
        return json(200, f);
      }
      case "GET flows":
        return json(200, flows.get(parts[1]!));
      case "DELETE flows":
        return json(204);
      case "GET connections": {
        const c = data.accounts.connections.find((c) => c.id === parts[1]);
        if (parts[2] === "picture") return json(200, { png: picture });
        return c
          ? json(200, detail(c))
          : json(404, { code: "entity_not_found", message: `there is no connection "${parts[1]}" any more` });
      }
      case "POST connections": {
        const c = data.accounts.connections.find((c) => c.id === parts[1])!;
        return parts[2] === "reveal"
          ? json(200, { access_token: "gho_mock", expires_at: null, clear_after: 30 })
          : json(200, detail(c));
      }
      case "GET lock":
        return json(200, data.lock);
      case "POST lock":
      case "PUT lock":
        return json(200, data.lock);
      case "GET apps":
        return json(200, {
          apps: data.apps,
          damaged: scene === "states" ? [{ id: "damaged_1", problem: "its seal is broken" }] : undefined,
        });
      case "POST apps":
        return json(201, { ...data.apps[0]!, name: body.name ?? data.apps[0]!.name, key: "sp_app_mock" });
      case "PATCH apps":
        return json(200, data.apps[0]);
      case "DELETE apps":
        return json(200, { outstanding: [] });
      case "GET approvals":
        return json(200, { approvals: data.approvals });
      case "GET pairings":
        return json(200, { pairings: data.pairings });
      case "POST approvals":
      case "POST pairings":
        return json(204);
      case "GET activity":
        return parts[1] === "check"
          ? json(200, { ok: true, entries: 6, first: 1, last: 6, unsealed: 0, problems: [] })
          : json(200, activityOf(url.searchParams));
      case "GET diagnostics":
        return json(200, { text: "standpipe v0.1.0 (go1.26, linux/amd64)\nmaster key: keychain\n" });
      case "DELETE connections":
        if (scene === "shared" && body.revoke_grant === undefined)
          return json(409, {
            code: "grant_shared",
            message: "it would end other connections too",
            choices: [{ connected_account_id: "c2", account: "mona@example.org" }],
          });
        return json(200, { revoked: "token", message: "The token was revoked at the provider." });
      case "GET events":
        res.writeHead(200, { "Content-Type": "text/event-stream" });
        res.write(": hello\n\n");
        streams.add(res);
        req.on("close", () => streams.delete(res));
        return;
    }
    json(404, { code: "entity_not_found", message: "the mock does not know this path" });
  }

  return {
    name: "mock-hub",
    apply: "serve",
    configureServer(server) {
      server.middlewares.use((req, res, next) => {
        const url = new URL(req.url ?? "/", "http://mock");
        const wanted = url.searchParams.get("scene");
        if (wanted) scene = wanted;
        if (!url.pathname.startsWith("/ui/api/")) return next();
        answer(req, res, url).catch(next);
      });
    },
  };
}

/** Of everybody who has one: a PNG. */
const picture =
  "iVBORw0KGgoAAAANSUhEUgAAAGAAAABgCAMAAADVRocKAAAABlBMVEUvb4/w2KjZ7V/AAAAAmklEQVR42u3Xuw2AQAzAULz/0pRIiIKfgUP2AHkVJDdNVVVVVatYcqcrBqgC29nzbxPAFUAWbABcAWRheABkISAg4A9Af9MPbLQfLH3/LvIvO/829a/rB94H/gunaqxnvvApyP+iN/fNAzv/GsG+7PmnBVAFjmXPPyyALNgAuAK4AsiCDYAs2ADIgg2ALNgAyMLwAMhCQMAHgRngPwrbDlpIEAAAAABJRU5ErkJggg==";

const prompts: Prompt[] = [
  { id: "p1", kind: "message", text: "<b>Have your token generator at hand.</b>" },
  { id: "p2", kind: "ask", text: "Which region is your account in?", label: "Region" },
  { id: "p3", kind: "open", text: "Confirm your address first.", url: "https://example.org/confirm" },
];

async function read(req: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of req) text += chunk;
  return text;
}
