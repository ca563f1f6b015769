// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import type { CustomProvider } from "./api/types";
import { canPreview, checkCustom, customBody, customForm, readPairs, readScopes, slugOf } from "./custom";

const acme: CustomProvider = {
  slug: "acme",
  name: "Acme",
  authorize_url: "https://login.acme.test/authorize",
  token_url: "https://api.acme.test/token",
  no_pkce: true,
  scope_separator: ",",
  client_auth: "basic",
  authorize_params: { audience: "api", access: "a=b" },
  token_params: {},
  scopes: [{ name: "read", title: "Read things" }, { name: "write" }],
  identity: { url: "https://api.acme.test/me", subject: "data.id", picture: "data.avatar" },
  picture_hosts: ["images.acme.test", "*.cdn.acme.test:8443"],
};

test("what the hub has goes into the form and comes out the same", () => {
  const back = JSON.parse(JSON.stringify(customBody(customForm(acme))));
  expect(back).toEqual(acme);
  expect(checkCustom(customForm(acme))).toEqual({});
});

test("a new one begins with an issuer, and says what is missing", () => {
  const f = customForm();
  expect(Object.keys(checkCustom(f)).sort()).toEqual(["issuer", "name", "slug"]);
  expect(canPreview(f)).toBe(false);
  f.issuer = "https://id.acme.test";
  expect(canPreview(f)).toBe(true);
  Object.assign(f, { name: "Acme", slug: "acme" });
  expect(checkCustom(f)).toEqual({});
  expect(customBody(f, ["keys.acme.test:443"])).toMatchObject({
    issuer: "https://id.acme.test",
    hosts: ["keys.acme.test:443"],
    scopes: [{ name: "openid", title: "Prove who you are" }, { name: "profile" }, { name: "email" }],
  });
});

test.each<[Partial<ReturnType<typeof customForm>>, string, RegExp]>([
  [{ slug: "Acme!" }, "slug", /lower-case/i],
  [{ name: " " }, "name", /name/],
  [{ authorizeURL: "" }, "authorize_url", /browser/],
  [{ authorizeURL: "login.acme.test" }, "authorize_url", /https:\/\//],
  [{ authorizeURL: "javascript:alert(1)" }, "authorize_url", /https:\/\//],
  [{ authorizeURL: "https://{tenant}.acme.test/" }, "authorize_url", /braces|address/],
  [{ tokenURL: "http://acme.test/token" }, "token_url", /could be read/],
  [{ revokeURL: "https://u:p@acme.test" }, "revoke_url", /password/],
  [{ authorizeParams: "prompt" }, "authorize_params", /name = value/],
  [{ tokenParams: "a=1\na=2" }, "token_params", /twice/],
  [{ scopes: 'say"hi' }, "scopes", /no name of a scope/],
  [{ by: "issuer", issuer: "https://id.test", identityURL: "", subject: "" }, "scopes", /openid/],
  [{ identityURL: "" }, "identity.url", /told apart/],
  [{ subject: "" }, "identity.subject", /id/],
  [{ pictureHosts: "https://images.acme.test" }, "picture_hosts", /no host/],
  [{ pictureHosts: "images.acme.test, *.test" }, "picture_hosts", /“\*\.test”/],
])("%j is told at %s", (change, field, words) => {
  const problems = checkCustom({ ...customForm(acme), ...change });
  expect(Object.keys(problems)).toEqual([field]);
  expect(problems[field]).toMatch(words);
});

test("http is for what is in the own network", () => {
  expect(
    checkCustom({ ...customForm(acme), tokenURL: "http://10.0.0.1/token", privateNetwork: true }),
  ).toEqual({});
});

test("short names, pairs and scopes are read", () => {
  expect(slugOf("  Acmé CRM (beta) ")).toBe("acme-crm-beta");
  expect(readPairs(" a = 1 \n\n b=c=d")).toEqual({ pairs: { a: "1", b: "c=d" } });
  expect(readScopes("read\n repo  Read your   repositories ")).toEqual([
    { name: "read" },
    { name: "repo", title: "Read your repositories" },
  ]);
});
