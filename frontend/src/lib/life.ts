// SPDX-License-Identifier: Apache-2.0
// How long a connection lives, in words.
import type { ConnectionDetail, Forecast, Integration } from "./api/types";
import { clock, relative } from "./time";

export interface Fact {
  name: string;
  value: string;
  note?: string;
  testid?: string;
}

const sources: Record<ConnectionDetail["expiry_source"], string> = {
  "": "The provider does not say how long it lives.",
  never: "The provider says that it does not expire.",
  assumed: "The provider does not say; this is what its documentation promises.",
  declared: "",
  jwt: "",
  introspected: "",
};

const ends: Record<Forecast["why"], (name: string) => string> = {
  no_refresh_token: (name) => `${name} gave nothing to renew the token with: connect again by then.`,
  refresh_token_expires: (name) => `${name} ends the access then, however it is used: reauthorize before.`,
  refresh_token_idle: (name) =>
    `Only if Standpipe does not run until then: ${name} ends what is not used for so long.`,
};

/** The lines about token, renewal and end of a connection. */
export function lifeOf(d: ConnectionDetail, i: Integration, now = Date.now()): Fact[] {
  const out: Fact[] = [];
  const works = d.state === "connected";
  if (d.expires_at) {
    const over = Date.parse(d.expires_at) <= now;
    out.push({
      name: "This token",
      value: over ? `expired ${relative(d.expires_at, now)}` : `works until ${clock(d.expires_at)}`,
      note: sources[d.expiry_source],
      testid: "token-expiry",
    });
  } else {
    out.push({
      name: "This token",
      value: d.expiry_source === "never" ? "does not expire" : "has no known end",
      note: d.expiry_source === "never" ? "" : sources[""],
      testid: "token-expiry",
    });
  }
  if (works) {
    out.push({
      name: "Renewal",
      value: !d.renewable ? (d.expires_at ? "not possible" : "not needed") : "by itself, before it expires",
      testid: "token-renewal",
    });
  }
  if (d.last_refresh)
    out.push({ name: "Last renewed", value: relative(d.last_refresh, now), testid: "token-refreshed" });
  const end = d.forecast?.needs_user_at ?? d.refresh_expires_at;
  if (works && end) {
    out.push({
      name: "Needs you",
      value: `${relative(end, now)} (${clock(end)})`,
      note: ends[d.forecast?.why ?? "refresh_token_expires"](i.name),
      testid: "needs-you",
    });
  }
  out.push({ name: "Connected", value: clock(d.created_at) });
  return out;
}
