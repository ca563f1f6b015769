// SPDX-License-Identifier: Apache-2.0

// Reports to the page that opened this window with <standpipe-connect>: how it
// went, and a reference. The origin must be one of the configuration, the nonce
// is that page's and is used once.
(() => {
  const key = 'standpipe-opener';
  const asked = new URLSearchParams(location.hash.slice(1));
  if (asked.has('origin') && asked.has('nonce')) {
    sessionStorage.setItem(key, JSON.stringify({ origin: asked.get('origin'), nonce: asked.get('nonce') }));
    history.replaceState(null, '', location.pathname);
  }
  window.standpipeReport = (answer) => {
    const kept = sessionStorage.getItem(key);
    if (!kept || !window.opener) return;
    sessionStorage.removeItem(key);
    const { origin, nonce } = JSON.parse(kept);
    const allowed = document.querySelector('meta[name="standpipe-origins"]').content.split(' ');
    if (!origin || !allowed.includes(origin)) return;
    window.opener.postMessage({ type: 'standpipe', nonce, ...answer }, origin);
  };
  // A page that tells of a failure has nothing more to do.
  addEventListener('DOMContentLoaded', () => {
    const card = document.getElementById('card');
    if (card.classList.contains('bad')) {
      window.standpipeReport({ status: 'error', message: document.getElementById('text').textContent });
    }
  });
})();
