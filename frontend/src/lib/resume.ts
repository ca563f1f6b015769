// SPDX-License-Identifier: Apache-2.0
// A flow that is under way outlives a reload of its tab: the hub holds it, the
// tab remembers which one it was.

const storageKey = "standpipe-flow";

export interface Begun {
  flow: string;
  integration: string;
  /** The connection that is reauthorized. */
  connection?: string;
}

export const keepFlow = (b: Begun) => sessionStorage.setItem(storageKey, JSON.stringify(b));

export const forgetFlow = () => sessionStorage.removeItem(storageKey);

/** The flow that this tab began and has not ended. */
export function begunFlow(): Begun | undefined {
  try {
    const b = JSON.parse(sessionStorage.getItem(storageKey) ?? "null") as Begun | null;
    return b && typeof b.flow === "string" && typeof b.integration === "string" ? b : undefined;
  } catch {
    return undefined;
  }
}
