// The page is whole without this. Left open, it is kept current: every so often it is asked for
// again, and each part marked data-live that differs takes the place of the old one.
"use strict";

(() => {
  const EVERY = 30_000; // milliseconds; what is counted changes all the time, what matters rarely
  const PATIENCE = 20_000;

  let answered = Date.now();
  let request = null;

  function ask() {
    if (request !== null || document.visibilityState === "hidden") return;
    request = new XMLHttpRequest();
    request.open("GET", location.pathname + location.search);
    request.responseType = "document"; // parsed by the browser, and never run
    request.overrideMimeType("text/html"); // whatever a proxy sends in its place
    request.timeout = PATIENCE;
    request.onloadend = () => {
      const { status, response } = request;
      request = null;
      if (status === 200 && response !== null) {
        answered = Date.now();
        show(response);
      }
      tell(status === 200);
    };
    request.send();
  }

  function show(fresh) {
    document.title = fresh.title;
    for (const old of document.querySelectorAll("[data-live]")) {
      const found = fresh.getElementById(old.id);
      if (found !== null && !isInHand(old)) replace(old, document.importNode(found, true));
    }
  }

  // What is being marked, to be copied, stays as it is until the next time.
  function isInHand(part) {
    const marked = getSelection();
    return !marked.isCollapsed && marked.containsNode(part, true);
  }

  function replace(old, fresh) {
    const opened = [...old.querySelectorAll("details")];
    fresh.querySelectorAll("details").forEach((each, place) => {
      each.open = opened[place]?.open ?? each.open;
    });
    if (old.isEqualNode(fresh)) return;
    const links = (part) => [...part.querySelectorAll("a, summary, [tabindex]")];
    const focused = links(old).indexOf(document.activeElement);
    const href = document.activeElement.getAttribute("href");
    old.replaceWith(fresh);
    if (focused < 0) return;
    const same = (each) => each.getAttribute("href") === href;
    (links(fresh).find(same) ?? links(fresh)[focused])?.focus({ preventScroll: true });
  }

  function tell(well) {
    const place = document.getElementById("stale");
    const since = new Date(answered).toISOString().slice(11, 19);
    const text = well ? "" : `No answer since ${since} UTC: what is shown is old.`;
    if (place.textContent !== text) place.textContent = text;
  }

  setInterval(ask, EVERY);
  document.addEventListener("visibilitychange", () => {
    if (Date.now() - answered >= EVERY) ask();
  });
})();
