// SPDX-License-Identifier: Apache-2.0
// A provider's plugin in words: where it comes from and what keeps it in.
import type { Integration, PluginBrief } from "./api/types";
import type { Fact } from "./life";

const sources: Record<PluginBrief["source"], string> = {
  bundled: "came with Standpipe",
  installed: "was installed by you",
  development: "is being written on this machine",
};

const states: Record<PluginBrief["state"], string> = {
  running: "runs",
  starting: "is starting",
  stopped: "rests until it is needed",
  backoff: "failed, and is tried again soon",
  crashed: "failed again and again, and is left alone for a while",
  refused: "is refused",
};

const network: Record<string, string> = {
  closed: "none of its own: Standpipe dials for it, to this provider's hosts only",
  limited: "no TCP of its own; this system cannot close UDP to it",
  open: "this system offers nothing to close it with",
};

const files: Record<string, string> = {
  closed: "none: your files are out of its reach",
  limited: "most are out of its reach; this system cannot close them all",
  open: "this system offers nothing to keep it from them",
};

/** The lines about a provider's origin and its plugin. */
export function pluginFacts(i: Integration): Fact[] {
  const out: (Fact & { code?: boolean })[] = [];
  if (i.custom) out.push({ name: "Declared", value: "on this page", testid: "declared" });
  else if (i.declared_in)
    out.push({ name: "Declared in", value: i.declared_in, code: true, testid: "declared" });
  const p = i.plugin;
  if (!p) return out;
  out.push(
    {
      name: "Plugin",
      value: [p.name, p.version].filter(Boolean).join(" "),
      note: `It ${sources[p.source]} and ${states[p.state]}.`,
      testid: "plugin-name",
    },
    { name: "Network", value: network[p.network ?? ""] ?? "", testid: "plugin-network" },
    {
      name: "Files",
      value: files[p.files ?? ""] ?? "",
      note: p.missing?.join(" "),
      testid: "plugin-files",
    },
  );
  return out;
}
