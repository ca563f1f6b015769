// SPDX-License-Identifier: Apache-2.0
// The form of a custom provider without its looks: what it holds, what is wrong
// with it, and what goes to the hub, which checks it all again.
import type { CustomProvider } from "./api/types";

export interface CustomForm {
  slug: string;
  name: string;
  description: string;
  /** How the addresses are known. */
  by: "issuer" | "address";
  issuer: string;
  authorizeURL: string;
  tokenURL: string;
  revokeURL: string;
  privateNetwork: boolean;
  pkce: boolean;
  separator: string;
  clientAuth: string;
  secretRequired: boolean;
  redirectHost: string;
  /** A line each: name = value. */
  authorizeParams: string;
  tokenParams: string;
  /** A line each: the scope, and after a blank what it allows. */
  scopes: string;
  identityURL: string;
  subject: string;
  login: string;
  accountName: string;
  email: string;
  picture: string;
  /** Names of hosts, with blanks or commas between them. */
  pictureHosts: string;
}

const pairs = (m: Record<string, string> | undefined) =>
  Object.entries(m ?? {})
    .map(([k, v]) => `${k} = ${v}`)
    .join("\n");

export function customForm(p?: CustomProvider): CustomForm {
  return {
    slug: p?.slug ?? "",
    name: p?.name ?? "",
    description: p?.description ?? "",
    by: p && !p.issuer ? "address" : "issuer",
    issuer: p?.issuer ?? "",
    authorizeURL: p?.authorize_url ?? "",
    tokenURL: p?.token_url ?? "",
    revokeURL: p?.revoke_url ?? "",
    privateNetwork: p?.private_network ?? false,
    pkce: !p?.no_pkce,
    separator: p?.scope_separator || " ",
    clientAuth: p?.client_auth ?? "",
    secretRequired: p?.secret_required ?? false,
    redirectHost: p?.redirect_host ?? "",
    authorizeParams: pairs(p?.authorize_params),
    tokenParams: pairs(p?.token_params),
    scopes: p
      ? (p.scopes ?? []).map((s) => [s.name, s.title].filter(Boolean).join(" ")).join("\n")
      : "openid Prove who you are\nprofile Read your name\nemail Read your e-mail address",
    identityURL: p?.identity?.url ?? "",
    subject: p?.identity?.subject ?? "",
    login: p?.identity?.login ?? "",
    accountName: p?.identity?.name ?? "",
    email: p?.identity?.email ?? "",
    picture: p?.identity?.picture ?? "",
    pictureHosts: (p?.picture_hosts ?? []).join(" "),
  };
}

/** A short name out of a name: "Acme CRM" → "acme-crm". */
export const slugOf = (name: string): string =>
  name
    .toLowerCase()
    .normalize("NFKD")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+/, "")
    .slice(0, 63)
    .replace(/-+$/, "");

const lines = (text: string) =>
  text
    .split("\n")
    .map((l) => l.trim())
    .filter(Boolean);

/** Reads "name = value" lines; a line without a name is what is wrong. */
export function readPairs(text: string): { pairs: Record<string, string>; wrong?: string } {
  const out: Record<string, string> = {};
  for (const line of lines(text)) {
    const at = line.indexOf("=");
    const name = line.slice(0, at).trim();
    if (at < 1 || !name) return { pairs: out, wrong: `“${line}” is not of the form name = value.` };
    if (name in out) return { pairs: out, wrong: `${name} is there twice.` };
    out[name] = line.slice(at + 1).trim();
  }
  return { pairs: out };
}

/** Reads the scopes, one a line. */
export const readScopes = (text: string) =>
  lines(text).map((line) => {
    const [name = "", ...words] = line.split(/\s+/);
    return words.length > 0 ? { name, title: words.join(" ") } : { name };
  });

/** Reads the hosts of pictures. */
export const readHosts = (text: string) => text.split(/[\s,]+/).filter(Boolean);

