// Keeps the page up to date: asks for the same page again and puts its content in place of the old.
// Everything is rendered, and escaped, by the server; without this script the page works all the same.
"use strict";
(() => {
  const PERIOD_MS = 5000;
  const TYPING_MS = 250;
  const content = document.getElementById("content");
  const freshness = document.getElementById("freshness");
  const pause = document.getElementById("pause");
  const form = document.querySelector("form.filter");
  let etag = "";
  let asked = 0;
  let paused = false;

  const show = (text, stale) => {
    freshness.textContent = text;
    freshness.classList.toggle("stale", stale);
  };

  // what the reader opened, closed or focused stays so
  const replaceContent = (fresh) => {
    const shown = new Map();
    for (const each of content.querySelectorAll("details[id]")) shown.set(each.id, each.open);
    const focused = content.contains(document.activeElement) ? path(document.activeElement) : null;
    content.replaceChildren(...fresh.childNodes);
    for (const each of content.querySelectorAll("details[id]")) {
      if (shown.has(each.id)) each.open = shown.get(each.id);
    }
    if (focused) follow(focused)?.focus({ preventScroll: true });
  };
  const path = (element) => {
    const steps = [];
    for (let at = element; at !== content; at = at.parentElement) {
      steps.unshift(Array.prototype.indexOf.call(at.parentElement.children, at));
    }
    return { tag: element.tagName, steps };
  };
  const follow = ({ tag, steps }) => {
    let at = content;
    for (const step of steps) at = at?.children[step];
    return at?.tagName === tag ? at : null;
  };

  const refresh = async (url = location.href) => {
    const mine = ++asked;
    try {
      const answer = await fetch(url, {
        headers: etag ? { "If-None-Match": etag } : {},
        signal: AbortSignal.timeout(PERIOD_MS * 3),
      });
      if (mine !== asked) return;
      if (answer.status !== 304) {
        if (!answer.ok) throw new Error(String(answer.status));
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (mine !== asked) return;
        const update = fresh.getElementById("content");
        if (!update) throw new Error("no content");
        replaceContent(update);
        document.title = fresh.title;
        etag = answer.headers.get("ETag") || "";
      }
      show(`Up to date at ${new Date().toISOString().slice(11, 19)} UTC.`, false);
    } catch {
      if (mine === asked) show("Not up to date: the exporter does not answer.", true);
    }
  };

  setInterval(() => {
    const selecting = content.contains(document.getSelection()?.anchorNode ?? null) &&
      !document.getSelection().isCollapsed;
    if (!paused && !document.hidden && !selecting) refresh();
  }, PERIOD_MS);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !paused) refresh();
  });

  // each update would be read out: only a change of state is
  freshness.removeAttribute("aria-live");
  freshness.setAttribute("role", "none");
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on updating" : "Pause updates";
    if (!paused) refresh();
  });

  if (form) {
    let waiting = 0;
    const apply = () => {
      const query = new URLSearchParams();
      for (const [key, value] of new FormData(form)) if (value) query.set(key, value);
      const url = query.size ? `/?${query}` : "/";
      history.replaceState(null, "", url);
      etag = "";
      refresh(url);
    };
    form.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(apply, TYPING_MS);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(waiting);
      apply();
    });
  }
})();
