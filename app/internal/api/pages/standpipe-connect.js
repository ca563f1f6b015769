// SPDX-License-Identifier: Apache-2.0
// <standpipe-connect>: a button that connects an account of your user, for your
// own page. It holds no token and knows no key: your server asks the hub for a
// one-time connect link, the hub's own page does the rest in a popup and says
// how it went, with a reference to the connection and nothing else.
//
//   <script type="module" src="https://hub.example.com/pages/standpipe-connect.js"></script>
//   <standpipe-connect hub="https://hub.example.com" name="GitHub" link-from="/my-server/connect-link"></standpipe-connect>
//
// Attributes
//   hub              origin of the hub's app API
//   name             what to call the provider
//   link-from        address of your server: POST → {"url": "…/connect/…"}; or set the property getLink
//   disconnect-from  address of your server: POST {"connection"} → 2xx; or set the property doDisconnect
//   connection       reference of the connection, where there is one
// Events (bubbling): connected {connection}, disconnected {connection}, error {message}
// Looks: --standpipe-{font,radius,accent,on-accent,text,muted,line,surface,good,bad}

const texts = {
  idle: (name) => `Connect ${name}`,
  busy: () => "Waiting for the other window…",
  connected: (name) => `${name} is connected`,
  blocked:
    "The window was blocked. Allow popups for this page, then try again.",
  closed: "The window was closed before the account was connected.",
  refused: "The connection could not be begun. Try again later.",
};

const style = `
:host { display: inline-block; font: 14px/1.5 var(--standpipe-font, system-ui, sans-serif); color: var(--standpipe-text, inherit); }
:host([hidden]) { display: none; }
.box { display: inline-flex; flex-wrap: wrap; gap: 8px 12px; align-items: center; }
button { font: inherit; font-weight: 600; padding: 8px 16px; cursor: pointer; border: 1px solid var(--standpipe-accent, #0b6b64);
  border-radius: var(--standpipe-radius, 8px); background: var(--standpipe-accent, #0b6b64); color: var(--standpipe-on-accent, #fff); }
button.plain { background: var(--standpipe-surface, transparent); border-color: var(--standpipe-line, #8a949c); color: inherit; }
button:focus-visible { outline: 2px solid var(--standpipe-accent, #0b6b64); outline-offset: 2px; }
button[aria-disabled] { opacity: .6; cursor: default; }
.state::before { content: ""; display: inline-block; width: 8px; height: 8px; margin-right: 7px; border-radius: 50%; background: var(--standpipe-good, #23a35a); }
.error { flex-basis: 100%; margin: 0; color: var(--standpipe-bad, #b0241c); }
.error:empty { display: none; }`;

class StandpipeConnect extends HTMLElement {
  static observedAttributes = ["name", "connection", "hub", "disconnect-from"];

  /** Returns a one-time connect link; by default link-from is asked. */
  getLink;
  /** Ends a connection by its reference; by default disconnect-from is asked. */
  doDisconnect;

  #root = this.attachShadow({ mode: "open" });
  #popup = null;
  #nonce = "";
  #timer = 0;
  #busy = false;
  #error = "";
  #hear = (e) => this.#onMessage(e);

