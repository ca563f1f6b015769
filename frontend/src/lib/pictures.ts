// SPDX-License-Identifier: Apache-2.0

/** An account that may have a picture: its connection, and which picture it is. */
export interface Pictured {
  id: string;
  picture?: string;
}

/** How many are asked for at once: the browser has few connections, and the page needs them. */
const atOnce = 2;

/** The pictures of accounts as data URLs. Each is asked for once. */
export class Pictures {
  readonly #ask: (connection: string) => Promise<{ png: string }>;
  #have = new Map<string, string>();
  #coming = new Map<string, Promise<string>>();
  #busy = 0;
  #waiting: (() => void)[] = [];

  constructor(ask: (connection: string) => Promise<{ png: string }>) {
    this.#ask = ask;
  }

  /** The picture, if it is here; else "". */
  peek = (of: Pictured): string => this.#have.get(key(of)) ?? "";

  /** The picture; "" where there is none to be had. */
  load(of: Pictured): Promise<string> {
    const k = key(of);
    const here = this.#have.get(k);
    if (here !== undefined) return Promise.resolve(here);
    let coming = this.#coming.get(k);
    if (!coming) {
      coming = this.#fetch(of, k);
      this.#coming.set(k, coming);
    }
    return coming;
  }

  /** Forgets them all: nothing is shown while the hub is locked. */
  clear() {
    this.#have = new Map();
    this.#coming = new Map();
  }

  async #fetch(of: Pictured, k: string): Promise<string> {
    if (this.#busy >= atOnce) await new Promise<void>((go) => this.#waiting.push(go));
    else this.#busy++;
    const have = this.#have; // not the one of after a clear
    try {
      const url = `data:image/png;base64,${(await this.#ask(of.id)).png}`;
      have.set(k, url);
      return url;
    } catch {
      return ""; // initials will do; asked for again where it is shown again
    } finally {
      if (have === this.#have) this.#coming.delete(k);
      const next = this.#waiting.shift();
      if (next) next();
      else this.#busy--;
    }
  }
}

const key = (of: Pictured) => `${of.id} ${of.picture}`;
