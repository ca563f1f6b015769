#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// A provider plugin without the SDK: what docs/plugin-protocol.md says, in the
// order in which it says it. `npm run build` makes one file of it and of what it
// needs, which is the plugin: dist/standpipe-provider-example.
"use strict";
const crypto = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const tls = require("node:tls");
const grpc = require("@grpc/grpc-js");
const protobuf = require("protobufjs");
const selfsigned = require("selfsigned");

const PROTOCOL = 1;
const MAX_ANSWER = 1 << 20; // bytes of an answer of the provider's

// ---- the messages

const root = protobuf.Root.fromJSON(protobuf.common.get("google/protobuf/duration.proto"));
protobuf.parse(require("./provider.proto"), root, { keepCase: true }); // text, by esbuild
const service = root.lookupService("standpipe.provider.v1.ProviderService").resolveAll();
const ErrorDetail = root.lookupType("standpipe.provider.v1.Error");
const Status = new protobuf.Type("Status")
  .add(new protobuf.Field("code", 1, "int32"))
  .add(new protobuf.Field("message", 2, "string"))
  .add(new protobuf.Field("details", 3, "Any", "repeated"));
const Any = new protobuf.Type("Any").add(new protobuf.Field("type_url", 1, "string")).add(new protobuf.Field("value", 2, "bytes"));
new protobuf.Root().add(Status).add(Any).resolveAll();

// ---- what the plugin says of itself

const descriptor = {
  slug: "example-node",
  name: "Example (Node)",
  description: "Read your profile at Example.",
  scopes: [{ name: "profile", title: "Read your profile", default: true }],
  config: [{ key: "base_url", label: "Address", required: true, kind: "url", default: "https://example.com" }],
  redirect: {},
  revoke: "grant",
  sandbox: { config: { base_url: "{sandbox}" } },
  capabilities: ["refresh", "revoke", "identify"],
};

// ---- errors: a code of the contract, never the provider's text

class ProviderError extends Error {
  constructor(code, message, more = {}) {
    super(message);
    this.detail = { code, message, ...more };
  }
}
const temporary = (message) => new ProviderError("temporary", message);

function toStatus(err) {
  const detail = err instanceof ProviderError ? err.detail : { code: "plugin_bug", message: "the plugin failed in a way that it did not expect" };
  const any = { type_url: "type.googleapis.com/standpipe.provider.v1.Error", value: ErrorDetail.encode(ErrorDetail.fromObject(detail)).finish() };
  const metadata = new grpc.Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(Status.encode(Status.fromObject({ code: grpc.status.FAILED_PRECONDITION, message: "see the details", details: [any] })).finish()));
  return { code: grpc.status.FAILED_PRECONDITION, details: "see the details", metadata };
}

// ---- the way to the network: the host dials

const authorities = process.env.SSL_CERT_FILE ? { ca: fs.readFileSync(process.env.SSL_CERT_FILE) } : {};

// tunnel asks the host for a connection to host:port.
function tunnel(call, address) {
  const [socketPath] = call.metadata.get("standpipe-dial-socket-bin").map(String);
  const [ticket] = call.metadata.get("standpipe-dial-ticket-bin").map(String);
  return new Promise((resolve, reject) => {
    const req = http.request({ socketPath, method: "CONNECT", path: address, headers: { host: address, "proxy-authorization": `Bearer ${ticket}` }, signal: call.gone.signal });
    req.on("connect", (res, socket) => {
      if (res.statusCode === 200) return resolve(socket);
      socket.destroy();
      const why = res.headers["standpipe-dial-error"];
      reject(why === "not_allowed" || why === "private_address" ? new ProviderError("misconfigured", `calls to ${address} are not allowed`) : temporary(`${address} cannot be reached`));
    });
    req.on("error", () => reject(temporary(`${address} cannot be reached`)));
    req.end();
  });
}

