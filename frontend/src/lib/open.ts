// SPDX-License-Identifier: Apache-2.0
// The one way to an external page. A plain link would navigate the native
// window away from Standpipe, and window.open does nothing there.
import type { Client } from "./api/client";
import { inWindow } from "./host";

/** Whether an address may be opened at all: never javascript:, file: and the like. */
export function isWebAddress(url: string): boolean {
  try {
    return ["http:", "https:"].includes(new URL(url).protocol);
  } catch {
    return false;
  }
}

/** Opens a page in the system browser or a new tab. False: it did not work, show the address. */
export async function openExternal(client: Client, url: string): Promise<boolean> {
  if (!isWebAddress(url)) return false;
  if (inWindow()) {
    try {
      await client.openInBrowser(url);
      return true;
    } catch {
      return false;
    }
  }
  // With noopener the answer is always null, so it cannot be told whether a
  // blocker stood in the way; without, the other page is cut off by hand.
  return point(window.open("about:blank", "_blank"), url);
}

/**
 * A tab that is opened within the click, before the address is known: browsers
 * block what opens later. In the window there is nothing to prepare.
 */
export interface PreparedTab {
  go: (url: string) => Promise<boolean>;
  close: () => void;
}

export function prepareTab(client: Client): PreparedTab {
  if (inWindow()) {
    return { go: (url) => openExternal(client, url), close: () => {} };
  }
  const tab = window.open("about:blank", "_blank");
  return {
    go: async (url) => {
      if (isWebAddress(url)) return point(tab, url);
      tab?.close();
      return false;
    },
    close: () => tab?.close(),
  };
}

function point(tab: Window | null, url: string): boolean {
  if (!tab || tab.closed) return false;
  tab.opener = null;
  tab.location.replace(url);
  return true;
}
