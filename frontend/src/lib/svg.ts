// SPDX-License-Identifier: Apache-2.0

/** An SVG text as the address of an image. */
export function svgDataUrl(svg: string): string {
  const withNamespace = /<svg[^>]*\sxmlns=/.test(svg)
    ? svg
    : svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"');
  const bytes = new TextEncoder().encode(withNamespace);
  return "data:image/svg+xml;base64," + btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""));
}