// fetchJSON makes one request, without following redirects, and returns status,
// headers and the JSON object of the answer, if it is one.
async function fetchJSON(call, url, { method = "GET", headers = {}, form } = {}) {
  let at;
  try {
    at = new URL(url);
  } catch {
    throw new ProviderError("misconfigured", "the address is not a URL", { field: "base_url" });
  }
  if (at.protocol !== "https:" && at.protocol !== "http:") throw new ProviderError("misconfigured", "the address is not http or https", { field: "base_url" });
  const secure = at.protocol === "https:";
  const raw = await tunnel(call, `${at.hostname}:${at.port || (secure ? 443 : 80)}`);
  const socket = secure ? tls.connect({ socket: raw, servername: at.hostname, ...authorities }) : raw;
  const body = form && new URLSearchParams(Object.entries(form).filter(([, v]) => v !== undefined)).toString();
  try {
    return await new Promise((resolve, reject) => {
      const fail = () => reject(temporary("the provider did not answer properly"));
      const req = http.request({
        createConnection: () => socket, method, host: at.hostname, path: at.pathname + at.search, signal: call.gone.signal,
        headers: { host: at.host, accept: "application/json", connection: "close", ...(body !== undefined && { "content-type": "application/x-www-form-urlencoded", "content-length": Buffer.byteLength(body) }), ...headers },
      });
      socket.on("error", fail);
      req.on("error", fail);
      req.on("response", (res) => {
        const parts = [];
        let size = 0;
        res.on("data", (part) => {
          size += part.length;
          if (size > MAX_ANSWER) return res.destroy(new Error("too large"));
          parts.push(part);
        });
        res.on("error", fail);
        res.on("aborted", fail);
        res.on("end", () => {
          let json;
          try {
            json = JSON.parse(Buffer.concat(parts).toString("utf8"));
          } catch {
            json = undefined;
          }
          const object = json !== null && typeof json === "object" && !Array.isArray(json) ? json : undefined;
          resolve({ status: res.statusCode, headers: res.headers, object });
        });
      });
      req.end(body);
    });
  } finally {
    socket.destroy();
    raw.destroy();
  }
}

// refuse throws the meaning of an answer that is not a good one.
function refuse({ status, headers, object }, what) {
  const wait = Number.parseInt(headers["retry-after"] ?? "", 10);
  if (status === 429) throw new ProviderError("rate_limited", "the provider asks to wait", { retry_after: { seconds: Number.isFinite(wait) ? wait : 0 } });
  if (status >= 500) throw temporary("the provider is in trouble");
  const code = typeof object?.error === "string" ? object.error : "";
  const known = /^[a-z_]{1,64}$/.test(code) ? { provider_code: code } : {};
  if (code === "invalid_client") throw new ProviderError("misconfigured", "the provider does not take the client id or secret", { field: "client_secret", ...known });
  if (code === "invalid_grant" || code === "invalid_token" || status === 401) {
    throw new ProviderError("reauthorization_required", `the provider does not take the ${what}`, { reason: "revoked_by_user", ...known });
  }
  if (status >= 400 || code) throw new ProviderError("misconfigured", "the provider refused the request", known);
}

// ---- the operations

