// SPDX-License-Identifier: Apache-2.0
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";

const rules = {
  // A Blob body ends the whole window process (WebKitGTK): JSON only.
  "no-restricted-globals": ["error", "Blob", "FormData", "XMLHttpRequest", "EventSource", "WebSocket"],
  // Links must go through lib/open.ts: a plain one navigates the window away.
  "no-restricted-properties": ["error", { object: "window", property: "open", message: "use lib/open.ts" }],
  "svelte/no-at-html-tags": "error",
  // {" "} keeps a space that Svelte would trim.
  "svelte/no-useless-mustaches": "off",
};

export default ts.config(
  { ignores: ["dist", "node_modules"] },
  ...ts.configs.recommended,
  ...svelte.configs["flat/recommended"],
  { languageOptions: { globals: { ...globals.browser, ...globals.node } }, rules },
  { files: ["**/*.svelte", "**/*.svelte.ts"], languageOptions: { parserOptions: { parser: ts.parser } } },
  { files: ["src/lib/open.ts"], rules: { "no-restricted-properties": "off" } },
);