/** What goes to the hub. hosts are those that the preview found. */
export function customBody(f: CustomForm, hosts: string[] = []): CustomProvider {
  const text = (v: string) => v.trim() || undefined;
  const issuer = f.by === "issuer";
  const id = {
    url: text(f.identityURL),
    subject: text(f.subject),
    login: text(f.login),
    name: text(f.accountName),
    email: text(f.email),
    picture: text(f.picture),
  };
  const own = Object.values(id).some(Boolean);
  const pictureHosts = readHosts(f.pictureHosts);
  return {
    slug: f.slug.trim(),
    name: f.name.trim(),
    description: text(f.description),
    issuer: issuer ? text(f.issuer) : undefined,
    authorize_url: issuer ? undefined : text(f.authorizeURL),
    token_url: issuer ? undefined : text(f.tokenURL),
    revoke_url: text(f.revokeURL),
    hosts: issuer && hosts.length > 0 ? hosts : undefined,
    private_network: f.privateNetwork || undefined,
    no_pkce: !f.pkce || undefined,
    scope_separator: f.separator === " " ? undefined : f.separator,
    client_auth: f.clientAuth || undefined,
    secret_required: f.secretRequired || undefined,
    redirect_host: f.redirectHost || undefined,
    authorize_params: readPairs(f.authorizeParams).pairs,
    token_params: readPairs(f.tokenParams).pairs,
    scopes: readScopes(f.scopes),
    identity: own ? id : undefined,
    picture_hosts: pictureHosts.length > 0 ? pictureHosts : undefined,
  };
}

function checkURL(value: string, isPrivate: boolean): string {
  const v = value.trim();
  let url: URL;
  try {
    url = new URL(v);
  } catch {
    return "This is no address. It begins with https://.";
  }
  if (url.protocol === "http:" && !isPrivate)
    return "Without https, what is sent there could be read on the way. For a service in your own network, tick the box below.";
  if (url.protocol !== "https:" && url.protocol !== "http:") return "An address begins with https://.";
  if (url.username || url.password || url.hash) return "Leave out user name, password and # part.";
  if (/[{}\s]/.test(v)) return "Replace what stands in braces, and leave out blanks.";
  return "";
}

/** What is wrong, by field, under the names that the hub uses. */
export function checkCustom(f: CustomForm): Record<string, string> {
  const out: Record<string, string> = {};
  const wrong = (field: string, problem: string) => {
    if (problem && !out[field]) out[field] = problem;
  };
  const address = (field: string, value: string, missing: string) =>
    wrong(field, value.trim() ? checkURL(value, f.privateNetwork) : missing);

  if (!f.name.trim()) wrong("name", "Give it the name by which people know the service.");
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(f.slug.trim()))
    wrong(
      "slug",
      "Lower-case letters, digits and hyphens, at most 63; it becomes a part of the redirect URI.",
    );
  if (f.by === "issuer") {
    address("issuer", f.issuer, "Enter the issuer, as the provider's documentation names it.");
  } else {
    address("authorize_url", f.authorizeURL, "Enter the address to which the browser is sent.");
    address("token_url", f.tokenURL, "Enter the address at which codes are traded for tokens.");
  }
  address("revoke_url", f.revokeURL, "");
  wrong("authorize_params", readPairs(f.authorizeParams).wrong ?? "");
  wrong("token_params", readPairs(f.tokenParams).wrong ?? "");
  const scopes = readScopes(f.scopes);
  const bad = scopes.find((s) => !/^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(s.name));
  if (bad) wrong("scopes", `“${bad.name}” is no name of a scope.`);
  if (f.by === "issuer" && !f.identityURL.trim() && !scopes.some((s) => s.name === "openid"))
    wrong("scopes", "The scope openid is missing: without it an issuer says nothing of the account.");
  if (f.by === "address" || f.identityURL.trim())
    address(
      "identity.url",
      f.identityURL,
      "Enter the address that tells whose a token is: without it, two accounts cannot be told apart.",
    );
  if (f.identityURL.trim() && !f.subject.trim())
    wrong(
      "identity.subject",
      "Say where the account's id is, such as id or data.id. Not its e-mail: that may change.",
    );
  const host = readHosts(f.pictureHosts).find(
    (h) => !/^([a-z0-9-]+(\.[a-z0-9-]+)*|\*(\.[a-z0-9-]+){2,})(:[1-9][0-9]{0,4})?$/i.test(h),
  );
  if (host)
    wrong("picture_hosts", `“${host}” is no host. Write it like images.example.com or *.example.com.`);
  return out;
}

/** Whether enough is there for the hub to make an authorization URL. */
export const canPreview = (f: CustomForm): boolean => {
  const problems = checkCustom(f);
  const needed = f.by === "issuer" ? ["issuer"] : ["authorize_url"];
  return [...needed, "revoke_url", "authorize_params", "token_params"].every((k) => !problems[k]);
};