const base = (r) => {
  const url = r.target?.config?.base_url ?? "";
  if (!/^https?:\/\//.test(url)) throw new ProviderError("misconfigured", "the address is missing", { field: "base_url" });
  return url.replace(/\/$/, "");
};
const client = (r) => ({ client_id: r.target.client_id, client_secret: r.client_secret || undefined });

function tokenSet(answer, what) {
  refuse(answer, what);
  const t = answer.object;
  if (typeof t?.access_token !== "string" || !t.access_token) throw temporary("the provider answered without a token");
  const lives = Number(t.expires_in);
  const known = Number.isFinite(lives) && lives > 0;
  return {
    access_token: t.access_token,
    refresh_token: typeof t.refresh_token === "string" ? t.refresh_token : "",
    token_type: typeof t.token_type === "string" ? t.token_type : "Bearer",
    ...(known && { expires_in: { seconds: Math.floor(lives) } }),
    expiry_source: known ? "declared" : "",
    ...(typeof t.scope === "string" && { scopes: { names: t.scope.split(" ").filter(Boolean) } }),
  };
}

const operations = {
  async Describe() {
    return { providers: [descriptor], version: "1.0.0", sdk: "none (Node)" };
  },
  async Authorize(_, r) {
    const url = new URL(`${base(r)}/authorize`);
    for (const [k, v] of Object.entries({
      response_type: "code", client_id: r.target.client_id, redirect_uri: r.redirect_uri, state: r.state,
      code_challenge: r.code_challenge, code_challenge_method: "S256", scope: (r.scopes ?? []).join(" "),
    })) if (v) url.searchParams.set(k, v);
    return { url: url.toString() };
  },
  async Exchange(call, r) {
    const form = { grant_type: "authorization_code", code: r.code, redirect_uri: r.redirect_uri, code_verifier: r.code_verifier, ...client(r) };
    return { tokens: tokenSet(await fetchJSON(call, `${base(r)}/token`, { method: "POST", form }), "code") };
  },
  async Refresh(call, r) {
    const form = { grant_type: "refresh_token", refresh_token: r.refresh_token, ...client(r) };
    const tokens = tokenSet(await fetchJSON(call, `${base(r)}/token`, { method: "POST", form }), "refresh token");
    if (tokens.refresh_token === r.refresh_token) tokens.refresh_token = "";
    return { tokens, refresh_token: tokens.refresh_token ? "rotated" : "kept" };
  },
  async Identify(call, r) {
    const answer = await fetchJSON(call, `${base(r)}/userinfo`, { headers: { authorization: `Bearer ${r.access_token}` } });
    refuse(answer, "token");
    const who = answer.object;
    if (typeof who?.sub !== "string" || !who.sub) throw temporary("the provider does not say whose account this is");
    const text = (v) => (typeof v === "string" ? v : "");
    return { account: { issuer: base(r), subject: who.sub, login: text(who.preferred_username), name: text(who.name), email: text(who.email) } };
  },
  async Revoke(call, r) {
    if (r.reach !== "grant") throw new ProviderError("unsupported", "this provider withdraws all that it granted, or nothing");
    const answer = await fetchJSON(call, `${base(r)}/revoke`, { method: "POST", form: { token: r.token, token_type_hint: r.kind, ...client(r) } });
    refuse(answer, "token");
    return { revoked: "grant" };
  },
};

// ---- serving

function serve() {
  if (process.argv[2] === "describe") {
    process.stdout.write(JSON.stringify({ protocol: PROTOCOL, version: "1.0.0", providers: [descriptor] }, null, 2) + "\n");
    return;
  }
  const offered = (process.env.PLUGIN_PROTOCOL_VERSIONS ?? "").split(",").map(Number);
  const hostCertificate = process.env.PLUGIN_CLIENT_CERT;
  const folder = process.env.PLUGIN_UNIX_SOCKET_DIR;
  if (process.env.STANDPIPE_PLUGIN !== "d31f7a54c0be49e0a8d2be6a5fb7b2c1" || !hostCertificate || !folder || !offered.includes(PROTOCOL)) {
    process.stderr.write("This is a plugin of Standpipe and does not run by itself.\n");
    process.exit(1);
  }
  // A host that is killed cannot say goodbye.
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || process.exit(0), 500);

  const server = new grpc.Server({ "grpc.max_receive_message_length": 8 << 20, "grpc.max_send_message_length": 8 << 20 });
  const methods = {};
  const handlers = {};
  for (const [name, method] of Object.entries(service.methods)) {
    if (!operations[name]) continue; // UNIMPLEMENTED: the plugin cannot do it
    const [input, output] = [method.resolvedRequestType, method.resolvedResponseType];
    methods[name] = {
      path: `/standpipe.provider.v1.ProviderService/${name}`, requestStream: false, responseStream: false,
      requestDeserialize: (b) => input.toObject(input.decode(b), { defaults: true, longs: Number }),
      responseSerialize: (v) => Buffer.from(output.encode(output.fromObject(v)).finish()),
    };
    handlers[name] = (call, callback) => {
      call.gone = new AbortController();
      call.on("cancelled", () => call.gone.abort()); // the deadline too
      operations[name](call, call.request).then((v) => callback(null, v), (err) => callback(toStatus(err)));
    };
  }
  server.addService(methods, handlers);
  // go-plugin asks whether the plugin is well, and tells it to go.
  server.addService(
    { Check: { path: "/grpc.health.v1.Health/Check", requestStream: false, responseStream: false, requestDeserialize: () => ({}), responseSerialize: () => Buffer.from([8, 1]) } },
    { Check: (_, callback) => callback(null, {}) },
  );
  server.addService(
    { Shutdown: { path: "/plugin.GRPCController/Shutdown", requestStream: false, responseStream: false, requestDeserialize: () => ({}), responseSerialize: () => Buffer.alloc(0) } },
    { Shutdown: (_, callback) => { callback(null, {}); setImmediate(() => process.exit(0)); } },
  );
  const keyPair = crypto.generateKeyPairSync("rsa", {
    modulusLength: 2048, publicKeyEncoding: { type: "spki", format: "pem" }, privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const own = selfsigned.generate([{ name: "commonName", value: "localhost" }], {
    keyPair, days: 365, algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: true }, { name: "keyUsage", digitalSignature: true, keyCertSign: true, keyEncipherment: true },
      { name: "extKeyUsage", serverAuth: true, clientAuth: true }, { name: "subjectAltName", altNames: [{ type: 2, value: "localhost" }] },
    ],
  });
  const socket = path.join(folder, `plugin${crypto.randomInt(1e9)}`);
  const credentials = grpc.ServerCredentials.createSsl(Buffer.from(hostCertificate), [{ private_key: Buffer.from(own.private), cert_chain: Buffer.from(own.cert) }], true);
  server.bindAsync(`unix:${socket}`, credentials, (err) => {
    if (err) throw err;
    const der = Buffer.from(own.cert.replace(/-----[^-]+-----|\s/g, ""), "base64");
    process.stdout.write(`1|${PROTOCOL}|unix|${socket}|grpc|${der.toString("base64").replace(/=+$/, "")}\n`);
  });
}

serve();