  connectedCallback() {
    addEventListener("message", this.#hear);
    this.#draw();
  }

  disconnectedCallback() {
    removeEventListener("message", this.#hear);
    this.#finish();
  }

  attributeChangedCallback() {
    if (this.isConnected) this.#draw();
  }

  /** The reference of the connection; empty: none. */
  get connection() {
    return this.getAttribute("connection") ?? "";
  }

  /** Opens the hub's page. Call it from a click, or the browser blocks it. */
  async connect() {
    if (this.#busy) return this.#popup?.focus();
    let hub;
    try {
      hub = new URL(this.getAttribute("hub") ?? "").origin;
    } catch {
      return this.#fail("The attribute hub is no address.");
    }
    // Before the link is there: what opens later is blocked.
    this.#popup = open("about:blank", "_blank", "popup,width=520,height=720");
    if (!this.#popup) return this.#fail(texts.blocked);
    this.#busy = true;
    this.#error = "";
    this.#draw();
    try {
      const link = new URL(await this.#link());
      if (link.origin !== hub || !link.pathname.startsWith("/connect/"))
        throw new Error("not a connect link of the hub");
      // One time each: an answer without it is none of this try.
      this.#nonce = [...crypto.getRandomValues(new Uint8Array(16))]
        .map((b) => b.toString(16).padStart(2, "0"))
        .join("");
      link.hash = new URLSearchParams({
        origin: location.origin,
        nonce: this.#nonce,
      });
      this.#popup.location.replace(link);
    } catch {
      this.#popup?.close();
      return this.#fail(texts.refused);
    }
    this.#timer = setInterval(
      () => this.#popup?.closed && this.#fail(texts.closed),
      500,
    );
  }

  async disconnect() {
    const connection = this.connection;
    if (!connection || this.#busy) return;
    this.#busy = true;
    this.#draw();
    try {
      if (this.doDisconnect) await this.doDisconnect(connection);
      else await post(this.getAttribute("disconnect-from"), { connection });
    } catch {
      return this.#fail("It could not be disconnected. Try again later.");
    }
    this.#finish();
    this.removeAttribute("connection");
    this.#tell("disconnected", { connection });
  }

  async #link() {
    if (this.getLink) return this.getLink();
    return (await (await post(this.getAttribute("link-from"), {})).json()).url;
  }

  #onMessage(e) {
    const hub = this.getAttribute("hub");
    // Only the hub, only from the window that was opened, only for this try.
    if (
      !this.#popup ||
      !hub ||
      e.origin !== new URL(hub).origin ||
      e.source !== this.#popup
    )
      return;
    const { type, nonce, status, connection, message } = e.data ?? {};
    if (type !== "standpipe" || !this.#nonce || nonce !== this.#nonce) return;
    this.#popup.close();
    if (status !== "connected" || typeof connection !== "string") {
      return this.#fail(typeof message === "string" ? message : texts.refused);
    }
    this.#finish();
    this.setAttribute("connection", connection);
    this.#tell("connected", { connection });
  }

  #finish() {
    clearInterval(this.#timer);
    this.#popup = null;
    this.#nonce = "";
    this.#busy = false;
    this.#error = "";
    this.#draw();
  }

  #fail(message) {
    this.#finish();
    this.#error = message;
    this.#draw();
    this.#tell("error", { message });
  }

  #tell(name, detail) {
    this.dispatchEvent(
      new CustomEvent(name, { detail, bubbles: true, composed: true }),
    );
  }

  #draw() {
    const name = this.getAttribute("name") || "your account";
    const focused = this.#root.activeElement?.dataset.act;
    const box = make("span", { className: "box" });
    if (this.connection && !this.#busy) {
      box.append(
        make("span", {
          className: "state",
          textContent: texts.connected(name),
        }),
      );
      if (this.doDisconnect || this.hasAttribute("disconnect-from")) {
        box.append(
          this.#button("Disconnect", "plain", "disconnect", () =>
            this.disconnect(),
          ),
        );
      }
    } else {
      const label = this.#busy ? texts.busy() : texts.idle(name);
      const button = this.#button(label, "", "connect", () => this.connect());
      if (this.#busy) button.setAttribute("aria-disabled", "true");
      box.append(button);
    }
    const error = make("p", { className: "error", textContent: this.#error });
    error.setAttribute("role", "alert");
    box.append(error);
    // A sheet, not a style element: strict policies of the page allow it.
    if (this.#root.adoptedStyleSheets.length === 0) {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(style);
      this.#root.adoptedStyleSheets = [sheet];
    }
    this.#root.replaceChildren(box);
    if (focused) this.#root.querySelector("button")?.focus();
  }

  #button(text, className, act, onclick) {
    const b = make("button", {
      type: "button",
      textContent: text,
      className,
      onclick,
    });
    b.dataset.act = act;
    return b;
  }
}

const make = (tag, properties) =>
  Object.assign(document.createElement(tag), properties);

async function post(url, body) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    credentials: "same-origin",
  });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer;
}

if (!customElements.get("standpipe-connect"))
  customElements.define("standpipe-connect", StandpipeConnect);
